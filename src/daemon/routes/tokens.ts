import type { Token } from '../../core/identity.ts';
import { isoOrNull, isoTime } from '../../core/view.ts';
import type { MadeTokenJson, TokenJson } from '../../core/wire-identity.ts';
import { type Answer, json, noContent, problem, type Reply } from '../answer.ts';
import { audit } from '../audit.ts';
import type { Daemon } from '../daemon.ts';
import { type Ask, body } from '../requests.ts';
import { newTokenSchema } from './identity-schemas.ts';
import type { ApiRoute } from './route.ts';
import { refusePrivate } from './users.ts';

/** What programs say who they are with: everybody has their own, an admin sees all. */
export function tokenRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    { method: 'get', path: '/api/v2/tokens', needs: 'viewer', answer: (ask) => list(daemon, ask) },
    { method: 'post', path: '/api/v2/tokens', needs: 'viewer', answer: (ask) => add(daemon, ask) },
    { method: 'delete', path: '/api/v2/tokens/:token', needs: 'viewer', answer: (ask) => revoke(daemon, ask) },
  ];
}

function list(daemon: Daemon, ask: Ask): Reply {
  const tokens = daemon.identities.credentials.list(daemon.identify(ask));
  return json({ tokens: tokens.map((token) => tokenToJson(daemon, token)) });
}

async function add(daemon: Daemon, ask: Ask): Promise<Answer> {
  const refusal = refusePrivate(daemon);
  if (refusal) return problem(refusal);
  const { name, role, for: span = null } = await body(ask, newTokenSchema, daemon.http.body);
  const expiresAt = span === null ? null : daemon.engine.now() + Math.round(span * 1000);
  const by = daemon.identify(ask);
  const made = daemon.identities.credentials.add(by, name, role, expiresAt);
  if ('code' in made) return problem(made);
  await audit(daemon, { action: 'token-created', by, about: made.token.name, note: role });
  const answer: MadeTokenJson = { secret: made.secret, token: tokenToJson(daemon, made.token) };
  return json(answer);
}

async function revoke(daemon: Daemon, ask: Ask): Promise<Answer> {
  const by = daemon.identify(ask);
  const revoked = daemon.identities.credentials.revoke(by, ask.req.param('token') ?? '');
  if ('code' in revoked) return problem(revoked);
  await audit(daemon, { action: 'token-revoked', by, about: revoked.name });
  return noContent();
}

function tokenToJson({ identities }: Daemon, token: Token): TokenJson {
  const { id, name, role, owner, login, createdAt, createdBy, expiresAt } = token;
  return {
    id,
    name,
    role,
    owner,
    login,
    created: isoTime(createdAt),
    createdBy,
    expires: isoOrNull(expiresAt),
    lastUsed: isoOrNull(identities.credentials.lastUsedAt(token)),
  };
}
