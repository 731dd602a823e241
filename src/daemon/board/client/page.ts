import { readLook, writeLook } from '../view/look.ts';
import type { Viewer } from '../view/model.ts';
import { type Clockface, clockface } from '../view/times.ts';

const { role = 'nobody', name = '', open } = document.body.dataset;
const look = { ...readLook(document.cookie) };

/** Whoever looks at this page. */
export const viewer: Viewer & { name: string } = { name, role: role as Viewer['role'], open: open !== undefined };

/** In the browser's own time zone. */
export const face: Clockface = clockface(null);

const YEAR_S = 31_536_000;

/** Keeps what the daemon draws the next page with. */
export function remember(change: Partial<typeof look>): void {
  Object.assign(look, change);
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is not there where the page came by plain HTTP.
  document.cookie = `rentabot-look=${writeLook(look)}; path=/; max-age=${YEAR_S}; samesite=lax`;
}

/** The theme's switch, and the time zone, which the next page is to be drawn in. */
export function settle(): void {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (look.zone !== timeZone) remember({ zone: timeZone });
  const button = document.getElementById('theme');
  if (!button) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    const root = document.documentElement;
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    const isDark = (root.dataset.theme ?? (dark ? 'dark' : 'light')) === 'dark';
    const theme = isDark ? 'light' : 'dark';
    // What the system says anyway is not worth remembering.
    const isOwn = (theme === 'dark') !== dark;
    if (isOwn) root.dataset.theme = theme;
    else delete root.dataset.theme;
    remember({ theme: isOwn ? theme : null });
  });
}
