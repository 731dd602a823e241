import type { Principal } from '../../core/model.ts';
import type { Ask } from '../requests.ts';
import { readLook } from './view/look.ts';
import type { Viewer } from './view/model.ts';
import { type Clockface, clockface } from './view/times.ts';

/** What a page is drawn for. */
export interface Visit {
  readonly viewer: Viewer;
  readonly theme: 'dark' | 'light' | null;
  readonly face: Clockface;
}

/** From the principal, and from what the browser keeps in its cookie: theme, time zone, and on an open daemon the name. */
export function visitOf(ask: Ask, principal: Principal): Visit {
  const { theme, zone, name } = readLook(ask.req.header('cookie') ?? '');
  const open = principal.name === '';
  return {
    viewer: { name: open ? name : principal.name, role: principal.role, open },
    theme,
    face: clockface(zone),
  };
}
