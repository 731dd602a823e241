import { type Refusal, refuse } from '../../core/error.ts';
import type { User } from '../../core/identity.ts';
import { isoTime } from '../../core/view.ts';
import type { UserJson } from '../../core/wire-identity.ts';
import { type Answer, json, noContent, problem, type Reply } from '../answer.ts';
import { audit } from '../audit.ts';
import type { Daemon } from '../daemon.ts';
import { type Ask, body } from '../requests.ts';
import { newUserSchema, userChangeSchema } from './identity-schemas.ts';
import type { ApiRoute } from './route.ts';

/** Those with a password. */
export function userRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    { method: 'get', path: '/api/v2/users', needs: 'admin', answer: () => list(daemon) },
    { method: 'post', path: '/api/v2/users', needs: 'admin', answer: (ask) => add(daemon, ask) },
    // Everybody may change their own password; the rest is for admins, which is looked at further in.
    { method: 'patch', path: '/api/v2/users/:user', needs: 'viewer', answer: (ask) => change(daemon, ask) },
    { method: 'delete', path: '/api/v2/users/:user', needs: 'admin', answer: (ask) => remove(daemon, ask) },
  ];
}

function list({ identities }: Daemon): Reply {
  return json({ users: identities.people.list().map(userToJson) });
}

async function add(daemon: Daemon, ask: Ask): Promise<Answer> {
  const refusal = refusePrivate(daemon);
  if (refusal) return problem(refusal);
  const by = daemon.identify(ask);
  const { name, role, password, mail = null } = await body(ask, newUserSchema, daemon.http.body);
  const added = await daemon.identities.people.add({ name, role, password, mail });
  if ('code' in added) return problem(added);
  await audit(daemon, { action: 'user-added', by, about: added.name, note: added.role });
  return json({ user: userToJson(added) });
}

/** A private daemon is reached by its user alone, and started again whenever somebody needs it. */
export function refusePrivate({ describe }: Daemon): Refusal | null {
  if (describe === null) return null;
  return refuse('denied', 'a private daemon has one user, and knows no others', {
    hint: 'start one for everybody with `rentabot serve`',
  });
}

async function change(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { principal, credential } = daemon.callerOf(ask);
  const asked = await body(ask, userChangeSchema, daemon.http.body);
  const changed = await daemon.identities.people.change(principal, nameOf(ask), asked, credential);
  if ('code' in changed) return problem(changed);
  const deed = { by: principal, about: changed.name };
  if (asked.password !== undefined) await audit(daemon, { ...deed, action: 'password-changed' });
  if (asked.role !== undefined || asked.mail !== undefined)
    await audit(daemon, { ...deed, action: 'user-changed', note: changed.role });
  return json({ user: userToJson(changed) });
}

async function remove(daemon: Daemon, ask: Ask): Promise<Answer> {
  const by = daemon.identify(ask);
  const removed = daemon.identities.people.remove(nameOf(ask));
  if ('code' in removed) return problem(removed);
  await audit(daemon, { action: 'user-removed', by, about: removed.name });
  return noContent();
}

function nameOf(ask: Ask): string {
  return ask.req.param('user') ?? '';
}

function userToJson({ name, role, mail, createdAt }: User): UserJson {
  return { name, role, mail, created: isoTime(createdAt) };
}
