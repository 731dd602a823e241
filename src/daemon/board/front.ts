import type { Sight } from '../engine.ts';
import { type Html, html } from '../routes/html.ts';
import type { Visit } from './look.ts';
import { rowOf, waitersOf } from './rows.ts';
import type { Page } from './shell.ts';
import { type Choice, readChoice } from './view/choice.ts';
import { queuesOf } from './view/queues.ts';
import type { Scene } from './view/row.ts';
import { chipsHtml, choicesHtml, tablePieces, type World } from './view/table.ts';
import { yoursHtml } from './view/yours.ts';

/** What there is, who holds it and who waits: as it is now, and live where there is script. */
export function frontPage({ state, now }: Sight, { viewer, face }: Visit, query: URLSearchParams): Page {
  const world = worldOf({ state });
  const choice = readChoice(query);
  const scene = { now, face, viewer };
  const yours = yoursHtml(world, waitersOf(state).waiters, scene);
  return {
    title: 'rentabot',
    name: 'board',
    main: html`<h1 class="vh">Board</h1>
<section id="yours" aria-label="Yours"${yours === null ? html` hidden` : null}>${yours}</section>
<form id="choices" role="search" action="/" method="get">${choicesHtml(world, choice)}</form>
<ul id="chips" aria-label="Filters">${chipsHtml(world, choice, viewer)}</ul>
<div id="table">\n`,
    rest: restOf(world, choice, scene),
  };
}

function* restOf(world: World, choice: Choice, scene: Scene): Generator<Html> {
  yield* tablePieces(world, choice, scene);
  yield html`\n</div>\n${DIALOG}`;
}

/** Filled by the script. */
export const DIALOG = html`<dialog id="act" aria-labelledby="act-title"><form method="dialog"></form></dialog>`;

export function worldOf({ state }: Pick<Sight, 'state'>): World {
  const rows = new Map(Array.from(state.catalogue.byId.values(), (entry) => [entry.resource.id, rowOf(state, entry)]));
  return { rows, queues: queuesOf(rows.values(), waitersOf(state).waiters) };
}
