import { readLook, writeLook } from '../view/look.ts';
import type { Viewer } from '../view/model.ts';
import { type Clockface, clockface } from '../view/times.ts';

const { role = 'nobody', name = '', open, steals } = document.body.dataset;
const look = { ...readLook(document.cookie) };

/** Whoever looks at this page. */
export const viewer: Viewer & { name: string } = {
  name,
  role: role as Viewer['role'],
  open: open !== undefined,
  steals: steals !== undefined,
};

/** On an open daemon people say who they are, so that others know whom to ask. */
export function callMe(said: string): void {
  viewer.name = said;
  remember({ name: said });
  for (const tellOthers of renamed) tellOthers();
}

/** Called when the viewer has got another name. */
export const renamed: (() => void)[] = [];

/** In the browser's own time zone. */
export const face: Clockface = clockface(null);

const YEAR_S = 31_536_000;

/** Keeps what the daemon draws the next page with. */
export function remember(change: Partial<typeof look>): void {
  Object.assign(look, change);
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is not there where the page came by plain HTTP.
  document.cookie = `rentabot-look=${writeLook(look)}; path=/; max-age=${YEAR_S}; samesite=lax`;
}

/** On an open daemon: another name. */
function renameOnClick(): void {
  const button = document.getElementById('rename');
  if (!button) return;
  button.hidden = false;
  renamed.push(() => {
    button.textContent = viewer.name;
  });
  button.addEventListener('click', () => {
    const said = prompt('Your name, for the others', viewer.name)?.trim();
    if (said) callMe(said.slice(0, 200));
  });
}

/** The theme's switch, and the time zone, which the next page is to be drawn in. */
export function settle(): void {
  renameOnClick();
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
