import { byId } from './dom.ts';

/** Says that what is shown is old, for as long as it is. */
export function away(isAway: boolean): void {
  const banner = byId('away');
  document.body.classList.toggle('stale', isAway);
  byId('live').textContent = isAway ? 'reconnecting' : 'live';
  banner.hidden = !isAway;
  const said = 'The daemon does not answer. This is how it was; trying again.';
  if (isAway && banner.textContent !== said) banner.textContent = said;
  if (!isAway) banner.textContent = '';
}

let timer = 0;
const SHOWN_MS = 8000;

/** Says something once: at the edge of the page for a while, and to screen readers. */
export function tell(text: string): void {
  const told = byId('told');
  told.textContent = text;
  told.classList.remove('past');
  clearTimeout(timer);
  timer = setTimeout(() => told.classList.add('past'), SHOWN_MS);
}

/** After an upgrade of the daemon the script of before is not to draw what the new one says. */
export function reloadFor(script: string): void {
  const own = document.querySelector<HTMLScriptElement>('script[src]')?.src ?? '';
  if (!own.endsWith(`/${script}`)) location.reload();
}
