import { type Choice, choose } from '../view/choice.ts';
import { anyOf } from '../view/table.ts';
import { Refused } from './api.ts';
import { type Done, leave, withOwn } from './deeds.ts';
import type { Dialog } from './dialog.ts';
import { viewer } from './page.ts';
import { tell } from './status.ts';
import type { LiveWorld } from './world.ts';

const SHOWN_MS = 15_000;

/** The buttons of the rows, of what is the viewer's, and of the filter. */
export function actOnClick(world: LiveWorld, dialog: Dialog, choice: () => Choice): void {
  document.addEventListener('click', ({ target }) => {
    const button = (target as Element).closest<HTMLElement>('#main button');
    if (!button) return;
    const { act, accept, leave: left, any } = button.dataset;
    if (act !== undefined) dialog.open({ type: 'row', id: Number(act) });
    if (any !== undefined) openAny(world, dialog, choice());
    const row = world.rows.get(Number(accept));
    if (row) void atOnce(world, () => withOwn('accept', row, { span: 0, with: '' }));
    if (left !== undefined) void atOnce(world, () => leave(left));
  });
  document.addEventListener('keydown', (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || dialog.isOpen) return;
    const button = target as HTMLElement;
    if (key === '/' && !button.matches('input,select,textarea')) {
      event.preventDefault();
      document.querySelector<HTMLElement>('#choices [type="search"]')?.focus();
    }
    // From row to row, without passing what is in between.
    if ((key === 'ArrowDown' || key === 'ArrowUp') && button.matches('#board .act')) {
      const all = [...document.querySelectorAll<HTMLElement>('#board .act')];
      const next = all[all.indexOf(button) + (key === 'ArrowDown' ? 1 : -1)];
      if (!next) return;
      event.preventDefault();
      next.focus();
    }
  });
}

function openAny(world: LiveWorld, dialog: Dialog, choice: Choice): void {
  const any = anyOf(choice);
  if (!any) return;
  const free = (): number =>
    choose(world.rows.values(), world.queues, { ...choice, states: ['free'], group: '' }, viewer)[0]?.rows.length ?? 0;
  dialog.open({ type: 'any', ...any, free });
}

/** What needs no question: done, and said once the board shows it. */
export async function atOnce(world: LiveWorld, act: () => Promise<Done>): Promise<void> {
  try {
    const { said, shows } = await act();
    await world.until(shows, SHOWN_MS);
    tell(said);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(error.problem.detail);
  }
}
