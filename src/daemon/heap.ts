import { setFlagsFromString } from 'node:v8';
import type { Engine } from './engine.ts';

/** From so many resources, waiters and leases on, memory counts for more than speed. */
const MANY = 5000;
/**
 * How far the heap may then grow beyond what was alive, in percent, before it is collected. V8 lets it more than double:
 * with 10,000 resources and as many waiters that is 40 MB of garbage. With few of them there is little to save, and the
 * more frequent collections cost some of the throughput.
 */
const GROWTH_PERCENT = 25;

/** Bounds the growth of the heap while the daemon has much to remember. */
export function boundHeap(engine: Engine): () => void {
  let bounded = false;
  return engine.subscribe(({ sight: { state } }) => {
    const isMany = state.catalogue.size + state.queue.size + state.leases.size >= MANY;
    if (isMany === bounded) return;
    bounded = isMany;
    // 0 is V8's own measure.
    setFlagsFromString(`--heap-growing-percent=${isMany ? GROWTH_PERCENT : 0}`);
  });
}
