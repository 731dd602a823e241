import { inOrder, isMine, type RowLease } from '../view/model.ts';
import { yoursHtml } from '../view/yours.ts';
import { now } from './clock.ts';
import { fill } from './dom.ts';
import { face, viewer } from './page.ts';
import { tell } from './status.ts';
import type { LiveWorld } from './world.ts';

/** What is the viewer's, at the top of the board; and a word when something about it changes that they did not do. */
export class Yours {
  private known: ReadonlyMap<string, RowLease> | null = null;
  private readonly title = document.title;

  constructor(private readonly world: LiveWorld) {}

  draw(): void {
    const { world } = this;
    const section = document.getElementById('yours');
    if (!section) return;
    const waiters = [...world.waiters.values()].sort(inOrder);
    const drawn = yoursHtml(world, waiters, { now: now(), face, viewer });
    section.hidden = drawn === null;
    if (drawn) fill(section, drawn);
    this.announce();
  }

  private announce(): void {
    const own = new Map<string, RowLease>();
    const names = new Map<string, string>();
    for (const row of this.world.rows.values()) {
      for (const lease of row.leases) {
        if (!isMine(lease, viewer)) continue;
        own.set(lease.id, lease);
        names.set(lease.id, row.name);
      }
    }
    const offers = [...own.values()].filter(({ offeredUntil }) => offeredUntil);
    const [offer] = offers;
    document.title = offer ? `★ ${names.get(offer.id)} is offered to you` : this.title;
    const { known } = this;
    this.known = own;
    if (known === null) return;
    for (const [id, lease] of own) {
      const before = known.get(id);
      const name = names.get(id);
      if (!before && lease.offeredUntil) tell(`${name} is offered to you: accept it`);
      const asked = lease.asked?.at(-1);
      if (asked && before && asked.at !== before.asked?.at(-1)?.at) tell(`${asked.by} asks for ${name}. ${asked.note}`);
      if (lease.ending && before && !before.ending) tell(`${name} is being taken from you`);
    }
  }
}
