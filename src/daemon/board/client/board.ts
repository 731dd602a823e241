import { type Choice, EVERYTHING, hrefOf, readChoice, toggled } from '../view/choice.ts';
import { byId } from './dom.ts';
import { Connection } from './live.ts';
import { away, reloadFor } from './status.ts';
import { Table } from './table.ts';
import { LiveWorld } from './world.ts';

/** The board: what is chosen stands in the address, and all that happens is drawn as it happens. */
export function startBoard(): void {
  const world = new LiveWorld();
  const table = new Table(world);
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
    table.draw(choice, []);
  };
  new Connection(
    {
      whole(whole) {
        reloadFor(whole.script);
        const changed = world.replace(whole);
        if (!known) {
          known = true;
          table.drawChoices(choice);
        }
        table.draw(choice, changed);
      },
      change: (change) => table.draw(choice, world.apply(change)),
      away,
    },
    false,
  );

  addEventListener('popstate', () => {
    choice = readChoice(new URLSearchParams(location.search));
    show();
  });
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
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !known) return;
    const { tag, all } = link.dataset;
    const isChoice = link.matches('.chip, thead a');
    if (tag === undefined && all === undefined && !isChoice) return;
    event.preventDefault();
    if (tag !== undefined) choose(choice.tags.includes(tag) ? choice : toggled(choice, 'tags', tag));
    else if (all !== undefined) choose(EVERYTHING);
    else choose(readChoice(new URL(link.href).searchParams));
  });
}
