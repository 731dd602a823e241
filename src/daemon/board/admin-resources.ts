import { formatDuration } from '../../core/duration.ts';
import type { Resource, Scalar } from '../../core/model.ts';
import type { Sight } from '../engine.ts';
import { type Html, html } from '../routes/html.ts';
import { removeHtml } from './admin-people.ts';

/** So many are listed; more are found by the board's own search. */
const MOST_LISTED = 200;

/** What there is to share, to be added, changed and removed. One at a time is edited: the address says which. */
export function resourcesHtml({ state }: Sight, query: URLSearchParams): Html {
  const search = (query.get('q') ?? '').toLowerCase();
  const all = Array.from(state.catalogue.byId.values(), ({ resource }) => resource).filter(({ name, retiring }) => {
    return !retiring && name.toLowerCase().includes(search);
  });
  const edited = state.catalogue.byName.get(query.get('edit') ?? '')?.resource;
  const rows = all.slice(0, MOST_LISTED).map((resource) => rowHtml(resource));
  const rest = all.length - rows.length;
  return html`<section id="resources"><h2>Resources</h2>
<form class="row" role="search" method="get" action="/admin"><label>Name has <input type="search" name="q" value="${query.get('q') ?? ''}"></label><button>Find</button></form>
${all.length === 0 ? html`<p class="soft">None.</p>` : html`<table class="list"><thead><tr><th scope="col">Name</th><th scope="col">Tags</th><th scope="col">Endpoint</th><th scope="col">From</th><th scope="col"><span class="vh">Change</span></th></tr></thead><tbody>${rows}</tbody></table>`}
${rest > 0 ? html`<p class="soft">and ${rest} more</p>` : null}
${edited ? editHtml(edited) : addHtml()}</section>`;
}

function rowHtml({ name, tags, endpoint, source }: Resource): Html {
  const path = `/api/v2/resources/${encodeURIComponent(name)}`;
  return html`<tr><th scope="row"><a href="/resources/${encodeURIComponent(name)}">${name}</a></th><td>${tags.join(', ')}</td><td>${endpoint}</td><td>${source}</td><td class="row"><a href="/admin?edit=${encodeURIComponent(
    name,
  )}#edit" aria-label="Edit ${name}">Edit</a>${removeHtml(path, name)}</td></tr>\n`;
}

function addHtml(): Html {
  return html`<h3 id="edit">Add a resource</h3>
<form class="fields" data-send="POST /api/v2/resources" data-done="Added">
<label>Name <input name="name" maxlength="200" autocomplete="off" required></label>
${traitsHtml(null)}
<div class="deeds"><button class="first">Add</button></div></form>`;
}

function editHtml(resource: Resource): Html {
  const { name } = resource;
  return html`<h3 id="edit">Edit ${name}</h3>
<form class="fields" data-send="PATCH /api/v2/resources/${encodeURIComponent(name)}" data-done="${name} is changed" data-then="/admin">
${traitsHtml(resource)}
<div class="deeds"><button class="first">Save</button><a href="/admin">Back</a></div></form>`;
}

function traitsHtml(resource: Resource | null): Html {
  const maxHold = resource?.maxHold == null ? '' : formatDuration(resource.maxHold);
  return html`<label>Description <input name="description" value="${resource?.description ?? ''}"></label>
<label>Endpoint <input name="endpoint" value="${resource?.endpoint ?? ''}"></label>
<label>Tags, with commas between them <input name="tags" data-type="list" value="${resource?.tags.join(', ') ?? ''}"></label>
<label>Properties, one a line: mem=40 <textarea name="properties" data-type="scalars" rows="3">${linesOf(resource?.properties ?? {})}</textarea></label>
<label>Environment of the holder's command, one a line: NAME=value <textarea name="env" data-type="texts" rows="3">${linesOf(resource?.env ?? {})}</textarea></label>
<label>Slots <input name="slots" data-type="number" inputmode="numeric" size="4" value="${resource?.slots ?? 1}"></label>
<label>Held at most <input name="maxHold" data-type="seconds" size="8" placeholder="no limit, 8h" value="${maxHold}"></label>`;
}

function linesOf(record: Readonly<Record<string, Scalar>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n');
}
