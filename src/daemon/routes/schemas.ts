// The namespace, not the `z` in it: so the bundler leaves out what is not used, which saves a fifth of the start-up.
import * as z from 'zod';
import { DEFAULT_LIMITS, type Millis } from '../../core/model.ts';
import { MAX_COUNT } from '../../core/want.ts';
import {
  type AcquireJson,
  type AskJson,
  type ClaimJson,
  DEFAULT_TTL_S,
  type ExtendJson,
  HIGHEST_PRIORITY,
  type ShareJson,
  TTL_RANGE_S,
  type WantJson,
} from '../../core/wire.ts';

/**
 * What comes in, as zod has it. The same schemas check the requests and write /openapi.json. Unknown keys are refused: a
 * misspelled `prioritiy` that is ignored is a surprise a week later.
 */

export const LONGEST_S = 10 * 365 * 86_400;

/** What `isUnprintable` in core/name.ts finds, for patterns that /openapi.json can tell. */
const UNPRINTABLE = String.raw`\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff`;
const LINE = new RegExp(`^[^${UNPRINTABLE}]*$`, 'u');
const TAG = new RegExp(`^[^\\s,${UNPRINTABLE}]{1,100}$`, 'u');

/** It is shown in other people's terminals: nothing in it that they act on instead of showing it. */
export function line(longest: number) {
  return z.string().max(longest).regex(LINE, 'must not have control characters');
}

/** `null` is as absent; JSON has no undefined. */
export function absentOr<T extends z.ZodType>(schema: T) {
  return schema.nullable().exactOptional();
}

const name = line(200).min(1);
export const tag = z.string().regex(TAG, 'is a tag: no spaces, commas or control characters');

export const wantSchema = z
  .strictObject({
    name: absentOr(name).meta({ description: 'The resource of this name.' }),
    id: absentOr(z.int().positive()).meta({ description: 'The resource of this number.' }),
    tags: absentOr(z.array(tag).min(1).max(32)).meta({ description: 'Any resource that has all of these tags.' }),
    where: absentOr(z.string().min(1).max(2000)).meta({
      description: 'Any resource that an expression matches: `gpu && (a100 || h100) && mem>=24`.',
    }),
    count: absentOr(z.int().min(1).max(MAX_COUNT)).meta({
      description: 'How many different ones, for tags and expressions; 1 if absent.',
    }),
    mode: absentOr(z.enum(['exclusive', 'shared'])).meta({
      description:
        '`exclusive` takes every slot of a resource that has several, `shared` goes together with other shared holders; if absent, one slot, which is all of an ordinary resource.',
    }),
  })
  .meta({ description: 'One thing to hold: exactly one of `name`, `id`, `tags` or `where`.' });

export const holderSchema = z
  .strictObject({
    name: absentOr(line(200)),
    host: absentOr(line(200)),
    link: absentOr(line(2000).regex(/^[Hh][Tt][Tt][Pp][Ss]?:\/\//, 'is an http or https address')).meta({
      description: "The CI job's page.",
    }),
  })
  .meta({ description: 'Who asks, for whoever else waits.' });

export const claimSchema = z
  .strictObject({
    for: z
      .number()
      .positive()
      .max(LONGEST_S)
      .nullable()
      .meta({ description: 'Seconds that it lasts; null for until it is given back.' }),
    accept: absentOr(z.number().positive().max(LONGEST_S)).meta({
      description:
        'Seconds that it is offered, once it is its turn, before it passes on; it lasts `for` from its acceptance. Taken at once if absent.',
    }),
    attended: absentOr(z.boolean()).meta({
      description: 'A client waits for it, and its place is given up like any other where that falls silent.',
    }),
  })
  .meta({
    description:
      "A person's hold: it needs no renewals and, unless `attended`, keeps its place in the queue without a client.",
  });

export const acquireSchema = z
  .strictObject({
    secret: z
      .string()
      .regex(/^[A-Za-z0-9_-]{22,256}$/, 'is 22 to 256 url-safe characters')
      .meta({ writeOnly: true, description: 'Minted by the client; proves later that the lease is its own.' }),
    want: z
      .array(wantSchema)
      .min(1)
      .meta({
        description: `What to hold together: all at once, or nothing. At most ${DEFAULT_LIMITS.wants}, unless the limit \`wants\` says otherwise.`,
      }),
    ttl: absentOr(z.number().min(TTL_RANGE_S.min).max(TTL_RANGE_S.max)).meta({
      description: `Seconds the lease outlives a silent holder; ${DEFAULT_TTL_S} if absent.`,
    }),
    wait: absentOr(z.number().min(0).max(LONGEST_S)).meta({
      description: 'Seconds in the queue; 0 asks once, null waits for ever.',
    }),
    hold: absentOr(z.number().positive().max(LONGEST_S)).meta({
      description: 'Seconds the lease may last at most, renewed or not.',
    }),
    priority: absentOr(z.int().min(-HIGHEST_PRIORITY).max(HIGHEST_PRIORITY)).meta({
      description: 'Higher first; 0 if absent.',
    }),
    note: absentOr(line(500)).meta({ description: 'Shown to whoever waits.' }),
    holder: absentOr(holderSchema),
    guarded: absentOr(z.boolean()).meta({
      description: 'A command runs behind it, and has to end before the resources pass on.',
    }),
    claim: absentOr(claimSchema),
    steal: absentOr(line(500).min(1)).meta({
      description:
        'Takes it over from whoever holds it, ahead of the queue, and says why. With `claim`, and only for what is named.',
    }),
  })
  .meta({ description: 'What to hold, for whom, and how long to wait for it.' });

export const extendSchema = z
  .strictObject({
    for: z.number().positive().max(LONGEST_S).meta({ description: 'Seconds from now that it is to be held at least.' }),
    guarded: absentOr(z.boolean()).meta({
      description:
        '`false`: the command behind it is gone. It becomes a claim, which needs no renewals and ends after `for`; a claim stays as it is. As it is, if absent.',
    }),
    note: absentOr(line(500)).meta({ description: 'With `guarded: false`: shown to whoever waits from now on.' }),
  })
  .meta({ description: 'How much longer.' });

export const shareSchema = z
  .strictObject({
    with: name.meta({ description: 'Who may do with it from now on what its owner may.' }),
    shared: absentOr(z.boolean()).meta({ description: '`false`: no longer.' }),
  })
  .meta({ description: 'With whom.' });

export const askSchema = z
  .strictObject({
    note: absentOr(line(500)).meta({ description: 'What the holder is told.' }),
    by: absentOr(line(200)).meta({ description: 'Who asks; counts where the daemon does not know.' }),
  })
  .meta({ description: 'Who asks, and what for.' });

export const whySchema = z
  .strictObject({ want: z.array(wantSchema).min(1) })
  .meta({ description: 'What somebody would like to hold together.' });

export const offlineSchema = z
  .strictObject({
    reason: line(500).min(1).meta({ description: 'Shown to whoever waits for it.' }),
    until: absentOr(z.iso.datetime({ offset: true })).meta({
      description: 'When it comes back by itself; null until somebody says so.',
    }),
    by: absentOr(line(200)).meta({ description: 'Who says so; counts only where the daemon knows nobody by name.' }),
  })
  .meta({ description: 'Why, and until when.' });

export type AcquireBody = z.infer<typeof acquireSchema>;

/** `true` where a schema and an interface of core/wire.ts say the same, to the last optional key; else it does not compile. */
export type Same<Schema extends z.ZodType, Interface> =
  Identical<Frozen<z.infer<Schema>>, Frozen<Interface>> extends true
    ? true
    : { readonly schema: z.infer<Schema>; readonly interface: Interface };

/** Stricter than being assignable both ways, which overlooks an optional key that only one of them has. */
type Identical<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Read-only all the way down: whether a list may be changed is no business of the wire. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

true satisfies Same<typeof wantSchema, WantJson>;
true satisfies Same<typeof acquireSchema, AcquireJson>;
true satisfies Same<typeof extendSchema, ExtendJson>;
true satisfies Same<typeof claimSchema, ClaimJson>;
true satisfies Same<typeof shareSchema, ShareJson>;
true satisfies Same<typeof askSchema, AskJson>;

/** Of a span that may be left out. */
export function millis(seconds: number | null | undefined): Millis | null {
  return seconds == null ? null : Math.round(seconds * 1000);
}
