import type { Millis } from '../../core/model.ts';
import type { EventJson, HolderJson } from '../../core/wire.ts';

/** What people may be told of. */
export const NOTICE_EVENTS = [
  'offered',
  'granted',
  'expiring',
  'asked',
  'stolen',
  'revoked',
  'offline',
  'online',
  'waiting-too-long',
] as const;
export type NoticeEvent = (typeof NOTICE_EVENTS)[number];

/** One thing to tell, before it is put into words. */
export interface Notice {
  /** The same however often it is sent: whoever gets it twice can see that. */
  readonly id: string;
  readonly event: NoticeEvent | 'test';
  readonly at: Millis;
  readonly resources: readonly string[];
  readonly lease: string | null;
  /** Whom it is about; empty where it is nobody in particular. */
  readonly person: string;
  readonly holder: HolderJson | null;
  /** Who did it; empty where nobody did. */
  readonly by: string;
  readonly note: string;
  /** What is waited for. */
  readonly want: string;
  readonly waited: Millis | null;
  readonly until: Millis | null;
  /** Worth nothing from then on. */
  readonly staleAt: Millis;
  /** Where it comes from: the number of the event; or null, and it is due at `at` by the clock alone. */
  readonly number: number | null;
  /** Of `waiting-too-long`: after what wait, as targets differ in that. */
  readonly after: Millis | null;
}

/** Nobody wants to hear of what was long ago. */
export const LONGEST_STALE_MS: Millis = 24 * 3_600_000;

const NOTHING = {
  resources: [],
  lease: null,
  person: '',
  holder: null,
  by: '',
  note: '',
  want: '',
  waited: null,
  until: null,
  number: null,
  after: null,
} as const;

export function makeNotice(given: Pick<Notice, 'id' | 'event' | 'at'> & Partial<Notice>): Notice {
  return { ...NOTHING, staleAt: given.at + LONGEST_STALE_MS, ...given };
}

/** What is to be told of an event of the history; null where that is nothing. */
export function noticeOf(told: EventJson): Notice | null {
  switch (told.type) {
    case 'lease-granted':
      // Who asks for what is free hears of the offer in the answer.
      if (told.offered && told.waited === 0) return null;
      if (told.offered) return about(told, 'offered', { staleAt: momentOf(told.until) ?? undefined });
      return told.claim ? about(told, 'granted', { by: actor(told) }) : null;
    case 'lease-accepted':
      return about(told, 'granted', { by: told.by || ownerOf(told) });
    case 'lease-asked':
      return about(told, 'asked', { note: told.reason ?? '' });
    case 'lease-ending':
    case 'lease-ended':
      if (told.reason === 'stolen') return about(told, 'stolen', { id: `stolen-${told.lease}`, note: told.why ?? '' });
      return told.reason === 'revoked'
        ? about(told, 'revoked', { id: `revoked-${told.lease}`, note: told.why ?? '' })
        : null;
    case 'resource-offline':
      return about(told, 'offline', { note: told.reason ?? '' });
    case 'resource-online':
      return about(told, 'online', {});
    default:
      return null;
  }
}

/** Whoever claims what is free did that themselves, in that moment. */
function actor(told: EventJson): string {
  return told.waited === 0 ? ownerOf(told) : '';
}

function ownerOf({ owner, holder }: EventJson): string {
  return owner || holder?.name || '';
}

type Given = { readonly [Key in keyof Notice]?: Notice[Key] | undefined };

function about(told: EventJson, event: NoticeEvent, more: Given): Notice {
  const at = Date.parse(told.at);
  const given: Given = {
    id: `${told.id}`,
    event,
    at,
    number: told.id,
    resources: told.resources ?? [],
    lease: told.lease ?? null,
    person: ownerOf(told),
    holder: told.holder ?? null,
    by: told.by ?? '',
    note: told.note ?? '',
    want: told.want ?? '',
    waited: told.waited === undefined ? null : told.waited * 1000,
    until: momentOf(told.until),
    ...more,
  };
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return makeNotice(known as unknown as Notice);
}

function momentOf(time: string | null | undefined): Millis | null {
  return time ? Date.parse(time) : null;
}
