import type { WantJson } from '../../../core/wire.ts';
import type { Deed } from '../view/deeds.ts';
import { deedsOf, dialogHtml, type Target, USUAL_SPAN, whoHas } from '../view/dialog.ts';
import { Refused } from './api.ts';
import { now } from './clock.ts';
import { claim, type Done, type Filled, newId, perform, spanOf } from './deeds.ts';
import { byId, fill } from './dom.ts';
import { callMe, face, viewer } from './page.ts';
import { tell } from './status.ts';
import type { LiveWorld } from './world.ts';

/** What the dialog is about: a resource by its id, or whatever a want matches. */
export type Subject =
  | { readonly type: 'row'; readonly id: number }
  | { readonly type: 'any'; readonly title: string; readonly want: WantJson; readonly free: () => number };

const SPAN_KEY = 'rentabot-span';
/** Whatever was answered shows within a moment; after so long it is said all the same. */
const SHOWN_MS = 15_000;
/** What others have to be told a reason for. */
const NEEDS_WHY: ReadonlySet<Deed> = new Set(['steal', 'offline']);

/** The one dialog. While it is open it follows what happens: its buttons are always those that make sense now. */
export class Dialog {
  private readonly dialog = byId('act') as HTMLDialogElement;
  private readonly form = this.dialog.querySelector('form') as HTMLFormElement;
  private subject: Subject | null = null;
  private isBusy = false;
  /** One for each attempt; an attempt whose answer was lost goes on with the same. */
  private id = newId();

  constructor(private readonly world: LiveWorld) {
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      const button = event.submitter as HTMLButtonElement | null;
      void this.submit((button?.value ?? '') as Deed);
    });
    this.dialog.addEventListener('click', ({ target }) => {
      if (target === this.dialog || (target as Element).closest('[data-close]')) this.dialog.close();
    });
    this.dialog.addEventListener('close', () => {
      this.subject = null;
    });
  }

  get isOpen(): boolean {
    return this.dialog.open;
  }

  open(subject: Subject): void {
    this.subject = subject;
    this.id = newId();
    this.isBusy = false;
    this.form.innerHTML = '';
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
    this.form.querySelector<HTMLElement>('[autofocus]')?.focus();
  }

  /** As things are now. What was filled in stays. */
  draw(): void {
    const target = this.target();
    if (target === null) {
      if (this.dialog.open && this.subject) this.say('This resource is no more.');
      return;
    }
    const said = this.form.querySelector('#act-said')?.textContent ?? '';
    const focused = document.activeElement instanceof HTMLButtonElement ? document.activeElement.value : null;
    fill(this.form, dialogHtml(target, usualSpan(), { now: now(), face, viewer }));
    if (said !== '') this.say(said);
    // The button may have become another while it had the focus: then nobody's next Enter does something else than they saw.
    const at = document.activeElement;
    if (focused !== null && at instanceof HTMLButtonElement && at.value !== focused && this.form.contains(at))
      at.blur();
    this.disable();
  }

  private target(): Target | null {
    const { subject, world } = this;
    if (subject === null) return null;
    if (subject.type === 'any') return { type: 'any', title: subject.title, free: subject.free() };
    const row = world.rows.get(subject.id);
    return row ? { type: 'row', row, queue: world.queues.get(subject.id) ?? [] } : null;
  }

  private async submit(deed: Deed): Promise<void> {
    const target = this.target();
    const { subject } = this;
    if (this.isBusy || subject === null || target === null || !deedsOf(target, viewer).includes(deed)) return;
    const filled = this.read(deed);
    if (filled === null) return;
    this.busy(true);
    this.say('…');
    try {
      const done = await this.ask(deed, subject, target, filled);
      await this.world.until(done.shows, SHOWN_MS);
      if (this.subject === subject) this.dialog.close();
      tell(done.said);
    } catch (error) {
      await this.refused(error, deed, subject);
    } finally {
      this.busy(false);
    }
  }

  private ask(deed: Deed, subject: Subject, target: Target, filled: Filled): Promise<Done> {
    if (subject.type === 'any') return claim(subject.want, filled, deed === 'claim' ? 0 : null, this.id);
    if (target.type !== 'row') throw new Error('no row');
    return perform(deed, target.row, this.world, filled, this.id);
  }

  /** Null where something is missing, which is said. */
  private read(deed: Deed): Filled | null {
    const given = new FormData(this.form);
    const text = (name: string): string => String(given.get(name) ?? '').trim();
    if (given.has('name')) {
      if (text('name') === '') return this.missing('name', 'Say your name, so that others know whom to ask.');
      callMe(text('name'));
    }
    if (NEEDS_WHY.has(deed) && text('why') === '') return this.missing('why', 'Say why: others will read it.');
    if (deed === 'share' && text('with') === '') return this.missing('with', 'Say with whom.');
    const span = given.has('for') ? spanOf(text('for'), text('other')) : USUAL_SPAN;
    if (span === null) return this.missing('other', 'Say a time such as 90m, 2h30m or 3d.');
    if (given.has('for') && text('other') === '') localStorage.setItem(SPAN_KEY, String(span));
    return { span, why: text('why'), with: text('with') };
  }

  private missing(name: string, said: string): null {
    this.say(said);
    this.form.querySelector<HTMLElement>(`[name="${name}"]`)?.focus();
    return null;
  }

  /** Whoever came too late is told who was first. The id is spent with a no. */
  private async refused(error: unknown, deed: Deed, subject: Subject): Promise<void> {
    if (!(error instanceof Refused)) throw error;
    const { problem, status } = error;
    if (status !== 0 && status !== 503) this.id = newId();
    if (this.subject !== subject) return tell(problem.detail);
    const isLate = problem.code === 'busy' && deed === 'claim' && subject.type === 'row';
    // The one who was first is on the board before long; what it says then is what is true.
    if (isLate) await this.world.until((world) => world.rows.get(subject.id)?.state !== 'free', SHOWN_MS);
    const row = subject.type === 'row' ? this.world.rows.get(subject.id) : undefined;
    this.draw();
    if (isLate && row) this.say(`Too late: ${whoHas(row, viewer, now(), face)}. You can join the queue.`);
    else this.say(status === 401 ? 'You are not logged in any more: load the page again.' : problem.detail);
  }

  private say(text: string): void {
    const said = this.form.querySelector('#act-said');
    if (said && said.textContent !== text) said.textContent = text;
  }

  private busy(isBusy: boolean): void {
    this.isBusy = isBusy;
    this.disable();
  }

  private disable(): void {
    for (const button of this.form.querySelectorAll<HTMLButtonElement>('button:not([data-close])')) {
      // Not `disabled`, which would throw the focus to the top of the page.
      if (this.isBusy) button.setAttribute('aria-disabled', 'true');
      else button.removeAttribute('aria-disabled');
    }
  }
}

function usualSpan(): number {
  return Number(localStorage.getItem(SPAN_KEY)) || USUAL_SPAN;
}
