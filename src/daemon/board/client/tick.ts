import { agoText, spanText } from '../view/times.ts';
import { now } from './clock.ts';

const TICK_MS = 1000;

/** Lets the spans on the page go on. What reads the same is not touched. */
export function tick(): void {
  setInterval(() => {
    if (document.hidden) return;
    const at = now();
    for (const element of document.querySelectorAll<HTMLTimeElement>('time[data-up],time[data-down],time[data-ago]')) {
      const { up, ago } = element.dataset;
      const since = at - Date.parse(element.dateTime);
      const text = ago !== undefined ? agoText(since) : spanText(up !== undefined ? since : -since);
      if (element.textContent !== text) element.textContent = text;
    }
    for (const bar of document.querySelectorAll('progress')) {
      bar.value = Math.min(bar.max, at - Number(bar.dataset.from));
    }
  }, TICK_MS);
}
