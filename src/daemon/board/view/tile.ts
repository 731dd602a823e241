import { type Html, html } from '../../routes/html.ts';
import { type Choice, choose } from './choice.ts';
import type { Row, Waiter } from './model.ts';
import { type Scene, timeCell } from './row.ts';
import type { World } from './table.ts';

/** The resources as tiles, to be read from across the room. */
export function wallHtml(world: World, choice: Choice, scene: Scene): Html {
  const groups = choose(world.rows.values(), world.queues, choice, scene.viewer);
  return html`${groups.map(
    ({ title, rows }) =>
      html`<section>${title === '' ? null : html`<h2>${title}</h2>`}<ul class="tiles">${rows.map((row) => tileHtml(row, world.queues.get(row.id) ?? [], scene))}</ul></section>`,
  )}`;
}

function tileHtml(row: Row, queue: readonly Waiter[], scene: Scene): Html {
  const { name, state, leases, more, offline } = row;
  const names = leases.slice(0, 2).map(({ holder }) => holder.name);
  const rest = leases.length + more - names.length;
  const who = leases.length > 0 ? `${names.join(', ')}${rest > 0 ? ` +${rest}` : ''}` : (offline?.reason ?? '');
  const note = leases.length === 1 ? (leases[0]?.note ?? '') : '';
  return html`<li class="${state}"><b class="name">${name}</b><span class="st">${state}</span><span class="who">${who}<small>${note}</small></span><span class="tm">${timeCell(
    row,
    scene,
  )}</span>${queue.length === 0 ? null : html`<span class="qu">${queue.length} waiting</span>`}</li>`;
}
