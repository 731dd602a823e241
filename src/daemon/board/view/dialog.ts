import { type Html, html } from '../../routes/html.ts';
import { type Deed, deedsFor, ownLease } from './deeds.ts';
import type { Row, Viewer, Waiter } from './model.ts';
import type { Scene } from './row.ts';
import { type Clockface, spanText } from './times.ts';

/** What somebody is about to do something with: one resource, or any that a filter matches. */
export type Target =
  | { readonly type: 'row'; readonly row: Row; readonly queue: readonly Waiter[] }
  | { readonly type: 'any'; readonly title: string; readonly free: number };

/** Seconds, to choose from. */
export const SPANS = [900, 3600, 7200, 14_400, 28_800, 86_400] as const;
export const USUAL_SPAN = 3600;

/** The inside of the dialog. It is drawn again when things change, so that its buttons are those of now. */
export function dialogHtml(target: Target, span: number, scene: Scene): Html {
  const { viewer } = scene;
  const deeds = deedsOf(target, viewer);
  const needsName = viewer.open && viewer.name === '';
  return html`<h2 id="act-title">${target.type === 'row' ? target.row.name : `Any ${target.title}`}</h2>
<div id="act-state">${stateHtml(target, scene)}</div>
<div class="fields">${needsName ? NAME_FIELD : null}${deeds.some((deed) => TIMED.has(deed)) ? spansHtml(span) : null}
<label>Why, or what you want to say <input name="why" maxlength="500" autocomplete="off"></label>${deeds.includes('share') ? SHARE_FIELD : null}</div>
<p id="act-said" role="alert"></p>
<div class="deeds">${deeds.map((deed, i) => buttonHtml(deed, i === 0))}<button value="close" type="button" data-close>Close</button></div>`;
}

const NAME_FIELD = html`<label>Your name, for the others <input name="name" maxlength="200" autocomplete="name" required autofocus></label>`;
const SHARE_FIELD = html`<label>Share with <input name="with" maxlength="200" autocomplete="off"></label>`;

const TIMED: ReadonlySet<Deed> = new Set(['claim', 'join', 'extend', 'steal']);

const BUTTONS: Readonly<Record<Deed, string>> = {
  accept: 'Accept',
  release: 'Release',
  extend: 'Extend',
  share: 'Share',
  claim: 'Claim',
  join: 'Join the queue',
  leave: 'Leave the queue',
  ask: 'Ask for it',
  steal: 'Take over',
  offline: 'Take offline',
  online: 'Bring online',
};

export function deedsOf(target: Target, viewer: Viewer): readonly Deed[] {
  if (target.type === 'row') return deedsFor(target.row, target.queue, viewer);
  return target.free > 0 ? ['claim', 'join'] : ['join'];
}

function buttonHtml(deed: Deed, first: boolean): Html {
  return html`<button value="${deed}"${first ? html` class="first" autofocus` : null}>${BUTTONS[deed]}</button>\n`;
}

function spansHtml(span: number): Html {
  return html`<fieldset><legend>For</legend>${SPANS.map(
    (s) =>
      html`<label><input type="radio" name="for" value="${s}"${s === span ? html` checked` : null}>${spanText(s * 1000)}</label>\n`,
  )}<label>or <input name="other" size="5" placeholder="90m" aria-label="Another time, such as 90m or 2d"></label></fieldset>`;
}

function stateHtml(target: Target, scene: Scene): Html {
  if (target.type === 'any') return html`<p>${target.free} free now.</p>`;
  const { row, queue } = target;
  return html`${row.offline === null ? null : html`<p>Offline: ${row.offline.reason}</p>`}${row.leases.length === 0 && row.offline === null ? html`<p>${row.state}</p>` : null}
${row.leases.length === 0 ? null : html`<ul>${row.leases.map((lease) => html`<li>${heldBy(lease, scene)}</li>`)}</ul>`}
${queueHtml(queue, scene)}`;
}

function heldBy(
  { holder, note, since, until, claim, offeredUntil, asked }: Row['leases'][number],
  { now, face }: Scene,
): Html {
  const end = offeredUntil
    ? `, offered until ${said(offeredUntil, now, face)}`
    : until === null
      ? ''
      : `, until ${said(until, now, face)}`;
  const what = claim ? 'claimed' : 'in use';
  return html`${what} by <b>${holder.name}</b> since ${said(since, now, face)}${end}${note === '' ? null : html`: ${note}`}${(
    asked ?? []
  ).map((one) => html`<br><span class="asked">${one.by} asked${one.note === '' ? null : `: ${one.note}`}</span>`)}`;
}

/** So many places are listed. */
const LISTED = 10;

export function queueHtml(queue: readonly Waiter[], { now, face }: Pick<Scene, 'now' | 'face'>): Html | null {
  if (queue.length === 0) return null;
  const places = queue.slice(0, LISTED).map(({ holder, note, since, want, steals }) => {
    return html`<li><b>${holder.name}</b> ${steals ? 'is taking over' : html`waits for ${want}`} since ${said(since, now, face)}${note === '' ? null : `: ${note}`}</li>`;
  });
  const rest = queue.length - LISTED;
  return html`<p>In the queue:</p><ol>${places}</ol>${rest > 0 ? html`<p>and ${rest} more</p>` : null}`;
}

function said(iso: string, now: number, face: Clockface): string {
  return face.moment(Date.parse(iso), now);
}

/** Who has it, for somebody who came too late. */
export function whoHas(row: Row, viewer: Viewer, now: number, face: Clockface): string {
  const other = row.leases.find((lease) => lease !== ownLease(row, viewer));
  if (!other)
    return row.offline === null ? `${row.name} is ${row.state} now` : `${row.name} is offline: ${row.offline.reason}`;
  const { holder, since, until, note } = other;
  const end = until === null ? '' : `, until ${said(until, now, face)}`;
  return `${holder.name} has ${row.name} since ${said(since, now, face)}${end}${note === '' ? '' : ` (${note})`}`;
}
