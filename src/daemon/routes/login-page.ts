import { type Refusal, statusOf } from '../../core/error.ts';
import { type Reply, text } from '../answer.ts';
import type { Caller } from '../identity/identities.ts';
import { html } from './html.ts';
import { page } from './page.ts';
import { pageHeaders } from './page-style.ts';

/** A plain form that needs no script; `refusal` is why the last attempt failed. */
export function loginPage(next: string, refusal: Refusal | null): Reply {
  const body = html`<main>
<h1>Log in</h1>
${refusal && html`<p role="alert"><strong>${refusal.detail}</strong>; ${refusal.hint}</p>`}
<form method="post" action="/api/v2/session">
<input type="hidden" name="next" value="${next}">
<p><label>Name<br><input name="name" autocomplete="username" required autofocus></label></p>
<p><label>Password<br><input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button>Log in</button></p>
</form>
<p class="soft">On the command line: <code>rentabot login</code>.</p>
</main>`;
  const reply = text(page('Log in - rentabot', body), pageHeaders({ forms: true }));
  if (refusal === null) return reply;
  const retry = refusal.retryAfter === undefined ? {} : { 'retry-after': String(refusal.retryAfter) };
  return { ...reply, status: statusOf(refusal), headers: { ...reply.headers, ...retry } };
}

export function logoutPage({ principal, csrf }: Caller): Reply {
  const { name } = principal;
  const question = html`<p>You are logged in as <strong>${name}</strong>.</p>
<form method="post" action="/logout">
<input type="hidden" name="csrf" value="${csrf ?? ''}">
<p><button>Log out</button></p>
</form>`;
  const body = html`<main>
<h1>Log out</h1>
${csrf === null ? html`<p>You are not logged in. <a href="/login">Log in</a></p>` : question}
</main>`;
  return text(page('Log out - rentabot', body), pageHeaders({ forms: true }));
}
