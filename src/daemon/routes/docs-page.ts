import { ERRORS } from '../../core/error.ts';
import { DEFAULT_PORT, PROTOCOL } from '../../core/wire.ts';
import { fieldsOf, typeOf } from './docs-schema.ts';
import { type Html, html, prose, verbatim } from './html.ts';
import type { JsonSchema, MediaType, OpenApi, OperationObject, ParameterObject, ResponseObject } from './openapi.ts';
import { COMMON_PROBLEMS, DESCRIPTOR_PROBLEMS } from './openapi-operation.ts';
import { page } from './page.ts';

/** Said once for all, and not again with each endpoint. */
const SAID_ONCE = new Set([...COMMON_PROBLEMS, ...DESCRIPTOR_PROBLEMS].map(({ code, when }) => `${code} ${when}`));

interface Endpoint {
  readonly verb: string;
  readonly path: string;
  readonly operation: OperationObject;
}

/** The document as a page for people. */
export function docsPage(api: OpenApi): string {
  const endpoints = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, operation]): Endpoint => ({ verb, path, operation })),
  );
  const tagged = api.tags.map(({ name, description }) => ({
    name,
    description,
    endpoints: endpoints.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const shown = new Set<string>();
  return page(
    'rentabot: the HTTP interface',
    html`<a class="skip" href="#main">To the text</a>
<div class="wide">
<nav aria-label="Contents">
<ul>
<li><a href="#begin">First steps</a></li>
${tagged.map(
  (tag) => html`<li><a href="#tag-${tag.name}">${titled(tag.name)}</a>
<ul>${tag.endpoints.map(
    ({ operation }) => html`<li><a href="#${operation.operationId}">${operation.summary}</a></li>\n`,
  )}</ul></li>
`,
)}<li><a href="#problems">Problems</a></li>
<li><a href="#schemas">Schemas</a></li>
</ul>
</nav>
<main id="main">
<h1>rentabot: the HTTP interface</h1>
<p class="soft">Release ${api.info.version}, protocol ${PROTOCOL}. For programs: <a href="/openapi.json">openapi.json</a>.</p>
<p>${prose(api.info.description)}</p>
${firstSteps(endpoints)}
${tagged.map(
  (tag) => html`<h2 id="tag-${tag.name}">${titled(tag.name)}</h2>
<p>${tag.description}</p>
${tag.endpoints.map((one) => endpoint(one, shown))}`,
)}
${problems()}
${schemas(api)}
</main>
</div>`,
  );
}

function titled(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Ask, renew, give back: the first call of each. */
function firstSteps(endpoints: readonly Endpoint[]): Html {
  const calls = ['acquireLease', 'renewLease', 'releaseLease'].map(
    (id) =>
      endpoints.find(({ operation }) => operation.operationId === id)?.operation['x-codeSamples'][0]?.source ?? '',
  );
  return html`<h2 id="begin">First steps</h2>
<p>Ask for something, with an id and a secret that you mint (<code>uuidgen</code>, <code>openssl rand -hex 16</code>); repeat the request until it
is held; renew it while you work; give it back. Every request can be repeated when an answer was lost.</p>
${calls.map(code)}
<p>The examples speak to <code>http://127.0.0.1:${DEFAULT_PORT}</code>. For a daemon on a unix socket put
<code>--unix-socket /run/rentabot/rentabot.sock</code> before the address.</p>
<p>Every answer has the headers <code>rentabot-version</code> and <code>rentabot-protocol</code>. The secret of a lease travels in
<code>Authorization: Lease &lt;secret&gt;</code>; whoever may do everything needs none, but a wrong one is refused all the same.</p>`;
}

/** `shown` has the examples that stand further up: each is shown once. */
function endpoint({ verb, path, operation }: Endpoint, shown: Set<string>): Html {
  const { operationId, summary, description, requestBody, security } = operation;
  const parameters = operation.parameters.filter((parameter): parameter is ParameterObject => !('$ref' in parameter));
  const body = requestBody?.content['application/json'];
  return html`<section aria-labelledby="${operationId}">
<h3 id="${operationId}">${summary}</h3>
<p><code><span class="verb ${verb}">${verb}</span> ${path}</code></p>
<p>${prose(description)}</p>
${parameters.length > 0 || security ? html`<h4>Parameters</h4>\n<dl>${parameters.map(parameter)}${security ? SECRET : null}</dl>` : null}
${body ? html`<h4>Body</h4>\n<p>${typeOf(body.schema)}</p>` : null}
<h4>Answers</h4>
<dl>${Object.entries(operation.responses).map(([status, response]) => answer(status, response))}</dl>
<h4>Examples</h4>
${operation['x-codeSamples'].map(({ label, source }) => html`<p><small>${label}</small></p>\n${code(source)}`)}
${sample(operation, shown)}
</section>
`;
}

const SECRET = html`<dt><code>authorization</code> <small>header</small></dt><dd><code>Lease &lt;secret&gt;</code></dd>`;

function parameter({ name, in: where, description, schema }: ParameterObject): Html {
  return html`<dt><code>${name}</code> <small>${where}, ${typeOf(schema)}</small></dt><dd>${prose(description)}</dd>\n`;
}

function answer(status: string, { description, content = {}, 'x-problems': refusals }: ResponseObject): Html | null {
  if (!refusals) {
    return html`<dt><b>${status}</b> ${prose(description)}</dt>\n${Object.entries(content).map(medium)}`;
  }
  const own = refusals.filter(({ code, when }) => !SAID_ONCE.has(`${code} ${when}`));
  const byCode = new Map<string, string[]>();
  for (const { code, when } of own) byCode.set(code, [...(byCode.get(code) ?? []), when]);
  if (own.length === 0) return null;
  return html`<dt><b>${status}</b> ${[...byCode].map(
    ([code, whens], i) =>
      html`${i > 0 ? '; ' : ''}<a href="#problem-${code}">${code}</a>: ${prose(whens.join('; or '))}`,
  )}</dt>\n`;
}

function medium([type, { schema, 'x-events': events }]: [string, MediaType]): Html {
  if (!events) return html`<dd>${typeOf(schema)} <small>${type}</small></dd>\n`;
  const each = Object.entries(events).map(
    ([name, data], i) =>
      html`${i > 0 ? ', ' : ''}${name === '*' ? 'each with' : html`<code>${name}</code> with`} ${typeOf({ ...data })}`,
  );
  return html`<dd>events: ${each} <small>${type}</small></dd>\n`;
}

/** The first answer's example. */
function sample({ responses }: OperationObject, shown: Set<string>): Html | null {
  for (const [status, { content }] of Object.entries(responses)) {
    const example = content?.['application/json']?.example;
    if (example === undefined) continue;
    const text = JSON.stringify(example, null, 1);
    if (shown.has(text)) return null;
    shown.add(text);
    return html`<details><summary>An answer, ${status}</summary><pre>${verbatim(text)}</pre></details>`;
  }
  return null;
}

function problems(): Html {
  const [common, private_] = [COMMON_PROBLEMS, DESCRIPTOR_PROBLEMS].map((list) =>
    list.map(({ code, when }) => html`<li><a href="#problem-${code}">${code}</a>: ${when}</li>\n`),
  );
  const codes = Object.entries(ERRORS).filter(([, { status }]) => status !== null);
  return html`<h2 id="problems">Problems</h2>
<p>Every no is <code>application/problem+json</code>: a <code>code</code> of this list, what happened in <code>detail</code>, and what to do next in
<code>hint</code>.</p>
<dl>${codes.map(
    ([name, { status, sentence, hint }]) =>
      html`<dt id="problem-${name}"><code>${name}</code> <b>${status}</b> ${sentence}</dt><dd class="soft">${prose(hint)}</dd>\n`,
  )}</dl>
<p>Any request may be answered with:</p>
<ul>${common ?? []}</ul>
<p>And by a private daemon, which reads the descriptor that a request names:</p>
<ul>${private_ ?? []}</ul>
<p>An address that does not exist is <a href="#problem-not-found">not-found</a>; one that exists, with another method,
is <a href="#problem-method-not-allowed">method-not-allowed</a>, and <code>Allow</code> says which it takes.</p>`;
}

function schemas({ components }: OpenApi): Html {
  return html`<h2 id="schemas">Schemas</h2>
${Object.entries(components.schemas).map(([name, schema]) => shape(name, schema))}`;
}

function shape(name: string, schema: JsonSchema): Html {
  const { description } = schema;
  return html`<section aria-labelledby="schema-${name}">
<h3 id="schema-${name}">${name}</h3>
${typeof description === 'string' ? html`<p>${prose(description)}</p>` : null}
<dl>${fieldsOf(schema).map(
    (field) =>
      html`<dt><code>${field.name}</code> <small>${typeOf(field.schema)}${field.required ? null : ', optional'}</small></dt>${
        field.description === '' ? null : html`<dd>${prose(field.description)}</dd>`
      }\n`,
  )}</dl>
</section>
`;
}

function code(source: string): Html {
  return html`<pre>${verbatim(source)}</pre>\n`;
}
