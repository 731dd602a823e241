import { patch } from './dom.ts';
import { Connection } from './live.ts';
import { away, reloadFor } from './status.ts';

/** The picture is of minutes: so often is often enough. */
const PAUSE_MS = 5000;

/** The picture of a day, drawn by the daemon anew some time after something happened. */
export function startDay(): void {
  let timer = 0;
  const later = (): void => {
    if (timer === 0) timer = setTimeout(() => void again(), PAUSE_MS);
  };
  const again = async (): Promise<void> => {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => null);
    timer = 0;
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
    const main = document.querySelector('main');
    if (fresh && main) patch(main, fresh);
  };
  new Connection({ whole: ({ script }) => reloadFor(script), change: later, away }, false);
}
