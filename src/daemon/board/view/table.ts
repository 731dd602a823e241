import type { WantJson } from '../../../core/wire.ts';
import { type Html, html } from '../../routes/html.ts';
import { type Choice, choose, expressionIn, type Group, hrefOf, isIn, STATES, toggled } from './choice.ts';
import type { Row, Viewer } from './model.ts';
import type { Queues } from './queues.ts';
import { COLUMNS, rowHtml, type Scene } from './row.ts';

/** All that is shown of the state of things: what the browser draws again when something changes. */
export interface World {
  readonly rows: ReadonlyMap<number, Row>;
  readonly queues: Queues;
}

/** The choices, above the table. The form works without script: it leads to the address with the choice in it. */
export function choicesHtml(world: World, choice: Choice): Html {
  const rows = [...world.rows.values()];
  const [tag = '', ...others] = choice.tags;
  const kept = [...others.map((one) => ['tag', one] as const), ...choice.states.map((one) => ['state', one] as const)];
  return html`<input type="search" name="q" value="${choice.search}" placeholder="Search, or gpu &amp;&amp; mem&gt;=24" aria-label="Search" autocomplete="off" maxlength="500">
${kept.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<label>Tag <select name="tag">${option('', 'all', tag)}${tagsOf(rows, tag).map((one) => option(one, one, tag))}</select></label>
<label>Sort <select name="sort">${sortWords(rows, choice).map(([key, word]) => option(key, word, sortText(choice)))}</select></label>
<label>Group <select name="group">${groupsOf(rows).map(([key, word]) => option(key, word, choice.group))}</select></label>
<noscript><button>Show</button></noscript>`;
}

/** How many there are of each state, as switches; and the tags that are chosen, to be taken away. */
export function chipsHtml(world: World, choice: Choice, viewer: Viewer): Html {
  const rows = [...world.rows.values()];
  return html`${STATES.map((state) => stateChip(state, world, rows, choice, viewer))}${choice.tags.map(
    (tag) =>
      html`<li><a class="chip tagged" href="${hrefOf(toggled(choice, 'tags', tag))}" aria-label="Without tag ${tag}">${tag} ×</a></li>`,
  )}${anyHtml(choice, viewer)}`;
}

/** Whoever needs one of several does not mind which: the filter says what they need. */
function anyHtml(choice: Choice, { role }: Viewer): Html | null {
  const title = anyOf(choice)?.title;
  if (title === undefined || role === 'nobody' || role === 'viewer') return null;
  return html`<li><button class="any" data-any aria-haspopup="dialog">Claim any ${title}</button></li>`;
}

/** What the filter asks for as a want; null where it is none. */
export function anyOf({ tags, search }: Choice): { readonly title: string; readonly want: WantJson } | null {
  const isExpression = search !== '' && expressionIn(search) !== null;
  if (search !== '' && !isExpression) return null;
  if (tags.length === 0 && !isExpression) return null;
  if (!isExpression) return { title: tags.join(' '), want: { tags } };
  const where = [...tags.map((tag) => JSON.stringify(tag)), tags.length > 0 ? `(${search})` : search].join(' && ');
  return { title: where, want: { where } };
}

function sortWords(rows: readonly Row[], choice: Choice): readonly (readonly [string, string])[] {
  const now = sortText(choice);
  // Where nothing has a machine it is not offered.
  const offered = SORT_WORDS.filter(([key]) => key !== 'seen' || now === key || rows.some(({ machine }) => machine));
  if (offered.some(([key]) => key === now)) return offered;
  const word = SORT_WORDS.find(([key]) => key === choice.sort)?.[1] ?? choice.sort;
  return [...offered, [now, `${word}, reversed`]];
}

const SORT_WORDS = [
  ['name', 'name'],
  ['state', 'state'],
  ['holder', 'holder'],
  ['since', 'held longest'],
  ['until', 'free soonest'],
  ['queue', 'longest queue'],
  ['seen', 'longest unseen'],
] as const;

export function sortText({ sort, descending }: Choice): string {
  return `${descending ? '-' : ''}${sort}`;
}

function option(key: string, word: string, chosen: string): Html {
  return html`<option value="${key}"${key === chosen ? html` selected` : null}>${word}</option>`;
}

function stateChip(
  state: string,
  { queues }: World,
  rows: readonly Row[],
  choice: Choice,
  viewer: Viewer,
): Html | null {
  const count = rows.filter((row) => isIn(row, state, queues, viewer)).length;
  const on = choice.states.includes(state);
  if (count === 0 && !on && !['free', 'held'].includes(state)) return null;
  const word = state === 'mine' ? 'yours' : state;
  return html`<li><a class="chip ${state}" href="${hrefOf(toggled(choice, 'states', state))}"${on ? html` aria-current="true"` : null}>${word} <b>${count}</b></a></li>`;
}

function tagsOf(rows: readonly Row[], chosen: string): readonly string[] {
  return [...new Set([...rows.flatMap(({ tags }) => tags), chosen])].filter((tag) => tag !== '').sort();
}

function groupsOf(rows: readonly Row[]): readonly (readonly [string, string])[] {
  const keys = [...new Set(rows.flatMap(({ properties }) => Object.keys(properties)))].sort();
  const fixed = [
    ['', 'none'],
    ['tag', 'first tag'],
    ['state', 'state'],
    ['holder', 'holder'],
  ] as const;
  return [...fixed, ...keys.map((key) => [`p:${key}`, key] as const)];
}

/** The table with what is chosen. */
export function tableHtml(world: World, choice: Choice, scene: Scene): Html {
  return html`${[...tablePieces(world, choice, scene)]}`;
}

/** The same piece by piece, each made when it is asked for. */
export function* tablePieces(world: World, choice: Choice, scene: Scene): Generator<Html> {
  const groups = choose(world.rows.values(), world.queues, choice, scene.viewer);
  yield html`<table id="board"><caption class="vh">Resources</caption><thead><tr>${headsHtml(choice)}</tr></thead>\n`;
  yield* bodiesHtml(groups, world, scene);
  yield html`</table>\n<p id="empty"${isEmpty(groups) ? null : html` hidden`}>${emptyHtml(world)}</p>`;
}

export function headsHtml(choice: Choice): Html {
  const heads = COLUMNS.map(([sort, word]) => {
    const on = choice.sort === sort;
    const sorted = on ? html` aria-sort="${choice.descending ? 'descending' : 'ascending'}"` : null;
    const next = { ...choice, sort, descending: on && !choice.descending };
    return html`<th scope="col"${sorted}><a href="${hrefOf(next)}">${word}</a></th>`;
  });
  return html`${heads}<th scope="col"><span class="vh">Action</span></th>`;
}

/**
 * A browser lays out all of a table before it paints any: so what is far below the first screen is laid out after that. The
 * script puts it into the body that it belongs to.
 */
const AT_FIRST = 30;
/** Rows that are made in one go. */
const AT_ONCE = 50;

function* bodiesHtml(groups: readonly Group[], { queues }: World, scene: Scene): Generator<Html> {
  const drawn = (rows: readonly Row[]): Html[] =>
    rows.map((row) => html`${rowHtml(row, queues.get(row.id) ?? [], scene)}\n`);
  let room = AT_FIRST;
  for (const { title, rows } of groups) {
    const head = title === '' ? null : groupHtml(title, rows);
    const [first, later] = [rows.slice(0, room), rows.slice(room)];
    if (first.length > 0 || later.length === 0) yield html`<tbody data-group="${title}">${head}${drawn(first)}</tbody>`;
    if (later.length > 0) {
      yield html`<tbody data-group="${title}" class="later">${first.length > 0 ? null : head}`;
      for (let i = 0; i < later.length; i += AT_ONCE) yield html`${drawn(later.slice(i, i + AT_ONCE))}`;
      yield html`</tbody>`;
    }
    room -= first.length;
  }
}

/** The line above a group. */
export function groupHtml(title: string, rows: readonly Row[]): Html {
  const free = rows.filter(({ state }) => state === 'free').length;
  return html`<tr class="group"><th colspan="${COLUMNS.length + 1}" scope="rowgroup">${title} <small>${free} free of ${rows.length}</small></th></tr>\n`;
}

export function isEmpty(groups: readonly Group[]): boolean {
  return groups.every(({ rows }) => rows.length === 0);
}

/** Said where nothing is shown. */
export function emptyHtml({ rows }: World): Html {
  if (rows.size === 0) return html`There is nothing to share yet.`;
  return html`Nothing is like that. <a href="/" data-all>Show everything</a>`;
}
