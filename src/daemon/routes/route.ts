import type { Refusal } from '../../core/error.ts';
import type { Role } from '../../core/model.ts';
import type { Answer, Reply } from '../answer.ts';
import type { Ask } from '../requests.ts';

/** One endpoint. Its description for /openapi.json stands in openapi.ts under the same method and path. */
export interface ApiRoute {
  readonly method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  readonly path: string;
  /** The least role that gets an answer, as docs/access.md lists it; whose things it may touch is for core to say. */
  readonly needs: Role;
  /** The secret of a lease does as well, whoever brings it: it is checked against that lease further in. */
  readonly orSecret?: true;
  /** The key in the link of a wall does as well: see board/key.ts. */
  readonly orKey?: true;
  /** How the protocol of another tool says no; as problem details where absent. */
  readonly refused?: (refusal: Refusal) => Reply;
  readonly answer: (ask: Ask) => Answer | Promise<Answer>;
}
