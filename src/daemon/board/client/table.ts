import { html } from '../../routes/html.ts';
import { type Choice, choose, type Group } from '../view/choice.ts';
import { queueHtml } from '../view/dialog.ts';
import type { Row } from '../view/model.ts';
import { lastSeenHtml, rowHtml } from '../view/row.ts';
import { chipsHtml, choicesHtml, emptyHtml, groupHtml, headsHtml, isEmpty } from '../view/table.ts';
import { now } from './clock.ts';
import { byId, elements, fill, patch } from './dom.ts';
import { face, viewer } from './page.ts';
import type { LiveWorld } from './world.ts';

/**
 * The table as it came from the daemon, kept as it should be. A row that has changed is patched where it stands; what is not
 * chosen is out of the document, and drawn again when it comes back.
 */
export class Table {
  private readonly rows = new Map<number, Element>();
  private readonly bodies = new Map<string, Element>();
  private readonly stale = new Set<number>();
  private readonly table = byId('board');
  /** On the page of one resource. */
  private readonly only = Number(document.body.dataset.only ?? 0);

  constructor(private readonly world: LiveWorld) {
    for (const body of this.table.querySelectorAll<HTMLElement>('tbody')) {
      const { group = '' } = body.dataset;
      if (!this.bodies.has(group)) this.bodies.set(group, body);
    }
    this.showAll();
    for (const row of this.table.querySelectorAll('tr[id]')) this.rows.set(Number(row.id.slice(1)), row);
  }

  /** `changed` are the resources that may look different now. */
  draw(choice: Choice, changed: Iterable<number>): void {
    const { world } = this;
    for (const id of changed) this.stale.add(id);
    for (const id of this.rows.keys()) if (!world.rows.has(id)) this.forget(id);
    const only = world.rows.get(this.only);
    const groups = choose(only ? [only] : world.rows.values(), world.queues, choice, viewer);
    this.freshen(groups);
    this.place(groups);
    if (only) return this.drawOnly(only);
    fill(byId('chips'), chipsHtml(world, choice, viewer));
    byId('empty').hidden = !isEmpty(groups);
    fill(byId('empty'), emptyHtml(world));
  }

  /** What the page of one resource has beside its row. */
  private drawOnly(row: Row): void {
    const scene = { now: now(), face };
    fill(byId('queue'), html`${queueHtml(this.world.queues.get(row.id) ?? [], scene)}`);
    const seen = document.getElementById('seen');
    if (seen) fill(seen, lastSeenHtml(row, scene));
  }

  /** The form and the heads of the columns, after another choice. */
  drawChoices(choice: Choice): void {
    if (this.only !== 0) return;
    fill(byId('choices'), choicesHtml(this.world, choice));
    fill(this.table.querySelector('thead tr') as Element, headsHtml(choice));
  }

  /** What comes after the first screen was left out of the first layout. */
  private showAll(): void {
    requestAnimationFrame(() =>
      setTimeout(() => {
        for (const body of this.table.querySelectorAll('.later')) body.classList.remove('later');
      }),
    );
  }

  private forget(id: number): void {
    this.rows.get(id)?.remove();
    this.rows.delete(id);
    this.stale.delete(id);
  }

  /** Draws what is shown and stale, or was never drawn: all of it in one go. */
  private freshen(groups: readonly Group[]): void {
    const shown = groups.flatMap(({ rows }) => rows).filter(({ id }) => this.stale.has(id) || !this.rows.has(id));
    if (shown.length === 0) return;
    const scene = { now: now(), face, viewer };
    const drawn = elements(shown.map((row) => rowHtml(row, this.world.queues.get(row.id) ?? [], scene)).join(''));
    for (const [i, { id }] of shown.entries()) {
      const [old, fresh] = [this.rows.get(id), drawn[i] as Element];
      if (old) patch(old, fresh);
      else this.rows.set(id, fresh);
      this.stale.delete(id);
    }
  }

  private place(groups: readonly Group[]): void {
    const bodies = groups.map((group) => this.body(group));
    keep(this.table, [this.table.querySelector('caption'), this.table.querySelector('thead'), ...bodies]);
  }

  private body({ title, rows }: Group): Element {
    const known = this.bodies.get(title);
    const body = known ?? elements('<table><tbody></tbody></table>')[0]?.firstElementChild;
    if (!body) throw new Error('no body');
    this.bodies.set(title, body);
    body.setAttribute('data-group', title);
    const head = title === '' ? [] : [this.head(body, title, rows)];
    keep(body, [...head, ...rows.map(({ id }) => this.rows.get(id) ?? null)]);
    return body;
  }

  private head(body: Element, title: string, rows: Group['rows']): Element {
    const fresh = elements(groupHtml(title, rows))[0] as Element;
    const old = body.querySelector(':scope > .group');
    if (!old) return fresh;
    patch(old, fresh);
    return old;
  }
}

/** Makes these the children, in this order; what is in its place is not moved. */
function keep(parent: Element, wanted: readonly (Element | null)[]): void {
  let next = parent.firstElementChild;
  for (const child of wanted) {
    if (child === null) continue;
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  while (next) {
    const after: Element | null = next.nextElementSibling;
    next.remove();
    next = after;
  }
}
