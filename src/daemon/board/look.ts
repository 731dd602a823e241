import type { Daemon } from '../daemon.ts';
import type { Ask } from '../requests.ts';
import { readLook } from './view/look.ts';
import type { Viewer } from './view/model.ts';
import { type Clockface, clockface } from './view/times.ts';

/** What a page is drawn for. */
export interface Visit {
  readonly viewer: Viewer;
  /** What the page has to send back with whatever it changes; null where there is no session. */
  readonly csrf: string | null;
  readonly theme: 'dark' | 'light' | null;
  readonly face: Clockface;
}

/** From who asks, and from what the browser keeps in its cookie: theme, time zone, and on an open daemon the name. */
export function visitOf(daemon: Daemon, ask: Ask): Visit {
  const { theme, zone, name: said } = readLook(ask.req.header('cookie') ?? '');
  const { principal, csrf } = daemon.callerOf(ask);
  const { role } = principal;
  const open = daemon.identities.isOpen;
  const steals = role === 'admin' || (role === 'user' && daemon.rules.steal === 'user');
  return { viewer: { name: open ? said : principal.name, role, open, steals }, csrf, theme, face: clockface(zone) };
}
