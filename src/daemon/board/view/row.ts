import { type Html, html } from '../../routes/html.ts';
import { EVERYTHING, firstEnd, hrefOf } from './choice.ts';
import { type Deed, deedsFor } from './deeds.ts';
import { isMine, type Row, type RowLease, type Viewer, type Waiter } from './model.ts';
import { agoText, type Clockface, spanText } from './times.ts';

/** What a row is drawn with. */
export interface Scene {
  readonly now: number;
  readonly face: Clockface;
  readonly viewer: Viewer;
}

/** Columns of the table, by their sort. */
export const COLUMNS = [
  ['name', 'Resource'],
  ['state', 'State'],
  ['holder', 'Holder'],
  ['until', 'Time'],
  ['queue', 'Queue'],
] as const;

/** So many of several holders, or of a queue, are named; the rest is counted. */
const NAMED = 3;

/** One resource as a row of the table. */
export function rowHtml(row: Row, queue: readonly Waiter[], scene: Scene): Html {
  const mine = row.leases.some((lease) => isMine(lease, scene.viewer));
  return html`<tr id="r${row.id}" class="${row.state}${mine ? ' mine' : ''}"><th scope="row">${nameCell(row)}</th><td class="st">${row.state}${badges(row, mine)}${seenHtml(row, scene)}</td><td class="who">${whoCell(row, scene)}</td><td class="tm">${timeCell(row, scene)}</td><td class="qu">${queueCell(queue)}</td><td class="do">${actCell(row, queue, scene)}</td></tr>`;
}

/** What is more to be said than free or held. */
function badges({ leases, slots, state }: Row, mine: boolean): Html {
  const taken = leases.filter(({ mode }) => mode === 'slot').length;
  return html`${mine ? html` <b>yours</b>` : null}${leases.some(({ offeredUntil }) => offeredUntil) ? html` <b>offered</b>` : null}${
    leases.some(({ ending }) => ending) ? html` <b>ending</b>` : null
  }${slots > 1 && state !== 'offline' ? html`<small>${slots - taken} of ${slots} slots free</small>` : null}`;
}

/** Of what has a machine: when that was last seen. Which machine that is, and the moment, is said to whoever points at it. */
function seenHtml({ machine, lastSeen }: Row, { now, face }: Scene): Html | null {
  if (machine === undefined) return null;
  if (!lastSeen) return html`<small title="${machine}">never seen</small>`;
  const exact = `${machine}, last seen ${face.exact(Date.parse(lastSeen))}`;
  return html`<small title="${exact}">seen ${ago(lastSeen, now)}</small>`;
}

/** The same, on the page of the resource: `2026-11-20 13:02:05, 3 min ago`. */
export function lastSeenHtml({ lastSeen }: Row, { now, face }: Pick<Scene, 'now' | 'face'>): Html {
  return lastSeen ? html`${face.exact(Date.parse(lastSeen))}, ${ago(lastSeen, now)}` : html`never`;
}

function nameCell({ name, tags, description, endpoint }: Row): Html {
  // The same whatever is chosen, so that another choice draws no row again; where there is script it adds to the others.
  const chips = tags.map((tag) => {
    return html` <a class="tag" data-tag="${tag}" href="${hrefOf({ ...EVERYTHING, tags: [tag] })}">${tag}</a>`;
  });
  const both = description !== '' && endpoint !== '' ? ' · ' : null;
  const more = html`<small>${description}${both}${endpoint === '' ? null : copyable(endpoint)}</small>`;
  return html`<a class="name" href="/resources/${encodeURIComponent(name)}">${name}</a>${chips}${description === '' && endpoint === '' ? null : more}`;
}

/** Text to be taken along: a button copies it where there is script, and it can be marked where there is none. */
export function copyable(text: string): Html {
  return html`<code>${text}</code><button class="copy" data-copy="${text}" aria-label="Copy ${text}" title="Copy"></button>`;
}

function whoCell(row: Row, { face, now }: Scene): Html | null {
  const { offline, leases, more } = row;
  if (leases.length === 0) {
    if (offline === null) return null;
    const by = offline.by === '' ? null : html`<small>by ${offline.by}</small>`;
    return html`${offline.reason}${by}`;
  }
  const named = leases.slice(0, NAMED).map((lease, i) => {
    const shares = lease.shares ? html` <span class="soft">with ${lease.shares.join(', ')}</span>` : null;
    return html`${i > 0 ? ', ' : null}${holderHtml(lease)}${shares}`;
  });
  const rest = leases.length + more - NAMED;
  const note = leases.length === 1 ? noteHtml(leases[0] as RowLease) : null;
  const asked = leases.flatMap((lease) => lease.asked ?? []).at(-1);
  const out =
    offline === null
      ? null
      : html`<small>going offline: ${offline.reason}, since ${face.moment(Date.parse(offline.since), now)}</small>`;
  return html`${named}${rest > 0 ? ` +${rest}` : null}${note}${
    asked
      ? html`<small class="asked">${asked.by} asks for it${asked.note === '' ? null : `: ${asked.note}`}</small>`
      : null
  }${out}`;
}

/** A person's name, or a CI job's with a link to its page. */
export function holderHtml({ holder }: { readonly holder: RowLease['holder'] }): Html {
  const { name, link } = holder;
  // Whoever gave the link decides where it leads, but not that it runs here: the daemon takes http and https alone.
  return link !== null && /^https?:/i.test(link)
    ? html`<a href="${link}" target="_blank" rel="noopener noreferrer" class="out">${name}</a>`
    : html`${name}`;
}

function noteHtml({ note, holder }: RowLease): Html | null {
  const text = [note, holder.host === '' ? '' : `on ${holder.host}`].filter((part) => part !== '').join(' · ');
  return text === '' ? null : html`<small>${text}</small>`;
}

export function timeCell(row: Row, { now, face }: Scene): Html | null {
  const { leases, offline, lastUsed, drainedAt } = row;
  const lease = leases[0];
  if (lease) return heldTime(row, lease, now, face);
  if (offline !== null) {
    const back = offline.until === null ? null : html`<small>back ${at(offline.until, now, face)}</small>`;
    return html`for ${since(offline.since, now)}${back}`;
  }
  if (drainedAt !== null) return html`free in ${until(drainedAt, now)}`;
  return lastUsed === null ? html`<i>never used</i>` : html`<i>idle ${since(lastUsed, now)}</i>`;
}

function heldTime(row: Row, lease: RowLease, now: number, face: Clockface): Html {
  const end = firstEnd(row);
  if (end === null) return html`${since(lease.since, now)}<small>since ${at(lease.since, now, face)}</small>`;
  if (lease.offeredUntil)
    return html`${until(lease.offeredUntil, now)} to accept<small>offered ${at(lease.since, now, face)}</small>`;
  const begun = Date.parse(lease.since);
  const iso = new Date(end).toISOString();
  return html`${until(iso, now)} left<progress value="${Math.max(0, Math.min(now, end) - begun)}" max="${Math.max(1, end - begun)}" data-from="${begun}" aria-label="time used"></progress><small>${at(
    lease.since,
    now,
    face,
  )} – ${at(iso, now, face)}</small>`;
}

/** Spans that grow, and shrink: the browser counts on. */
function since(iso: string, now: number): Html {
  return html`<time datetime="${iso}" data-up>${spanText(now - Date.parse(iso))}</time>`;
}

export function until(iso: string, now: number): Html {
  return html`<time datetime="${iso}" data-down>${spanText(Date.parse(iso) - now)}</time>`;
}

function ago(iso: string, now: number): Html {
  return html`<time datetime="${iso}" data-ago>${agoText(now - Date.parse(iso))}</time>`;
}

export function at(iso: string, now: number, face: Clockface): Html {
  return html`<time datetime="${iso}">${face.moment(Date.parse(iso), now)}</time>`;
}

function queueCell(queue: readonly Waiter[]): Html | null {
  if (queue.length === 0) return null;
  const names = queue.slice(0, NAMED).map(({ holder }) => holder.name);
  const rest = queue.length - NAMED;
  return html`<b>${queue.length}</b> <span class="soft">${names.join(', ')}${rest > 0 ? ` +${rest}` : null}</span>`;
}

/** The one button of a row; what it opens has whatever can be done. */
function actCell(row: Row, queue: readonly Waiter[], { viewer }: Scene): Html | null {
  const [first] = deedsFor(row, queue, viewer);
  if (first === undefined) return null;
  // An offer is taken at once: there is nothing more to be said.
  if (first === 'accept')
    return html`<button class="act" data-accept="${row.id}" aria-label="Accept ${row.name}">Accept</button>`;
  const word = WORDS[first];
  return html`<button class="act" data-act="${row.id}" aria-haspopup="dialog" aria-label="${word} ${row.name}">${word}</button>`;
}

const WORDS: Readonly<Record<Deed, string>> = {
  claim: 'Claim',
  join: 'Queue',
  release: 'Manage',
  extend: 'Manage',
  share: 'Manage',
  accept: 'Accept',
  leave: 'Queued',
  ask: 'Manage',
  steal: 'Manage',
  offline: 'Manage',
  online: 'Manage',
};
