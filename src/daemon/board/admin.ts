import { isAudit } from '../../core/identity.ts';
import type { EventJson } from '../../core/wire.ts';
import type { Daemon } from '../daemon.ts';
import type { Sight } from '../engine.ts';
import { type Html, html } from '../routes/html.ts';
import { accountHtml, tokensHtml, usersHtml } from './admin-people.ts';
import { resourcesHtml } from './admin-resources.ts';
import type { Visit } from './look.ts';
import type { Page } from './shell.ts';

/** So much of what people did is shown. */
export const MOST_SHOWN = 100;

/** What is done by people, rather than by holding and giving back. */
const DEEDS = /^(resource-(added|changed|removed|offline|online)|lease-shared)$/;

/**
 * What is there to be managed: by everybody their own password and tokens, by an admin all of it. Reading needs no script; the forms
 * speak the native API.
 */
export function adminPage(
  daemon: Daemon,
  sight: Sight,
  visit: Visit,
  query: URLSearchParams,
  past: readonly EventJson[],
): Page {
  const { viewer } = visit;
  const isAdmin = viewer.role === 'admin';
  return {
    title: isAdmin ? 'Admin · rentabot' : 'Account · rentabot',
    name: 'admin',
    main: html`<h1>${isAdmin ? 'Admin' : 'Account'}</h1>
<p id="made" role="status"></p>
${isAdmin ? resourcesHtml(sight, query) : null}
${viewer.open ? null : accountHtml(viewer)}
${isAdmin ? usersHtml(daemon, visit, sight.now) : null}
${viewer.open ? null : tokensHtml(daemon, visit, sight.now)}
${isAdmin ? auditHtml(past, visit, sight.now) : null}`,
  };
}

/** Who did what to whom, the latest first. */
function auditHtml(past: readonly EventJson[], { face }: Visit, now: number): Html {
  const rows = past.map(
    (event) =>
      html`<tr><td>${face.moment(Date.parse(event.at), now)}</td><td>${event.by === '' || event.by === undefined ? '–' : event.by}</td><td>${wordFor(event)}</td><td>${subjectOf(event)}</td></tr>\n`,
  );
  return html`<section id="audit"><h2>What people did</h2>
<table class="list"><thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">To whom or what</th></tr></thead><tbody>${rows}</tbody></table>
${past.length === 0 ? html`<p class="soft">Nothing yet.</p>` : null}</section>`;
}

export function isDeed({ type, reason, by, owner, holder }: EventJson): boolean {
  if (DEEDS.test(type) || isAudit(type)) return true;
  // Taking something from somebody else.
  const taken = type === 'lease-ended' && (reason === 'stolen' || reason === 'revoked');
  return taken && by !== '' && by !== (owner || holder?.name);
}

function wordFor({ type, reason, shared }: EventJson): string {
  if (type === 'lease-ended') return reason === 'stolen' ? 'took over' : 'ended';
  if (type === 'lease-shared') return shared === false ? 'no longer shares' : 'shares';
  return type.replace(/^resource-/, '').replaceAll('-', ' ');
}

function subjectOf(event: EventJson): string {
  const { resources = [], reason = '', why = '', holder, type, with: mate = '', about = '', note = '' } = event;
  const whose = type === 'lease-ended' && holder ? `of ${holder.name}` : '';
  const told = isAudit(type) ? note : type === 'lease-ended' ? why : reason;
  return [resources.join(', '), whose, mate, about, told].filter((part) => part !== '').join(' · ');
}
