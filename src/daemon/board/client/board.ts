import { type Choice, EVERYTHING, hrefOf, readChoice, toggled } from '../view/choice.ts';
import { actOnClick } from './act.ts';
import { Dialog } from './dialog.ts';
import { byId } from './dom.ts';
import { Connection } from './live.ts';
import { renamed } from './page.ts';
import { away, reloadFor } from './status.ts';
import { Table } from './table.ts';
import { LiveWorld } from './world.ts';
import { Yours } from './yours.ts';

/** The board: what is chosen stands in the address, and all that happens is drawn as it happens. */
export function startBoard(): void {
  const world = new LiveWorld();
  const table = new Table(world);
  const dialog = new Dialog(world);
  const yours = new Yours(world);
  let choice = readChoice(new URLSearchParams(location.search));
  let known = false;

  const choose = (next: Choice, { typing = false } = {}): void => {
    choice = next;
    // Each letter of a search is not worth a place in the history of the browser.
    if (typing) history.replaceState(null, '', hrefOf(choice));
    else history.pushState(null, '', hrefOf(choice));
    show();
  };
  const show = (): void => {
    if (!known) return;
    table.drawChoices(choice);
    draw([]);
  };
  const draw = (changed: Iterable<number>): void => {
    table.draw(choice, changed);
    yours.draw();
    dialog.draw();
    world.drawn();
  };
  new Connection(
    {
      whole(whole) {
        if (!dialog.isOpen) reloadFor(whole.script);
        const changed = world.replace(whole);
        if (!known) {
          known = true;
          table.drawChoices(choice);
        }
        draw(changed);
      },
      change: (change) => draw(world.apply(change)),
      seen: (news) => draw(world.see(news)),
      away,
    },
    false,
  );

  renamed.push(() => known && draw(world.rows.keys()));
  actOnClick(world, dialog, () => choice);
  if (document.body.dataset.only === undefined) {
    followChoice(
      (next, options) => known && choose(next, options),
      () => choice,
      (back) => {
        choice = back;
        show();
      },
    );
  }
}

/** Whatever changes what is shown: the form, links, and the browser's way back. */
function followChoice(
  choose: (choice: Choice, options?: { typing: boolean }) => void,
  current: () => Choice,
  back: (choice: Choice) => void,
): void {
  addEventListener('popstate', () => back(readChoice(new URLSearchParams(location.search))));
  const form = byId('choices') as HTMLFormElement;
  const read = (): Choice => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) query.append(name, String(value));
    return readChoice(query);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    choose(read());
  });
  form.addEventListener('input', ({ target }) => choose(read(), { typing: (target as Element).tagName === 'INPUT' }));
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>('#main a');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const { tag, all } = link.dataset;
    const isChoice = link.matches('.chip, thead a');
    if (tag === undefined && all === undefined && !isChoice) return;
    event.preventDefault();
    if (tag !== undefined) choose(current().tags.includes(tag) ? current() : toggled(current(), 'tags', tag));
    else if (all !== undefined) choose(EVERYTHING);
    else choose(readChoice(new URL(link.href).searchParams));
  });
}
