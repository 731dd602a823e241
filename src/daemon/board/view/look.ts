/** What a browser remembers of its visitor, in a cookie, so that a page comes as it will stay: nothing that is secret. */
export interface Look {
  readonly theme: 'dark' | 'light' | null;
  /** `Europe/Berlin`; null until the browser has said it. */
  readonly zone: string | null;
  /** What the visitor calls themselves on a daemon without identities. */
  readonly name: string;
}

export const LOOK_COOKIE = 'rentabot-look';
const LONGEST_NAME = 200;
const LONGEST_ZONE = 64;

/** From the text of all cookies. */
export function readLook(cookies: string): Look {
  const found = cookies.split(/;\s*/).find((cookie) => cookie.startsWith(`${LOOK_COOKIE}=`));
  const look = new URLSearchParams(decoded(found?.slice(LOOK_COOKIE.length + 1) ?? ''));
  const theme = look.get('theme');
  const zone = look.get('zone');
  return {
    theme: theme === 'dark' || theme === 'light' ? theme : null,
    zone: zone !== null && zone.length <= LONGEST_ZONE && /^[\w+/-]+$/.test(zone) ? zone : null,
    name: (look.get('name') ?? '').trim().slice(0, LONGEST_NAME),
  };
}

/** The value of the cookie. */
export function writeLook({ theme, zone, name }: Look): string {
  const look = new URLSearchParams();
  if (theme !== null) look.set('theme', theme);
  if (zone !== null) look.set('zone', zone);
  if (name !== '') look.set('name', name);
  return encodeURIComponent(look.toString());
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
