import { KNOWN_ROLES } from '../../core/identity.ts';
import type { Daemon } from '../daemon.ts';
import { type Html, html } from '../routes/html.ts';
import type { Visit } from './look.ts';
import type { Viewer } from './view/model.ts';

/** One's own password. */
export function accountHtml({ name, role }: Viewer): Html {
  return html`<section id="account"><h2>You</h2><p><b>${name}</b>, ${role}</p>
<form class="row" data-send="PATCH /api/v2/users/${encodeURIComponent(name)}" data-done="The password is changed">
<label>Password until now <input type="password" name="current" autocomplete="current-password" required></label>
<label>New password <input type="password" name="password" autocomplete="new-password" minlength="8" required></label>
<button>Change the password</button></form></section>`;
}

export function usersHtml({ identities }: Daemon, { face, viewer }: Visit, now: number): Html {
  const users = identities.people.list();
  const rows = users.map(({ name, role, mail, createdAt }) => {
    const path = `/api/v2/users/${encodeURIComponent(name)}`;
    return html`<tr><th scope="row">${name}</th><td><form class="row" data-send="PATCH ${path}" data-done="${name} is changed"><label><span class="vh">Role of ${name} </span>${rolesHtml(role)}</label><button>Set</button></form></td><td>${mail}</td><td>${face.moment(
      createdAt,
      now,
    )}</td><td><form class="row" data-send="PATCH ${path}" data-done="The password of ${name} is changed"><label><span class="vh">New password of ${name} </span><input type="password" name="password" autocomplete="new-password" minlength="8" required placeholder="new password"></label><button>Set</button></form></td><td>${removeHtml(path, name)}</td></tr>\n`;
  });
  const first = viewer.open && users.length === 0;
  return html`<section id="users"><h2>Users</h2>
${first ? html`<p>This daemon knows nobody, and everybody who can reach it may do everything. The first user has to be an admin; from then on it asks who one is.</p>` : null}
${users.length === 0 ? null : html`<table class="list"><thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">Mail</th><th scope="col">Since</th><th scope="col">Password</th><th scope="col"><span class="vh">Remove</span></th></tr></thead><tbody>${rows}</tbody></table>`}
<form class="row" data-send="POST /api/v2/users" data-done="Added">
<label>Name <input name="name" maxlength="64" autocomplete="off" required></label>
<label>Role ${rolesHtml(first ? 'admin' : 'user')}</label>
<label>Password <input type="password" name="password" autocomplete="new-password" minlength="8" required></label>
<label>Mail <input type="email" name="mail" autocomplete="off"></label>
<button>Add a user</button></form></section>`;
}

export function tokensHtml({ identities }: Daemon, { face, viewer }: Visit, now: number): Html {
  const { name, role } = viewer;
  if (role === 'nobody') return html``;
  const tokens = identities.credentials.list({ name, role });
  const rows = tokens.map((token) => {
    const used = identities.credentials.lastUsedAt(token);
    const said = [token.expiresAt, used].map((at) => (at === null ? '–' : face.moment(at, now)));
    return html`<tr><th scope="row">${token.name}${token.login ? html` <small>a login</small>` : null}</th><td>${token.role}</td><td>${token.owner}</td><td>${face.moment(
      token.createdAt,
      now,
    )} by ${token.createdBy}</td><td>${said[0] ?? ''}</td><td>${said[1] ?? ''}</td><td>${removeHtml(`/api/v2/tokens/${token.id}`, token.name, 'Revoke')}</td></tr>\n`;
  });
  return html`<section id="tokens"><h2>Tokens</h2>
${tokens.length === 0 ? null : html`<table class="list"><thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">Owner</th><th scope="col">Made</th><th scope="col">Expires</th><th scope="col">Last used</th><th scope="col"><span class="vh">Revoke</span></th></tr></thead><tbody>${rows}</tbody></table>`}
<form class="row" data-send="POST /api/v2/tokens" data-made="token">
<label>Name <input name="name" maxlength="64" autocomplete="off" required></label>
<label>Role ${rolesHtml('user')}</label>
<label>Expires after <input name="for" data-type="seconds" size="6" placeholder="never, 90d"></label>
<button>Make a token</button></form>
<form class="row" data-send="POST /api/v2/tokens" data-made="wall"><input type="hidden" name="name" value="wall"><input type="hidden" name="role" value="viewer">
<button>Make a link to a wall</button> <span class="soft">for a screen that nobody logs in at: whoever has it can look, and no more</span></form></section>`;
}

function rolesHtml(chosen: string): Html {
  return html`<select name="role">${KNOWN_ROLES.map(
    (role) => html`<option${role === chosen ? html` selected` : null}>${role}</option>`,
  )}</select>`;
}

/** Asks again before it does so. */
export function removeHtml(path: string, name: string, word = 'Remove'): Html {
  return html`<form data-send="DELETE ${path}" data-done="${name} is gone" data-sure><button aria-label="${word} ${name}">${word}</button></form>`;
}
