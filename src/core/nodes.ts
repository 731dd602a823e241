/**
 * Keeps the numbers that nodes were given by a facade, beside the facts of the Store. An implementation promises: what was
 * added is on disk when `add` returns, and has the number of its place in the list, from 1 on, for ever.
 */
export interface NodeStore {
  /** In the order of their numbers. */
  load(): readonly string[];
  /** None that is known already. */
  add(names: readonly string[]): void;
}
