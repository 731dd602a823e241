/**
 * What the simulation of the wire drives: both ends of the protocol. In the tests of mutants it is the same with one line of
 * the source changed.
 */
export { acquire } from '../../src/cli/acquire.ts';
export { takeOver } from '../../src/cli/adopt.ts';
export { Client } from '../../src/cli/client.ts';
export { giveBack, HeldLease } from '../../src/cli/lease.ts';
export { mono } from '../../src/cli/time.ts';
export { Unanswered } from '../../src/cli/transport.ts';
export { Announcer } from '../../src/daemon/announcer.ts';
export { createApp } from '../../src/daemon/app.ts';
export { startClock } from '../../src/daemon/clock.ts';
export { Engine } from '../../src/daemon/engine.ts';
export { makeIds } from '../../src/daemon/ids.ts';
export { StepDown } from '../../src/daemon/step-down.ts';
export { MemoryStore } from '../../src/daemon/store/memory.ts';
