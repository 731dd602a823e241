import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Manner, Talk } from '../../src/cli/talk.ts';
import { WaitingDisplay, waitingSentence } from '../../src/cli/waiting.ts';
import type { BlockerJson, WaitingJson } from '../../src/core/wire.ts';
import { waitingJson } from './support/stub-daemon.ts';
import { Ear } from './support/world.ts';

const NOW = new Date(2026, 5, 15, 14, 0).getTime();
const at = (hours: number, minutes: number): string => new Date(2026, 5, 15, hours, minutes).toISOString();

function blocker(more: Partial<BlockerJson>): BlockerJson {
  const holder = { name: 'alice', host: 'ws', link: null };
  return { resource: 'gpu-0', cause: 'held', holder, note: '', since: at(13, 2), until: null, ...more };
}

test.each<[Partial<WaitingJson>, string]>([
  [{ blockers: [] }, 'waiting for gpu-0: next in line'],
  [{ position: 3, blockers: [] }, 'waiting for gpu-0: position 3'],
  [{ blockers: [blocker({})] }, 'waiting for gpu-0: next in line; held by alice@ws since 13:02'],
  [
    { blockers: [blocker({ note: 'nightly', until: at(14, 5) })], eta: at(14, 4) },
    'waiting for gpu-0: next in line; held by alice@ws since 13:02 (nightly), until 14:05; about 4m to go',
  ],
  [
    {
      blockers: [
        blocker({
          cause: 'offline',
          note: 'fan broken',
          holder: { name: 'bob', host: '', link: null },
          until: at(15, 0),
        }),
      ],
    },
    'waiting for gpu-0: next in line; offline: fan broken, by bob, until 15:00',
  ],
  [
    { blockers: [blocker({ cause: 'offline', holder: null })] },
    'waiting for gpu-0: next in line; offline: no reason given',
  ],
  [
    { blockers: [blocker({ cause: 'draining', holder: null, until: new Date(NOW + 1600).toISOString() })] },
    'waiting for gpu-0: next in line; draining for 2s more: its last command may not have ended yet',
  ],
  [
    { blockers: [blocker({ resource: 'b', cause: 'draining', holder: null, until: at(13, 59) })] },
    'waiting for gpu-0: next in line; b is draining: its last command may not have ended yet',
  ],
  [
    { position: 2, blockers: [blocker({ resource: 'gpu-1', cause: 'queue', note: 'hil' })] },
    'waiting for gpu-0: position 2; gpu-1 is kept for alice@ws, waiting since 13:02 (hil)',
  ],
  [
    { blockers: [blocker({}), blocker({ resource: 'b' }), blocker({ resource: 'c' }), blocker({ resource: 'd' })] },
    'waiting for gpu-0: next in line; held by alice@ws since 13:02; b is held by alice@ws since 13:02; and 2 more',
  ],
  [{ blockers: [], eta: at(13, 0) }, 'waiting for gpu-0: next in line'],
  [
    { blockers: [blocker({ owner: 'alice' }), blocker({ resource: 'b', cause: 'queue', owner: 'bob' })] },
    'waiting for gpu-0: next in line; held by alice@ws since 13:02; b is kept for alice@ws (bob), waiting since 13:02',
  ],
  [
    { blockers: [blocker({ note: '\u001b]0;owned\u0007' })] },
    'waiting for gpu-0: next in line; held by alice@ws since 13:02 (?]0;owned?)',
  ],
])('%j reads %j', (update, sentence) => {
  expect(waitingSentence('gpu-0', waitingJson('x', 1, update), NOW)).toBe(sentence);
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function display(ear: Ear, manner: Partial<Manner> = {}): WaitingDisplay {
  return new WaitingDisplay(
    new Talk(ear, { level: 'normal', json: false, color: false, ...manner }),
    'gpu-0',
    () => NOW,
  );
}

test('in a log there is a line for each change that matters, and one a minute', () => {
  const ear = new Ear();
  const shown = display(ear);
  shown.waiting(waitingJson('x', 2));
  shown.waiting(
    waitingJson('x', 2, {
      eta: at(14, 1),
      blockers: waitingJson('x').blockers.map((one) => ({ ...one, since: at(13, 2) })),
    }),
  );
  const before = ear.lines.length;
  shown.waiting(
    waitingJson('x', 2, {
      eta: at(14, 9),
      blockers: waitingJson('x').blockers.map((one) => ({ ...one, since: at(13, 2) })),
    }),
  );
  expect(ear.lines).toHaveLength(before);
  shown.waiting(waitingJson('x', 1));
  expect(ear.lines).toHaveLength(before + 1);
  vi.advanceTimersByTime(180_000);
  expect(ear.lines).toHaveLength(before + 4);
  shown.stop();
  vi.advanceTimersByTime(600_000);
  expect(ear.lines).toHaveLength(before + 4);
  expect(ear.text).not.toContain('\u001b');
});

test('on a terminal one line is drawn over and over, no wider than the terminal, and leaves no trace', () => {
  const ear = new Ear(true, 40);
  const shown = display(ear);
  shown.waiting(waitingJson('x', 2));
  vi.advanceTimersByTime(1000);
  const frames = ear.text.split('\r').slice(1);
  expect(frames.length).toBeGreaterThan(5);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what clears the rest of the line
  for (const frame of frames) expect(frame).toMatch(/^. .{1,37}\u001b\[K$/);
  expect(ear.text).not.toContain('\n');
  shown.stop();
  expect(ear.text.endsWith('\r\u001b[K')).toBe(true);
});

test('with -q there is nothing', () => {
  for (const terminal of [false, true]) {
    const ear = new Ear(terminal);
    const shown = display(ear, { level: 'quiet' });
    shown.waiting(waitingJson('x', 2));
    shown.hampered('nobody listens');
    vi.advanceTimersByTime(120_000);
    shown.stop();
    expect(ear.text).toBe('');
  }
});

test('an outage is told once, and its end by what stands in the way then', () => {
  const ear = new Ear();
  const shown = display(ear);
  shown.waiting(waitingJson('x', 2));
  for (let i = 0; i < 5; i += 1) shown.hampered('nobody listens at http://d');
  shown.waiting(waitingJson('x', 2));
  shown.stop();
  expect(ear.lines.map((line) => line.replace(/;.*/, ''))).toEqual([
    'rentabot: waiting for gpu-0: position 2',
    'rentabot: waiting for gpu-0: nobody listens at http://d',
    'rentabot: waiting for gpu-0: position 2',
  ]);
});
