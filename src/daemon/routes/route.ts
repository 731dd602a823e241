import type { Answer } from '../answer.ts';
import type { Ask } from '../requests.ts';

/** One endpoint. Its description for /openapi.json stands in openapi.ts under the same method and path. */
export interface ApiRoute {
  readonly method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  readonly path: string;
  readonly answer: (ask: Ask) => Answer | Promise<Answer>;
}
