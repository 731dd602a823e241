import { unknownName } from '../../core/advice.ts';
import { RentabotError, refuse } from '../../core/error.ts';
import type { Millis } from '../../core/model.ts';
import type { ResourceFiguresJson } from '../../core/wire.ts';
import type { Sight } from '../engine.ts';
import { type Html, html } from '../routes/html.ts';
import { DIALOG } from './front.ts';
import type { Visit } from './look.ts';
import type { Past } from './past.ts';
import { rowOf, waitersOf } from './rows.ts';
import type { Page } from './shell.ts';
import { axisHtml, describe, lineHtml, type Stretch, stretchesOf, type Window } from './timeline.ts';
import { EVERYTHING } from './view/choice.ts';
import { queueHtml } from './view/dialog.ts';
import type { Row } from './view/model.ts';
import { queuesOf } from './view/queues.ts';
import { lastSeenHtml } from './view/row.ts';
import { tableHtml } from './view/table.ts';
import { spanText } from './view/times.ts';

const DAY_MS: Millis = 86_400_000;
/** What the picture can show. */
const SPANS = [
  ['day', DAY_MS, '24 hours'],
  ['week', 7 * DAY_MS, '7 days'],
  ['month', 30 * DAY_MS, '30 days'],
] as const;
/** Of those before, so many are listed. */
const MOST_LISTED = 50;

export function spanIn(query: URLSearchParams): (typeof SPANS)[number] {
  return SPANS.find(([key]) => key === query.get('span')) ?? SPANS[1];
}

/** Throws a refusal that says the nearest name. */
export function rowNamed({ state }: Pick<Sight, 'state'>, name: string): Row {
  const entry = state.catalogue.byName.get(name);
  if (entry) return rowOf(state, entry);
  const { detail, hint } = unknownName(state, name);
  throw new RentabotError(refuse('not-found', detail, { hint }));
}

/** One resource: as it is now, who held it and when, what that comes to, and what was noted. */
export function resourcePage(
  sight: Sight,
  { viewer, face }: Visit,
  about: {
    readonly name: string;
    readonly query: URLSearchParams;
    readonly past: Past;
    readonly figures: ResourceFiguresJson | null;
  },
): Page {
  const { state, now } = sight;
  const row = rowNamed(sight, about.name);
  const queues = queuesOf([row], waitersOf(state).waiters);
  const [span, length, word] = spanIn(about.query);
  const window = { from: now - length, to: now };
  const stretches = stretchesOf(about.past.events, [row]);
  const scene = { now, face, viewer };
  return {
    title: `${row.name} · rentabot`,
    name: 'resource',
    only: row.id,
    main: html`<h1>${row.name}</h1>
${factsHtml(row, now, face)}
<div id="table">
${tableHtml({ rows: new Map([[row.id, row]]), queues }, EVERYTHING, scene)}
</div>
<div id="queue">${queueHtml(queues.get(row.id) ?? [], scene)}</div>
<h2 id="past">Who held it, the last ${word}</h2>
<p class="spans">${SPANS.map(([key, , text]) => html`<a class="chip" href="?span=${key}#past"${key === span ? html` aria-current="true"` : null}>${text}</a> `)}</p>
<div class="gantt">${axisHtml(window, now, face)}${lineHtml(row.name, stretches, window, now, face)}</div>
${cutHtml(about.past, window, scene)}
${about.figures === null ? null : figuresHtml(about.figures)}
<h2>Notes</h2>
${listHtml(stretches, scene)}
${DIALOG}`,
  };
}

/** Where there was more than a picture is made of. */
export function cutHtml(
  { since }: Past,
  window: Window,
  { now, face }: { readonly now: Millis } & Pick<Visit, 'face'>,
): Html | null {
  return since > window.from
    ? html`<p class="soft">There was more than is shown: complete since ${face.moment(since, now)}.</p>`
    : null;
}

function factsHtml(row: Row, now: Millis, face: Visit['face']): Html | null {
  const { properties, slots, maxHold, machine } = row;
  const facts: (readonly [string, string])[] = Object.entries(properties).map(([key, value]) => [key, String(value)]);
  if (slots > 1) facts.push(['slots', String(slots)]);
  if (maxHold !== null) facts.push(['held at most', spanText(maxHold * 1000)]);
  if (machine !== undefined) facts.push(['machine', machine]);
  const list = facts.map(([key, value]) => html`<div><dt>${key}</dt><dd>${value}</dd></div>`);
  if (machine !== undefined) {
    list.push(html`<div><dt>last seen</dt><dd id="seen">${lastSeenHtml(row, { now, face })}</dd></div>`);
  }
  return list.length === 0 ? null : html`<dl class="facts">${list}</dl>`;
}

function figuresHtml(figures: ResourceFiguresJson): Html {
  const { grants, utilisation, waitP50, waitP90, finished, failed, failureRate, othersFailureRate } = figures;
  const rate = failureRate === null ? '–' : `${part(failureRate)} (${failed} of ${finished})`;
  const wait =
    waitP50 === null ? '–' : `${spanText(waitP50 * 1000)}, and 9 of 10 at most ${spanText((waitP90 ?? 0) * 1000)}`;
  return html`<h2>What that comes to</h2>
<dl class="facts"><div><dt>held</dt><dd>${grants} times</dd></div>
<div><dt>in use</dt><dd>${utilisation === null ? '–' : part(utilisation)}</dd></div>
<div><dt>failed</dt><dd>${rate}${othersFailureRate === null ? null : html` <span class="soft">the others ${part(othersFailureRate)}</span>`}</dd></div>
<div><dt>half waited at most</dt><dd>${wait}</dd></div></dl>`;
}

function part(value: number): string {
  return `${Math.round(value * 100)} %`;
}

function listHtml(stretches: readonly Stretch[], { now, face }: { readonly now: Millis } & Pick<Visit, 'face'>): Html {
  const latest = [...stretches].sort((a, b) => b.from - a.from).slice(0, MOST_LISTED);
  if (latest.length === 0) return html`<p class="soft">Nobody has held it in this time.</p>`;
  const items = latest.map((stretch) => {
    const { link, exit } = stretch;
    const job =
      link !== null && /^https?:/i.test(link)
        ? html` <a href="${link}" target="_blank" rel="noopener noreferrer" class="out">job</a>`
        : null;
    return html`<li${exit !== null && exit !== 0 ? html` class="failed"` : null}>${describe(stretch, now, face)}${job}</li>\n`;
  });
  return html`<ul class="notes">${items}</ul>`;
}
