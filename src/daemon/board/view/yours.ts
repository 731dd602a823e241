import { type Html, html } from '../../routes/html.ts';
import { isMine, type Viewer, type Waiter } from './model.ts';
import { at, type Scene, until } from './row.ts';
import type { World } from './table.ts';

/** What the viewer holds, is offered and waits for; null where there is nothing. */
export function yoursHtml(world: World, waiters: readonly Waiter[], scene: Scene): Html | null {
  const { viewer } = scene;
  const items = [...heldItems(world, scene), ...waitingItems(world, waiters, viewer)];
  return items.length === 0 ? null : html`<h2>Yours</h2><ul>${items}</ul>`;
}

function* heldItems({ rows }: World, { viewer, now, face }: Scene): Generator<Html> {
  for (const { id, name, leases } of rows.values()) {
    for (const lease of leases) {
      if (!isMine(lease, viewer)) continue;
      const asked = lease.asked?.at(-1);
      if (lease.offeredUntil) {
        yield html`<li class="offer"><b>${name}</b> is offered to you: ${until(lease.offeredUntil, now)} to accept <button data-accept="${id}">Accept</button></li>`;
        continue;
      }
      const end =
        lease.until === null ? html`since ${at(lease.since, now, face)}` : html`${until(lease.until, now)} left`;
      const wanted = asked
        ? html` <span class="asked">${asked.by} asks for it${asked.note === '' ? null : `: ${asked.note}`}</span>`
        : null;
      yield html`<li><b>${name}</b> ${end}${wanted} <button data-act="${id}" aria-haspopup="dialog" aria-label="Manage ${name}, which is yours">Manage</button></li>`;
    }
  }
}

function* waitingItems({ queues, rows }: World, waiters: readonly Waiter[], viewer: Viewer): Generator<Html> {
  for (const waiter of waiters) {
    if (!isMine(waiter, viewer)) continue;
    const places = [...rows.keys()].map((id) => queues.get(id)?.indexOf(waiter) ?? -1).filter((place) => place >= 0);
    const place = places.length === 0 ? null : html`, number ${Math.min(...places) + 1} in the queue`;
    yield html`<li>waiting for <b>${waiter.want}</b>${place} <button data-leave="${waiter.id}" aria-label="Leave the queue for ${waiter.want}">Leave</button></li>`;
  }
}
