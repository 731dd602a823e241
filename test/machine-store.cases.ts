import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MachineStore, Seen } from '../src/core/machine.ts';
import type { Snapshot } from '../src/core/state.ts';

/** What a place for machines has to bring to be held to the promises of core/machine.ts. */
export interface MachineStoreSubject {
  open(): Promise<Opened>;
  /** As after a restart: another one, on what the one before left. */
  reopen(): Promise<Opened>;
  remove(): Promise<void>;
}

interface Opened {
  readonly machines: MachineStore;
  /** What the Store beside it was opened with. */
  readonly snapshot: Snapshot;
}

const AT = 1_541_666_870_939.514;

export function seenOf(machine: string, more: Partial<Seen> = {}): Seen {
  return { machine, text: '2018-11-08T08:47:50.939514', at: AT, ...more };
}

/** Every store of machines in the house keeps these promises. */
export function machineStoreCases(makeSubject: () => MachineStoreSubject): void {
  let subject: MachineStoreSubject;
  let opened: Opened;
  beforeEach(async () => {
    subject = makeSubject();
    opened = await subject.open();
  });
  afterEach(() => subject.remove());

  test('one that was never written has none', () => {
    expect([opened.machines.load(), opened.snapshot.machines]).toEqual([[], []]);
  });

  test('what was written is there after a restart, to the microsecond, in the order of ids, and in the snapshot', async () => {
    opened.machines.write([seenOf('mdc2:b'), seenOf('mdc1:a', { text: '2018-11-08T08:47:50Z', at: AT - 939.514 })]);
    opened.machines.write([seenOf('mdc1:é')]);
    const again = await subject.reopen();
    const known = [
      { machine: 'mdc1:a', text: '2018-11-08T08:47:50Z', at: AT - 939.514 },
      seenOf('mdc1:é'),
      seenOf('mdc2:b'),
    ];
    expect(again.machines.load()).toEqual(known);
    expect(again.snapshot.machines).toEqual(known);
  });

  test('what is written again replaces what was there, and nothing changes nothing', async () => {
    opened.machines.write([seenOf('mdc1:a'), seenOf('mdc1:b')]);
    opened.machines.write([seenOf('mdc1:a', { text: '2018-11-08T08:47:51', at: AT + 60.486 })]);
    opened.machines.write([]);
    const { machines } = await subject.reopen();
    expect(machines.load().map(({ text }) => text)).toEqual(['2018-11-08T08:47:51', '2018-11-08T08:47:50.939514']);
  });

  test('what it answers is a copy', () => {
    opened.machines.write([seenOf('mdc1:a')]);
    (opened.machines.load()[0] as { text: string }).text = 'never';
    expect(opened.machines.load()).toEqual([seenOf('mdc1:a')]);
  });
}
