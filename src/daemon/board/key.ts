import { type Answer, noContent } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import { type Caller, cookieOf } from '../identity/identities.ts';
import type { Ask } from '../requests.ts';

/**
 * A screen in the lab has no keyboard to log in with: it is given a link with a token in it. The page takes the token out of the
 * address, into a cookie that opens this page and its stream alone, and those for reading, whatever the token may do elsewhere.
 */
const KEY_COOKIE = 'rentabot-wall';
const YEAR_S = 365 * 86_400;

/** Who comes by such a link; null where nobody does, or the token is not good any more. */
export function keyCaller({ identities }: Daemon, ask: Ask): Caller | null {
  const key = keyIn(ask) ?? cookieOf(ask, KEY_COOKIE);
  if (key === null || identities.isOpen) return null;
  const known = identities.credentials.byToken(key);
  if ('code' in known || known.principal.role === 'nobody') return null;
  return { principal: { name: known.principal.name, role: 'viewer' }, credential: known.id, csrf: null };
}

/** Where the address has a key: the same without it, and a cookie that has it. Lax, so that the link works from anywhere. */
export function keyTaken({ proxies }: Daemon, ask: Ask): Answer | null {
  const key = keyIn(ask);
  if (key === null) return null;
  const { pathname, searchParams } = new URL(ask.req.url);
  searchParams.delete('key');
  const rest = searchParams.toString();
  const incoming = ask.env?.incoming;
  const secure = incoming && proxies.peerOf(incoming).secure ? '; Secure' : '';
  const cookie = `${KEY_COOKIE}=${key}; Path=/; Max-Age=${YEAR_S}; HttpOnly; SameSite=Lax${secure}`;
  const { headers } = noContent();
  return {
    status: 303,
    headers: {
      ...headers,
      location: rest === '' ? pathname : `${pathname}?${rest}`,
      'set-cookie': cookie,
      'referrer-policy': 'no-referrer',
    },
    text: null,
  };
}

/** As tokens are spelled, and nothing that could be more than a cookie. */
function keyIn(ask: Ask): string | null {
  const key = ask.req.query('key');
  return key !== undefined && /^[\w-]{1,200}$/.test(key) ? key : null;
}
