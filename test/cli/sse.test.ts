import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventReader } from '../../src/cli/sse.ts';

const TEXT = [
  ': heartbeat\n\n',
  'event: waiting\ndata: {"position":2}\n\n',
  'id: 4\nevent: held\r\ndata: {"a":\r\ndata: 1}\r\n\r\n',
  'data:no space\n\n',
  'event: empty\n\n',
  'unknown: x\ndata\n\n',
].join('');

const EVENTS = [
  { type: 'waiting', text: '{"position":2}' },
  { type: 'held', text: '{"a":\n1}' },
  { type: 'message', text: 'no space' },
  { type: 'message', text: '' },
];

test('a stream means the same however it is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: TEXT.length - 1 })), (cuts) => {
      const reader = new EventReader();
      const places = [0, ...cuts.sort((a, b) => a - b), TEXT.length];
      const events = places.slice(1).flatMap((end, i) => reader.push(TEXT.slice(places[i], end)));
      expect(events).toEqual(EVENTS);
    }),
  );
});

test('an event that never ends does not fill the memory', () => {
  const reader = new EventReader();
  expect(() => {
    for (let i = 0; i < 100; i += 1) reader.push('x'.repeat(100_000));
  }).toThrow(/too long/);
});
