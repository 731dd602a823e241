import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NodeStore } from '../src/core/nodes.ts';

/** What a place for numbers of nodes has to bring to be held to the promises of core/nodes.ts. */
export interface NodeStoreSubject {
  open(): Promise<NodeStore>;
  /** As after a restart: another one, on what the one before left. */
  reopen(): Promise<NodeStore>;
  remove(): Promise<void>;
}

/** Every store of them in the house keeps these promises. */
export function nodeStoreCases(makeSubject: () => NodeStoreSubject): void {
  let subject: NodeStoreSubject;
  let store: NodeStore;
  beforeEach(async () => {
    subject = makeSubject();
    store = await subject.open();
  });
  afterEach(() => subject.remove());

  test('one that was never written has none', () => expect(store.load()).toEqual([]));

  test('what was added keeps its place, whatever is added later, and across a restart', async () => {
    store.add(['ci-2', 'ci-1']);
    store.add([]);
    const again = await subject.reopen();
    again.add(['ci-0']);
    expect(again.load()).toEqual(['ci-2', 'ci-1', 'ci-0']);
  });
}
