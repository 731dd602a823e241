import * as z from 'zod';
import { ERRORS, type ErrorCode } from '../../core/error.ts';
import type {
  AskedJson,
  BlockerJson,
  DescribedJson,
  DescriptorJson,
  EndingJson,
  EventJson,
  HeldJson,
  HistoryJson,
  HolderJson,
  LeasedResourceJson,
  LeaseJson,
  LeasesJson,
  MessageJson,
  ProblemJson,
  QueuedJson,
  QueueJson,
  RenewedJson,
  ResourceJson,
  ResourceLeaseJson,
  ResourcesJson,
  WaitingJson,
} from '../../core/wire.ts';
import { describeSchema, editSchema } from './description-schemas.ts';
import { makeDoctorSchema } from './openapi-doctor.ts';
import { makeIdentitySchemas } from './openapi-identity-schemas.ts';
import { makeMachineSchemas, makeWatchedKeys } from './openapi-machines.ts';
import { makeNotifySchemas } from './openapi-notify.ts';
import { makeStatsSchemas } from './openapi-stats.ts';
import {
  acquireSchema,
  askSchema,
  claimSchema,
  extendSchema,
  holderSchema,
  offlineSchema,
  type Same,
  shareSchema,
  wantSchema,
  whySchema,
} from './schemas.ts';

/**
 * What goes out, as zod has it: for /openapi.json alone, nothing is checked with these at run time. Those that stand in
 * core/wire.ts too are held against it at compile time, at the end of this file.
 */

const OWNER = 'Whose it is on a daemon with identities; empty on one without.';

/**
 * Every schema of the document by its name there; one that is not named is written out where it is used. Made only for
 * the document: making them takes a twentieth of the daemon's start-up.
 */
export function makeSchemas() {
  const time = z.iso.datetime();
  const holder = z
    .object({
      name: z.string(),
      host: z.string(),
      link: z.string().nullable().meta({ description: "The CI job's page." }),
    })
    .meta({ description: 'Who holds, or waits.' });

  const scalars = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
  const mode = z.enum(['exclusive', 'slot', 'shared']);
  const endReason = z.enum(['released', 'expired', 'stolen', 'revoked']);
  const fence = z.int().positive().meta({
    description: "The fencing token: one counter for the daemon's whole life, greater than that of any earlier grant.",
  });

  const leasedResource = z
    .object({
      id: z.int(),
      name: z.string(),
      endpoint: z.string(),
      properties: scalars,
      env: z
        .record(z.string(), z.string())
        .exactOptional()
        .meta({ description: "For the command's environment. Given to the holder alone." }),
      fence,
      mode,
    })
    .meta({ description: 'One resource of a lease.' });

  const ending = z
    .object({ reason: endReason, by: z.string(), note: z.string(), since: time })
    .meta({ description: 'The holder was told to end, by whom and why.' });

  const asked = z
    .object({ by: z.string(), note: z.string(), at: time })
    .meta({ description: 'Somebody would like to have it.' });
  const company = {
    offeredUntil: time
      .exactOptional()
      .meta({ description: 'Where it is only offered: when it passes on, unless it is accepted.' }),
    shares: z
      .array(z.string())
      .exactOptional()
      .meta({ description: 'Who may do with it what its owner may; absent where there is nobody.' }),
    asked: z
      .array(asked)
      .exactOptional()
      .meta({ description: 'Who asked for it, the latest last; absent where nobody has.' }),
  };

  const lease = z
    .object({
      id: z.string(),
      fence,
      resources: z.array(leasedResource).meta({ description: 'In the order of the wants.' }),
      want: z.string().meta({ description: 'What was asked for, for people.' }),
      holder,
      note: z.string(),
      priority: z.int(),
      ttl: z.number().meta({ description: 'Seconds the lease outlives a silent holder.' }),
      hold: z.number().nullable().meta({ description: 'Seconds it may last at most, renewed or not.' }),
      guarded: z.boolean().meta({ description: 'A command runs behind it.' }),
      since: time.meta({ description: 'When it was granted.' }),
      waited: z.number().meta({ description: 'Seconds from asking to the grant.' }),
      expiresAt: time.nullable().meta({
        description:
          'Moves with each renewal; never later than `until`. Null of a claim that lasts until it is given back.',
      }),
      until: time.nullable().meta({ description: 'The end that no renewal moves.' }),
      ending: ending.nullable(),
      claim: z.boolean().meta({ description: 'It needs no renewals.' }),
      owner: z.string().meta({ description: OWNER }),
      ...company,
    })
    .meta({ description: "A promise that these resources are the holder's until it ends." });

  const held = z
    .object({ state: z.enum(['held', 'ending']), lease })
    .meta({ description: 'Granted. `ending`: told to end, and not over yet.' });

  const blocker = z
    .object({
      resource: z.string(),
      cause: z.enum(['held', 'offline', 'draining', 'queue']).meta({
        description:
          '`held`: in use. `offline`: out of service. `draining`: held back, as its last command may not have ended yet. `queue`: free, but an earlier waiter stands before it.',
      }),
      holder: holder
        .nullable()
        .meta({ description: 'The holder, whoever took it offline, or the earlier waiter; null where it drains.' }),
      owner: z.string().exactOptional().meta({ description: OWNER }),
      note: z.string(),
      since: time,
      until: time.nullable(),
    })
    .meta({ description: 'Something that stands between a waiter and what it wants.' });

  const position = z.int().min(1).meta({
    description: '1 is next. Counts the waiters ahead that want something of what this one wants.',
  });
  const eta = time.nullable().meta({
    description: 'When it should be its turn, from the recent history of holds; null where there is none to go by.',
  });
  const blockers = z.array(blocker).max(10).meta({ description: 'Those that should be free soonest first.' });

  const waiting = z
    .object({ state: z.literal('waiting'), id: z.string(), position, eta, blockers })
    .meta({ description: 'Still in the queue.' });

  const queued = z
    .object({
      id: z.string(),
      position,
      holder,
      want: z.string(),
      since: time,
      priority: z.int(),
      note: z.string(),
      eta,
      until: time.nullable().meta({ description: 'When it gives up; null for never.' }),
      blockers,
      claim: z.boolean().meta({ description: 'A person, who is told when it is their turn.' }),
      steals: z.boolean().meta({ description: 'It takes over, ahead of everybody.' }),
      owner: z.string().meta({ description: OWNER }),
    })
    .meta({ description: 'One waiter.' });

  const resourceLease = z
    .object({
      id: z.string(),
      holder,
      note: z.string(),
      mode,
      since: time,
      until: time.nullable(),
      guarded: z.boolean().meta({ description: 'A command runs behind it.' }),
      claim: z.boolean().meta({ description: 'It needs no renewals.' }),
      ending: z.boolean().meta({ description: 'It was told to end, and its command has not ended yet.' }),
      owner: z.string().meta({ description: OWNER }),
      ...company,
    })
    .meta({ description: 'One lease on a resource.' });

  const resource = z
    .object({
      id: z.int(),
      name: z.string(),
      state: z
        .enum(['free', 'held', 'shared', 'draining', 'offline', 'retiring'])
        .meta({ description: 'What a plain request would find.' }),
      description: z.string(),
      tags: z.array(z.string()),
      endpoint: z.string(),
      properties: scalars,
      slots: z.int().positive().meta({ description: 'How many plain leases fit at once.' }),
      maxHold: z.number().nullable().meta({ description: 'Seconds a lease that includes it may last at most.' }),
      offline: z.object({ reason: z.string(), by: z.string(), since: time, until: time.nullable() }).nullable(),
      lastUsed: time.nullable(),
      drainedAt: time
        .nullable()
        .meta({ description: 'Until when it is held back after a silent holder; null where it is not.' }),
      waiting: z.int().min(0).meta({ description: 'All who could use it.' }),
      leases: z.array(resourceLease),
      ...makeWatchedKeys(),
    })
    .meta({ description: 'A thing to share.' });

  const described = z
    .object({
      name: z.string(),
      description: z.string(),
      endpoint: z.string(),
      tags: z.array(z.string()),
      properties: scalars,
      env: z.record(z.string(), z.string()),
      slots: z.int().positive(),
      maxHold: z.number().nullable().meta({ description: 'Seconds.' }),
      offline: z.object({ reason: z.string(), until: time.nullable() }).nullable(),
      machine: z.string().nullable(),
      staleAfter: z.number().nullable().meta({ description: 'Seconds.' }),
      source: z
        .string()
        .meta({ description: '`file:` and its path, `api`, or `asked` where it was made up on demand.' }),
    })
    .meta({ description: 'A resource, as a descriptor file has it.' });

  const message = z
    .object({
      type: z.enum(['asked', 'expiring', 'ending']),
      by: z.string(),
      reason: z.string(),
      at: time,
    })
    .meta({ description: 'A line for the holder.' });

  const event = z
    .object({
      id: z.int().positive(),
      at: time,
      type: z.string().meta({
        description:
          '`waiter-joined`, `waiter-left`, `lease-granted`, `lease-extended`, `lease-kept`, `lease-accepted`, `lease-asked`, `lease-shared`, `lease-ending`, `lease-ended`, `resource-added`, `resource-changed`, `resource-removed`, `resource-offline`, `resource-online` or `resource-drained`; for admins also `user-added`, `user-changed`, `user-removed`, `password-changed`, `token-created`, `token-revoked`, `logged-in`, `logged-out` and `login-failed`; more may come.',
      }),
      lease: z.string().exactOptional(),
      resources: z.array(z.string()).exactOptional().meta({ description: 'Names.' }),
      holder: holder.exactOptional(),
      note: z.string().exactOptional(),
      waited: z.number().exactOptional().meta({ description: 'Seconds.' }),
      held: z.number().exactOptional().meta({ description: 'Seconds.' }),
      exit: z.int().exactOptional().meta({ description: 'How the command ended, where its wrapper said so.' }),
      part: z.boolean().exactOptional().meta({
        description: 'Only one of several resources that were held together was given back.',
      }),
      fence: z.int().positive().exactOptional(),
      want: z.string().exactOptional(),
      reason: z.string().exactOptional(),
      by: z.string().exactOptional(),
      why: z.string().exactOptional().meta({ description: 'What somebody said who took it away.' }),
      until: time.nullable().exactOptional(),
      with: z.string().exactOptional().meta({ description: 'With whom it is shared, or no longer.' }),
      shared: z.boolean().exactOptional(),
      offered: z.boolean().exactOptional().meta({ description: 'Granted, and waits to be accepted.' }),
      claim: z.boolean().exactOptional().meta({ description: 'It was asked for as a claim.' }),
      owner: z.string().exactOptional().meta({ description: 'Whose it is on a daemon with identities.' }),
      about: z.string().exactOptional().meta({ description: 'To which user or token something was done.' }),
    })
    .meta({ description: 'What happened. Further fields depend on the type.' });

  const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
  const problem = z
    .object({
      type: z.string().meta({ description: '`urn:rentabot:problem:` and the code.' }),
      title: z.string().meta({ description: 'What the code means.' }),
      status: z.int(),
      code: z.enum(codes),
      detail: z.string().meta({ description: 'What happened, to which thing.' }),
      hint: z.string().meta({ description: 'What to do next.' }),
      reason: endReason.exactOptional().meta({ description: 'With `lost`: how the lease ended.' }),
    })
    .meta({ description: 'Every no, as RFC 9457 has it.' });

  const renewed = z
    .object({ lease, messages: z.array(message) })
    .meta({ description: 'The lease as it is now, and what its holder should know.' });
  const leases = z.object({ leases: z.array(lease) });
  const queue = z.object({ waiting: z.array(queued) }).meta({ description: 'In order.' });
  const resources = z.object({ resources: z.array(resource) });
  const history = z
    .object({
      events: z.array(event).meta({ description: 'Newest first.' }),
      next: z.int().nullable().meta({ description: 'Give it as `before` for the next page; null on the last.' }),
    })
    .meta({ description: 'One page of what happened.' });

  return {
    Acquire: acquireSchema,
    Want: wantSchema,
    Asker: holderSchema,
    Extend: extendSchema,
    Claim: claimSchema,
    Share: shareSchema,
    Ask: askSchema,
    Why: whySchema,
    Offline: offlineSchema,
    Describe: describeSchema,
    Edit: editSchema,
    Descriptor: z.object({ resources: z.array(described) }).meta({ description: 'All resources, by number.' }),
    Described: described,
    Doctor: makeDoctorSchema(),
    Held: held,
    Waiting: waiting,
    Ending: z.object({ state: z.literal('ending') }).meta({
      description: 'The holder has been told; the resources pass on when it confirms, or when the ttl has run out.',
    }),
    Renewed: renewed,
    Lease: lease,
    LeasedResource: leasedResource,
    LeaseEnding: ending,
    Leases: leases,
    Holder: holder,
    Blocker: blocker,
    Queue: queue,
    Queued: queued,
    Resources: resources,
    OneResource: z.object({ resource }),
    Resource: resource,
    ResourceLease: resourceLease,
    WhyAnswer: z
      .object({
        state: z.enum(['free', 'waiting', 'impossible']),
        detail: z.string(),
        hint: z.string(),
        blockers,
      })
      .meta({ description: 'What would happen to somebody who asked for this now.' }),
    AskedHolders: z.object({ asked: z.int().min(0) }).meta({ description: 'How many holders have been told.' }),
    Asked: asked,
    History: history,
    ...makeStatsSchemas(),
    Event: event,
    Message: message,
    Ended: z
      .object({ reason: endReason, by: z.string() })
      .meta({ description: 'How the lease ended; the last on its stream.' }),
    Closing: z
      .object({ retryAfter: z.number() })
      .meta({ description: 'The daemon steps down: come back, after so many seconds, with the same id.' }),
    Health: z.object({ status: z.literal('ok'), version: z.string(), protocol: z.int() }),
    Ready: z.object({ status: z.literal('ready') }),
    ...makeIdentitySchemas(),
    ...makeNotifySchemas(),
    ...makeMachineSchemas(),
    Problem: problem,
  } as const satisfies Readonly<Record<string, z.ZodType>>;
}

export type Schemas = ReturnType<typeof makeSchemas>;
export type SchemaName = keyof Schemas;

true satisfies Same<Schemas['Holder'], HolderJson>;
true satisfies Same<Schemas['LeasedResource'], LeasedResourceJson>;
true satisfies Same<Schemas['LeaseEnding'], EndingJson>;
true satisfies Same<Schemas['Lease'], LeaseJson>;
true satisfies Same<Schemas['Held'], HeldJson>;
true satisfies Same<Schemas['Asked'], AskedJson>;
true satisfies Same<Schemas['Blocker'], BlockerJson>;
true satisfies Same<Schemas['Waiting'], WaitingJson>;
true satisfies Same<Schemas['Queued'], QueuedJson>;
true satisfies Same<Schemas['Queue'], QueueJson>;
true satisfies Same<Schemas['Resource'], ResourceJson>;
true satisfies Same<Schemas['Described'], DescribedJson>;
true satisfies Same<Schemas['Descriptor'], DescriptorJson>;
true satisfies Same<Schemas['ResourceLease'], ResourceLeaseJson>;
true satisfies Same<Schemas['Resources'], ResourcesJson>;
true satisfies Same<Schemas['Leases'], LeasesJson>;
true satisfies Same<Schemas['Message'], MessageJson>;
true satisfies Same<Schemas['Renewed'], RenewedJson>;
true satisfies Same<Schemas['Event'], EventJson>;
true satisfies Same<Schemas['History'], HistoryJson>;
true satisfies Same<Schemas['Problem'], ProblemJson>;
