import * as examples from './openapi-examples.ts';
import { EXAMPLE_CLAIM_ID, EXAMPLE_ID, EXAMPLE_SECRET } from './openapi-examples.ts';
import { BODY_PROBLEMS, type Operation, type Problem } from './openapi-operation.ts';
import { AFTER, BLOCK, ENDED, EXIT, LIMIT } from './parameters.ts';

const LEASE = `/api/v2/leases/${EXAMPLE_ID}`;
const CLAIM = `/api/v2/leases/${EXAMPLE_CLAIM_ID}`;
const STREAM = { accept: 'text/event-stream' } as const;
const SECRET = { authorization: `Lease ${EXAMPLE_SECRET}` } as const;

const NO_ID: Problem = { code: 'usage', when: 'the id in the path is neither a ULID nor a UUID' };
const NO_SECRET: Problem = { code: 'usage', when: 'the secret in the authorization header is none' };
const OTHER_SECRET: Problem = { code: 'denied', when: 'the lease was asked for with another secret' };
const UNHEARD: Problem = { code: 'not-found', when: 'no lease of this id was ever asked for, or it still waits' };
const OVER: Problem = { code: 'lost', when: 'the lease has ended; `reason` says how' };

/** Asking, holding, giving back. */
export const LEASE_OPERATIONS: readonly Operation[] = [
  {
    method: 'put',
    path: '/api/v2/leases/:id',
    operationId: 'acquireLease',
    tag: 'leases',
    summary: 'Ask for resources, keep the place in the queue, or renew',
    description:
      'The client mints the id (a ULID or a UUID) and a secret, so that a request that is repeated finds its own lease: repeat it as often as ' +
      'needed. While it waits, ask again at least every 30 s, or keep one connection open: with `block` the answer is held back until there is ' +
      'something to say, and with `Accept: text/event-stream` the answer is a stream of `waiting` on each change, and then `held`, or `problem` ' +
      'where the wait ends otherwise. `closing` says that the daemon steps down: come back with the same id. Once held, renew before `ttl` is over.',
    parameters: [BLOCK],
    body: 'Acquire',
    answers: [
      {
        status: 200,
        when: 'Granted, now or before. A repetition renews.',
        schemas: ['Held'],
        example: examples.held,
        events: { waiting: 'Waiting', held: 'Held', problem: 'Problem', closing: 'Closing' },
      },
      { status: 202, when: 'Still in the queue.', schemas: ['Waiting'], example: examples.waiting },
    ],
    problems: [
      NO_ID,
      { code: 'usage', when: '`block` is out of its range' },
      ...BODY_PROBLEMS,
      OTHER_SECRET,
      { code: 'timeout', when: 'the wait is over' },
      { code: 'busy', when: '`wait` was 0, and it was taken; or somebody else is stealing it' },
      { code: 'denied', when: 'you may not steal' },
      { code: 'conflict', when: 'this id was used for another want' },
      OVER,
      { code: 'impossible', when: 'it can never be granted; the hint names the nearest that exists' },
      { code: 'limit', when: 'too many wait, or too many leases are held' },
    ],
    calls: [
      { label: 'Ask, and wait in the queue', path: `${LEASE}?block=25`, body: examples.acquire },
      { label: 'A claim: two hours, once it is offered and accepted', path: CLAIM, body: examples.claim },
      { label: 'The same as a stream', path: LEASE, headers: STREAM, body: examples.acquire },
    ],
  },
  {
    method: 'get',
    path: '/api/v2/leases/:id',
    operationId: 'showLease',
    tag: 'leases',
    summary: 'Look at a lease, or listen to it',
    description:
      'What is held under this id, or its place in the queue. Looking renews nothing, and shows nothing that is for the holder alone. With `Accept: text/event-stream`, ' +
      'for a lease that is held: `message` for whatever its holder should know, and `ended` when it is over.',
    secret: true,
    answers: [
      {
        status: 200,
        when: 'Held, or waiting.',
        schemas: ['Held', 'Waiting'],
        example: { state: 'held', lease: examples.leaseToAnyone },
        events: { message: 'Message', ended: 'Ended', closing: 'Closing' },
      },
    ],
    problems: [NO_ID, NO_SECRET, OTHER_SECRET, UNHEARD, OVER],
    calls: [
      { label: 'Look', path: LEASE },
      { label: 'Listen', path: LEASE, headers: { ...STREAM, ...SECRET } },
    ],
  },
  {
    method: 'post',
    path: '/api/v2/leases/:id/renew',
    operationId: 'renewLease',
    tag: 'leases',
    summary: 'Say that the holder is alive',
    description:
      'Moves `expiresAt` to `ttl` seconds from now, and never behind `until`. A third of the ttl is a good interval.',
    secret: true,
    answers: [
      { status: 200, when: 'Renewed; or told to end, see `ending`.', schemas: ['Renewed'], example: examples.renewed },
    ],
    problems: [NO_ID, NO_SECRET, OTHER_SECRET, UNHEARD, OVER],
    calls: [{ label: 'Renew', path: `${LEASE}/renew`, headers: SECRET }],
  },
  {
    method: 'post',
    path: '/api/v2/leases/:id/extend',
    operationId: 'extendLease',
    tag: 'leases',
    summary: 'Hold longer',
    description:
      'The lease lasts at least `for` seconds from now. It never becomes shorter, so a repetition does no harm; `maxHold` of a resource stays the bound. With ' +
      '`guarded: false` the command behind it is gone: it becomes a claim, which needs no renewals and ends after `for`, or when anybody who may releases it.',
    parameters: [EXIT],
    secret: true,
    body: 'Extend',
    answers: [{ status: 200, when: 'Extended, as far as allowed.', schemas: ['Renewed'], example: examples.renewed }],
    problems: [
      NO_ID,
      NO_SECRET,
      ...BODY_PROBLEMS,
      OTHER_SECRET,
      UNHEARD,
      { code: 'usage', when: '`exit` is none, or comes without `guarded: false`' },
      { code: 'conflict', when: 'the lease has been told to end' },
      OVER,
    ],
    calls: [
      { label: 'One hour more', path: `${LEASE}/extend`, headers: SECRET, body: { for: 3600 } },
      {
        label: 'Keep it without its command',
        path: `${LEASE}/extend`,
        headers: SECRET,
        body: { for: 3600, guarded: false, note: 'the build failed, having a look' },
      },
    ],
  },
  {
    method: 'post',
    path: '/api/v2/leases/:id/share',
    operationId: 'shareLease',
    tag: 'leases',
    summary: 'Let somebody else use it, too',
    description: 'Whom it is shared with may extend, accept and give it back as its owner may.',
    secret: true,
    body: 'Share',
    answers: [{ status: 200, when: 'Shared, or no longer.', schemas: ['Renewed'], example: examples.renewed }],
    problems: [
      NO_ID,
      NO_SECRET,
      ...BODY_PROBLEMS,
      OTHER_SECRET,
      UNHEARD,
      { code: 'limit', when: 'it is shared with too many' },
      OVER,
    ],
    calls: [{ label: 'With alice', path: `${LEASE}/share`, headers: SECRET, body: { with: 'alice' } }],
  },
  {
    method: 'delete',
    path: '/api/v2/leases/:id',
    operationId: 'releaseLease',
    tag: 'leases',
    summary: 'Give back, or leave the queue',
    description:
      'Can be repeated. An id that was never heard of is remembered as spent, so that a request for it that is still on its way is refused as `lost`. A guarded lease has a ' +
      'command behind it: its holder confirms with `ended` that the command is gone, and until then, or until the ttl has run out, the resources do not pass on.',
    parameters: [ENDED, EXIT],
    secret: true,
    answers: [
      { status: 204, when: 'Over, now or before.' },
      {
        status: 202,
        when: 'Guarded: its holder has been told to end.',
        schemas: ['Ending'],
        example: { state: 'ending' },
      },
    ],
    problems: [
      NO_ID,
      { code: 'usage', when: '`ended` is neither true nor false, or `exit` is none, or comes without `ended`' },
      NO_SECRET,
      OTHER_SECRET,
    ],
    calls: [{ label: 'Give back', path: `${LEASE}?ended=true&exit=0`, headers: SECRET }],
  },
  {
    method: 'post',
    path: '/api/v2/leases/:id/accept',
    operationId: 'acceptLease',
    tag: 'leases',
    summary: 'Take what is offered',
    description:
      'A claim that was asked for with `accept` is offered when it is its turn, and passes on unless it is accepted in that time. From then on it lasts `for`.',
    secret: true,
    answers: [{ status: 200, when: 'Accepted, now or before.', schemas: ['Renewed'], example: examples.renewed }],
    problems: [
      NO_ID,
      NO_SECRET,
      OTHER_SECRET,
      UNHEARD,
      { code: 'conflict', when: 'it was not offered, or has been told to end' },
      OVER,
    ],
    calls: [{ label: 'Accept', path: `${CLAIM}/accept`, headers: SECRET }],
  },
  {
    method: 'get',
    path: '/api/v2/leases',
    operationId: 'listLeases',
    tag: 'leases',
    summary: 'All leases',
    description: 'In the order of their grants.',
    parameters: [LIMIT, AFTER],
    answers: [{ status: 200, when: 'The leases.', schemas: ['Leases'], example: { leases: [examples.leaseToAnyone] } }],
    problems: [{ code: 'usage', when: '`limit` is out of its range' }],
    calls: [{ label: 'List', path: '/api/v2/leases' }],
  },
];
