/** What the simulation drives: in the tests of mutants, the same with one line of the source changed. */
export { restore } from '../../src/core/evolve.ts';
export { nextDeadline } from '../../src/core/expire.ts';
export { placesToJson, positionOf } from '../../src/core/queue-view.ts';
export { step } from '../../src/core/step.ts';
