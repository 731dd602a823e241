import { expect, test } from 'vitest';
import { type SignalSource, Signals } from '../../src/cli/signals.ts';
import { TestSignals } from './support/world.ts';

function signals(): { source: TestSignals; heard: Signals } {
  const source = new TestSignals();
  return { source, heard: new Signals(source as unknown as SignalSource) };
}

test('before the command the first signal that means stop counts, and the second hurries', () => {
  const { source, heard } = signals();
  for (const harmless of ['SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const) source.send(harmless);
  expect(heard.stopped.aborted).toBe(false);
  source.send('SIGTERM');
  expect(heard.stopped.aborted).toBe(true);
  expect(heard.hurried.aborted).toBe(false);
  source.send('SIGINT');
  expect(heard.first).toBe('SIGTERM');
  expect(heard.hurried.aborted).toBe(true);
});

test('while the command runs each is forwarded once, and stops nothing here', () => {
  const { source, heard } = signals();
  const forwarded: string[] = [];
  heard.forwardTo((signal) => forwarded.push(signal));
  const all = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;
  for (const signal of all) source.send(signal);
  expect(forwarded).toEqual(all);
  expect(heard.stopped.aborted || heard.hurried.aborted).toBe(false);
});

test('after the command a signal hurries the release', () => {
  const { source, heard } = signals();
  heard.forwardTo(() => {});
  heard.commandEnded();
  source.send('SIGWINCH');
  expect(heard.hurried.aborted).toBe(false);
  source.send('SIGINT');
  expect(heard.hurried.aborted).toBe(true);
  expect(heard.first).toBeNull();
});

test('nothing is listened to once it is closed', () => {
  const { source, heard } = signals();
  heard.close();
  expect(source.eventNames()).toEqual([]);
});
