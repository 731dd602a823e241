import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MachineStore, Seen } from '../../src/core/machine.ts';
import { MachineJournal } from '../../src/daemon/machines.ts';
import { MemoryMachines } from '../../src/daemon/store/machine-memory.ts';
import { seenOf } from '../machine-store.cases.ts';

/** Counts what it costs, and fails when it is told to. */
class Disk extends MemoryMachines implements MachineStore {
  readonly writes: (readonly Seen[])[] = [];
  isFull = false;

  override write(seen: readonly Seen[]): void {
    if (this.isFull) throw new Error('the disk is full');
    this.writes.push(seen);
    super.write(seen);
  }
}

let disk: Disk;
let troubles: string[];
let journal: MachineJournal;
beforeEach(() => {
  vi.useFakeTimers();
  disk = new Disk();
  troubles = [];
  journal = new MachineJournal(disk, (message) => troubles.push(message), 2000);
});
afterEach(() => void vi.useRealTimers());

test('a fleet that beats costs one write, some moments later, with the latest of each', () => {
  for (let i = 0; i < 1000; i += 1) journal.note([seenOf(`mdc1:${i % 10}`, { at: i })]);
  expect(disk.writes).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(disk.writes).toHaveLength(1);
  expect(disk.load().map(({ at }) => at)).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999]);
  vi.advanceTimersByTime(60_000);
  expect(disk.writes).toHaveLength(1);
});

test('what is left is written at the end, and nothing more after that', () => {
  journal.note([seenOf('mdc1:a')]);
  journal.flush();
  journal.flush();
  vi.advanceTimersByTime(60_000);
  expect(disk.writes).toEqual([[seenOf('mdc1:a')]]);
});

test('what could not be written is tried again with what comes next', () => {
  disk.isFull = true;
  journal.note([seenOf('mdc1:a')]);
  vi.advanceTimersByTime(2000);
  expect([disk.load(), troubles]).toEqual([[], ['when machines were last seen cannot be written yet']]);
  disk.isFull = false;
  journal.note([seenOf('mdc1:b')]);
  vi.advanceTimersByTime(2000);
  expect(disk.load()).toEqual([seenOf('mdc1:a'), seenOf('mdc1:b')]);
});
