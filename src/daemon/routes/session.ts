import { refuse } from '../../core/error.ts';
import { isoTime } from '../../core/view.ts';
import type { LoggedInJson, WhoamiJson } from '../../core/wire-identity.ts';
import { type Answer, json, noContent, problem, type Reply } from '../answer.ts';
import { audit } from '../audit.ts';
import type { Daemon } from '../daemon.ts';
import { LOGIN_TOKEN_MS, SESSION_MS } from '../identity/credentials.ts';
import { type Caller, CSRF_HEADER, refuseForgery, SESSION_COOKIE } from '../identity/identities.ts';
import type { Peer } from '../peer.ts';
import { type Ask, body, form, isForm } from '../requests.ts';
import { loginSchema } from './identity-schemas.ts';
import { loginPage, logoutPage } from './login-page.ts';
import type { ApiRoute } from './route.ts';

/** Logging in and out, by programs and by the plain forms of two pages. */
export function sessionRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    { method: 'get', path: '/api/v2/whoami', needs: 'nobody', answer: (ask) => whoami(daemon, ask) },
    { method: 'post', path: '/api/v2/session', needs: 'nobody', answer: (ask) => login(daemon, ask) },
    { method: 'delete', path: '/api/v2/session', needs: 'nobody', answer: (ask) => logout(daemon, ask) },
    { method: 'get', path: '/login', needs: 'nobody', answer: (ask) => loginPage(nextOf(ask.req.query('next')), null) },
    { method: 'get', path: '/logout', needs: 'nobody', answer: (ask) => logoutPage(daemon.callerOf(ask)) },
    { method: 'post', path: '/logout', needs: 'nobody', answer: (ask) => logoutByForm(daemon, ask) },
  ];
}

function whoami(daemon: Daemon, ask: Ask): Reply {
  const { principal, csrf } = daemon.callerOf(ask);
  const { name, role } = principal;
  const who: WhoamiJson = { name, role, identities: !daemon.identities.isOpen, csrf };
  return json(who);
}

async function login(daemon: Daemon, ask: Ask): Promise<Answer> {
  if (isForm(ask)) return loginByForm(daemon, ask);
  const { name, password, for: what } = await body(ask, loginSchema, daemon.http.body);
  const user = await recognise(daemon, ask, name, password);
  if ('code' in user) return problem(user);
  const now = daemon.engine.now();
  const common = { name: user.name, role: user.role };
  if (what === 'cli') {
    const { secret } = daemon.identities.credentials.openLogin(user);
    const made: LoggedInJson = { ...common, token: secret, csrf: null, expires: isoTime(now + LOGIN_TOKEN_MS) };
    return json(made);
  }
  const { cookie, csrf } = daemon.identities.credentials.openSession(user);
  const opened: LoggedInJson = { ...common, token: null, csrf, expires: isoTime(now + SESSION_MS) };
  return withCookie(daemon, json(opened), ask, cookie);
}

async function loginByForm(daemon: Daemon, ask: Ask): Promise<Answer> {
  const fields = await form(ask, daemon.http.body);
  const next = nextOf(fields.get('next') ?? undefined);
  const user = await recognise(daemon, ask, fields.get('name') ?? '', fields.get('password') ?? '');
  if ('code' in user) return loginPage(next, user);
  return withCookie(daemon, seeOther(next), ask, daemon.identities.credentials.openSession(user).cookie);
}

async function recognise(daemon: Daemon, ask: Ask, name: string, password: string) {
  const { identities } = daemon;
  if (identities.isOpen)
    return refuse('unauthorized', 'this daemon knows nobody yet, and asks nobody who they are', {
      hint: '`rentabot user add NAME --role admin` makes the first',
    });
  const { address } = peerOf(daemon, ask);
  const user = await identities.people.recognise(name, password, address);
  if (!('code' in user)) {
    await audit(daemon, { action: 'logged-in', by: user, about: user.name, note: address });
  } else if (user.code === 'unauthorized') {
    // Some type their password where the name belongs: what is no name of ours is not written down.
    const about = identities.people.find(name)?.name ?? '';
    await audit(daemon, { action: 'login-failed', by: { name: '', role: 'nobody' }, about, note: address });
  }
  return user;
}

/** Ends what the request came with: a browser's session, or the token of a login. */
async function logout(daemon: Daemon, ask: Ask): Promise<Reply> {
  const caller = daemon.callerOf(ask);
  const forged = refuseForgery(caller, ask.req.header(CSRF_HEADER));
  if (forged) return problem(forged);
  await close(daemon, caller);
  return withCookie(daemon, noContent(), ask, null);
}

async function logoutByForm(daemon: Daemon, ask: Ask): Promise<Reply> {
  const caller = daemon.callerOf(ask);
  if (caller.csrf === null) return seeOther('/login');
  const forged = refuseForgery(caller, (await form(ask, daemon.http.body)).get('csrf') ?? undefined);
  if (forged) return problem(forged);
  await close(daemon, caller);
  return withCookie(daemon, seeOther('/login'), ask, null);
}

async function close(daemon: Daemon, { principal, credential }: Caller): Promise<void> {
  if (credential === null || !daemon.identities.credentials.close(credential)) return;
  await audit(daemon, { action: 'logged-out', by: principal, about: principal.name });
}

/** Null takes it away. Lax rather than strict, so that a link to the board from a chat finds one logged in. */
function withCookie(daemon: Daemon, reply: Reply, ask: Ask, cookie: string | null): Reply {
  const secure = peerOf(daemon, ask).secure ? '; Secure' : '';
  const life = cookie === null ? 0 : SESSION_MS / 1000;
  const set = `${SESSION_COOKIE}=${cookie ?? ''}; Path=/; Max-Age=${life}; HttpOnly; SameSite=Lax${secure}`;
  return { ...reply, headers: { ...reply.headers, 'set-cookie': set } };
}

/** Without a server there is nobody but ourselves. */
function peerOf({ proxies }: Daemon, ask: Ask): Pick<Peer, 'address' | 'secure'> {
  const incoming = ask.env?.incoming;
  return incoming ? proxies.peerOf(incoming) : { address: 'host', secure: false };
}

export function seeOther(location: string): Reply {
  const { headers } = noContent();
  return { status: 303, headers: { ...headers, location }, text: null };
}

/** Where to go after the login: a place of ours, or the board. */
function nextOf(given: string | undefined): string {
  return given !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(given) ? given : '/';
}
