import { describe, expect, test } from 'vitest';
import type { EventJson } from '../../../src/core/wire.ts';
import { axisHtml, lineHtml, type Stretch, stretchesOf } from '../../../src/daemon/board/timeline.ts';
import type { Row } from '../../../src/daemon/board/view/model.ts';
import { clockface } from '../../../src/daemon/board/view/times.ts';

const HOUR = 3_600_000;
const NOON = Date.parse('2026-03-04T12:00:00Z');
const UTC = clockface('UTC');
const WINDOW = { from: NOON - 10 * HOUR, to: NOON };

let id = 100;
/** The newest first, as the history has them. */
function event(type: string, hoursAgo: number, more: Partial<EventJson> = {}): EventJson {
  id -= 1;
  return { id, type, at: new Date(NOON - hoursAgo * HOUR).toISOString(), resources: ['board-1'], ...more };
}

function gist(stretches: readonly Stretch[]): unknown[] {
  const ago = (at: number | null) => (at === null ? null : (NOON - at) / HOUR);
  return stretches.map(({ type, who, note, from, to }) => [type, who, note, from === 0 ? '…' : ago(from), ago(to)]);
}

describe('stretches', () => {
  test('of leases that ended are as long as they were held, also from before the events begin', () => {
    const holder = { name: 'ci', host: '', link: null };
    const ended = event('lease-ended', 1, { holder, note: 'nightly', held: 20 * 3600, reason: 'released', exit: 0 });
    expect(gist(stretchesOf([ended, event('lease-granted', 21, { holder })], []))).toEqual([
      ['held', 'ci', 'nightly', 21, 1],
    ]);
  });

  test('of time offline go from event to event, and from the dawn of time where it began before', () => {
    const events = [
      event('resource-online', 1),
      event('resource-offline', 2, { reason: 'fan' }),
      event('resource-online', 5, { resources: ['board-2'] }),
    ];
    expect(gist(stretchesOf(events, []))).toEqual([
      ['offline', 'offline', 'fan', 2, 1],
      ['offline', 'offline', '', '…', 5],
    ]);
  });

  test('of what lasts come from how things are', () => {
    const holder = { name: 'alice', host: '', link: null };
    const leases = [{ holder, note: '', since: new Date(NOON - HOUR).toISOString() }];
    const offline = { reason: 'fan', by: '', since: new Date(NOON - 2 * HOUR).toISOString(), until: null };
    expect(gist(stretchesOf([], [{ name: 'board-1', leases, offline } as unknown as Row]))).toEqual([
      ['held', 'alice', '', 1, null],
      ['offline', 'offline', 'fan', 2, null],
    ]);
  });
});

describe('the picture', () => {
  const stretch: Stretch = {
    ...{ type: 'held', resource: 'board-1', who: '<b>', link: null, note: '"&', end: 'released', exit: 1 },
    ...{ from: NOON - 20 * HOUR, to: NOON - 5 * HOUR },
  };

  test('shows what is in its window, cut at its edges, escaped', () => {
    const text = String(lineHtml('board-1', [stretch], WINDOW, NOON, UTC));
    expect(text).toContain('<svg x="0%" width="50%"');
    expect(text).toContain('&lt;b&gt;: &quot;&amp;, 3 Mar 16:00 – 07:00 (15 h), released, exit 1');
    expect(text).not.toContain('<b>');
    expect(text).toContain('✕');
    expect(String(lineHtml('board-1', [{ ...stretch, to: NOON - 11 * HOUR }], WINDOW, NOON, UTC))).toContain(
      'held 0 times',
    );
  });

  test('has marks at whole hours, or days where it is long', () => {
    expect(String(axisHtml(WINDOW, NOON, UTC))).toContain('>03:00<');
    expect(String(axisHtml({ from: NOON - 240 * HOUR, to: NOON }, NOON, UTC))).toContain('>1 Mar<');
  });
});
