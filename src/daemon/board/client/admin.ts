import { parseDuration } from '../../../core/duration.ts';
import type { MadeTokenJson } from '../../../core/wire-identity.ts';
import { html } from '../../routes/html.ts';
import { copyable } from '../view/row.ts';
import { Refused, send } from './api.ts';
import { fill, patch } from './dom.ts';
import { tell } from './status.ts';

/** The forms of this page say what they send, and their fields what they stand for. */
export function startAdmin(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target as HTMLFormElement;
    if (form.dataset.send === undefined) return;
    event.preventDefault();
    const button = form.querySelector('button');
    if (form.dataset.sure !== undefined && button && !isSure(button)) return;
    void submit(form, form.dataset.send);
  });
}

/** Whoever has pressed once is asked whether they are sure, until they turn to something else. */
function isSure(button: HTMLButtonElement): boolean {
  if (button.dataset.was !== undefined) return true;
  const { textContent } = button;
  const label = button.getAttribute('aria-label');
  button.dataset.was = textContent ?? '';
  button.textContent = 'Really?';
  button.setAttribute('aria-label', `Really? ${label}`);
  const forget = (): void => {
    delete button.dataset.was;
    button.textContent = textContent;
    button.setAttribute('aria-label', label ?? '');
  };
  button.addEventListener('blur', forget, { once: true });
  return false;
}

async function submit(form: HTMLFormElement, what: string): Promise<void> {
  const [method = '', path = ''] = what.split(' ');
  const { done = 'Done', made, then } = form.dataset;
  try {
    const body = method === 'DELETE' ? undefined : bodyOf(form, method === 'PATCH');
    const answer = await send(method, path, body);
    if (method === 'POST') form.reset();
    if (then !== undefined) history.replaceState(null, '', then);
    await again();
    tell(done);
    if (made !== undefined) showMade(answer as MadeTokenJson, made);
  } catch (error) {
    if (error instanceof Wrong) tell(error.message);
    else if (error instanceof Refused)
      tell(`${error.problem.detail}${error.problem.hint === '' ? '' : ` (${error.problem.hint})`}`);
    else throw error;
  }
}

/** Draws the page as it is now. What is being typed stays, as what the fields came with is the same. */
async function again(): Promise<void> {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  // As where the first user was added: from now on it asks who one is.
  if (answer.redirected) return location.assign(answer.url);
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
  const main = document.querySelector('main');
  if (fresh && main) patch(main, fresh);
}

/** A token is told once, also where it stands in a link. */
function showMade({ secret, token }: MadeTokenJson, made: string): void {
  const place = document.getElementById('made');
  if (!place) return;
  const told =
    made === 'wall'
      ? html`The link, which is told this once: ${copyable(`${location.origin}/wall?key=${secret}`)}`
      : html`The token ${token.name}, which is told this once: ${copyable(secret)}`;
  fill(place, told);
  place.scrollIntoView({ block: 'center' });
}

class Wrong extends Error {}

/** The fields as JSON. With `change`, entries that are gone are null: so they go. */
function bodyOf(form: HTMLFormElement, change: boolean): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of form.elements) {
    if (
      !(field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement)
    )
      continue;
    const { name, value, dataset } = field;
    if (name === '' || (value.trim() === '' && !change)) continue;
    // A password that nobody typed is none.
    if (value === '' && field.type === 'password') continue;
    const was = field instanceof HTMLTextAreaElement ? field.defaultValue : '';
    body[name] = meaningOf(dataset.type ?? 'text', value, was, name);
  }
  return body;
}

function meaningOf(type: string, value: string, was: string, name: string): unknown {
  const text = value.trim();
  switch (type) {
    case 'list':
      return text.split(/[\s,]+/).filter((one) => one !== '');
    case 'number':
      return text === '' ? null : Number(text);
    case 'seconds': {
      const ms = text === '' ? null : parseDuration(text);
      if (text !== '' && ms === null) throw new Wrong(`${text} is no time such as 90m, 8h or 3d`);
      return ms === null ? null : ms / 1000;
    }
    case 'scalars':
    case 'texts': {
      const gone = Object.keys(pairs(was, name)).map((key) => [key, null] as const);
      const found = Object.entries(pairs(text, name)).map(
        ([key, one]) => [key, type === 'texts' ? one : scalar(one)] as const,
      );
      return Object.fromEntries([...gone, ...found]);
    }
    default:
      return value;
  }
}

function pairs(text: string, name: string): Record<string, string> {
  const lines = text.split('\n').filter((one) => one.trim() !== '');
  return Object.fromEntries(
    lines.map((one) => {
      const [, key = '', value = ''] = /^\s*([^=]+?)\s*=(.*)$/.exec(one) ?? [];
      if (key === '') throw new Wrong(`${name}: ${one} has no =`);
      return [key, value.trim()];
    }),
  );
}

/** As a descriptor has it: what reads as a number is one. */
function scalar(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
