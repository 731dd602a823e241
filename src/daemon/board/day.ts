import type { Millis } from '../../core/model.ts';
import type { Sight } from '../engine.ts';
import { html } from '../routes/html.ts';
import { worldOf } from './front.ts';
import type { Visit } from './look.ts';
import type { Past } from './past.ts';
import { cutHtml } from './resource.ts';
import type { Page } from './shell.ts';
import { axisHtml, lineHtml, type Stretch, stretchesOf, type Window } from './timeline.ts';
import { choose, queryOf, readChoice } from './view/choice.ts';
import type { Clockface } from './view/times.ts';

/** A little more than a day, so that the last hour of one and the first of the next are on either side of midnight. */
const NOON: Millis = 12 * 3_600_000;

/** The day that is asked for, else today, from midnight to midnight. */
export function dayIn(query: URLSearchParams, now: Millis, face: Clockface): Window & { readonly day: string } {
  const asked = query.get('date') ?? '';
  const known = /^\d{4}-\d\d-\d\d$/.test(asked) && !Number.isNaN(face.dayStart(asked)) ? asked : face.day(now);
  const from = face.dayStart(known);
  return { day: known, from, to: face.dayStart(face.day(from + 3 * NOON)) };
}

/** All resources, and who held them on one day. */
export function dayPage(sight: Sight, { viewer, face }: Visit, query: URLSearchParams, past: Past): Page {
  const { now } = sight;
  const world = worldOf(sight);
  const choice = readChoice(query);
  const window = dayIn(query, now, face);
  const groups = choose(world.rows.values(), world.queues, choice, viewer);
  const byName = new Map<string, Stretch[]>();
  for (const stretch of stretchesOf(past.events, world.rows.values())) {
    byName.set(stretch.resource, [...(byName.get(stretch.resource) ?? []), stretch]);
  }
  const rest = queryOf(choice);
  const href = (at: Millis): string => `/day?date=${face.day(at)}${rest === '' ? '' : `&${rest}`}`;
  return {
    title: `${window.day} · rentabot`,
    name: 'day',
    main: html`<h1>${window.day}</h1>
<p class="spans"><a class="chip" href="${href(window.from - NOON)}" rel="prev">‹ the day before</a> <a class="chip" href="${href(now)}">today</a> <a class="chip" href="${href(
      window.to + NOON,
    )}" rel="next">the day after ›</a></p>
${cutHtml(past, window, { now, face })}
<table class="gantt"><caption class="vh">Who held what on ${window.day}</caption><thead><tr><th scope="col"><span class="vh">Resource</span></th><td>${axisHtml(window, now, face)}</td></tr></thead>
${groups.map(
  ({ title, rows }) =>
    html`<tbody>${title === '' ? null : html`<tr class="group"><th colspan="2" scope="rowgroup">${title}</th></tr>`}${rows.map(
      ({ name }) =>
        html`<tr><th scope="row"><a class="name" href="/resources/${encodeURIComponent(name)}">${name}</a></th><td>${lineHtml(name, byName.get(name) ?? [], window, now, face)}</td></tr>\n`,
    )}</tbody>`,
)}</table>`,
  };
}
