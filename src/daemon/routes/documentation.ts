import { type Answer, text } from '../answer.ts';
import { boardPage } from '../board/routes.ts';
import type { Daemon } from '../daemon.ts';
import type { Ask } from '../requests.ts';
import { docsPage } from './docs-page.ts';
import { frontText } from './front-page.ts';
import { describeApi } from './openapi.ts';
import { pageHeaders } from './page-style.ts';
import type { ApiRoute } from './route.ts';

/** The description of all this, for programs and for people. Made when it is first asked for, and kept. */
export function documentationRoutes(daemon: Daemon): readonly ApiRoute[] {
  const api = once(describeApi);
  const openapi = once(() => JSON.stringify(api()));
  const docs = once(() => docsPage(api()));
  return [
    {
      method: 'get',
      path: '/openapi.json',
      needs: 'viewer',
      answer: () => text(openapi(), { 'content-type': 'application/json' }),
    },
    { method: 'get', path: '/docs', needs: 'viewer', answer: () => text(docs(), pageHeaders()) },
    { method: 'get', path: '/', needs: 'viewer', answer: (ask) => front(daemon, ask) },
  ];
}

/** The board for a browser, which says that it takes pages; plain text for curl and its like. */
function front(daemon: Daemon, ask: Ask): Answer | Promise<Answer> {
  if (ask.req.header('accept')?.includes('text/html')) return boardPage(daemon, ask);
  return text(frontText(), { 'content-type': 'text/plain; charset=utf-8', vary: 'accept' });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
