import { html } from './html.ts';
import { page } from './page.ts';

const WHAT = 'Shares scarce things - boards, GPUs, licences, deploy targets - between CI jobs and people.';
const PLACES = [
  ['/api/v2/resources', 'what there is, and who holds it'],
  ['/api/v2/queue', 'who waits for what'],
  ['/docs', 'the HTTP interface, for people'],
  ['/openapi.json', 'the same, for programs'],
] as const;

/** What a browser finds at the root. */
export function frontPage(): string {
  return page(
    'rentabot',
    html`<main>
<h1>rentabot</h1>
<p>${WHAT}</p>
<dl>${PLACES.map(([path, what]) => html`<dt><a href="${path}">${path}</a></dt><dd>${what}</dd>\n`)}</dl>
<p>On the command line: <code>rentabot status</code>, <code>rentabot help</code>.</p>
<p class="soft">Release ${RENTABOT_VERSION}</p>
</main>`,
  );
}

/** What everybody else does. */
export function frontText(): string {
  const widest = Math.max(...PLACES.map(([path]) => path.length));
  const places = PLACES.map(([path, what]) => `  ${path.padEnd(widest)}  ${what}\n`);
  return `rentabot ${RENTABOT_VERSION}\n${WHAT}\n\n${places.join('')}\nOn the command line: rentabot status, rentabot help\n`;
}
