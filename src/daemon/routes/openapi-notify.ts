import * as z from 'zod';
import type { NotifyTargetJson, NotifyTargetsJson, NotifyTestedJson, NotifyTestJson } from '../../core/wire-notify.ts';
import { BODY_PROBLEMS, type Operation } from './openapi-operation.ts';
import { absentOr, line, type Same } from './schemas.ts';

const NOTIFY = '/api/v2/notify';

const TARGETS: NotifyTargetsJson = {
  targets: [
    {
      name: 'lab-chat',
      kind: 'slack',
      host: 'hooks.slack.com',
      state: 'failing',
      problem: 'it answered 404',
      failingSince: '2026-11-20T12:33:12.341Z',
      lastDelivered: '2026-11-20T11:02:47.002Z',
      waiting: 0,
      delivered: 12,
      dropped: 1,
    },
  ],
};

const TESTED: NotifyTestedJson = { tested: [{ name: 'lab-chat', ok: false, problem: 'it answered 404' }] };

/** Where people are told what happens. */
export const NOTIFY_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: NOTIFY,
    operationId: 'listNotifyTargets',
    tag: 'daemon',
    summary: 'Where people are told what happens, and how that goes',
    description:
      'The targets of the configuration, each with what became of its notifications since the daemon started.',
    answers: [{ status: 200, when: 'The targets.', schemas: ['NotifyTargets'], example: TARGETS }],
    calls: [{ label: 'List', path: NOTIFY }],
  },
  {
    method: 'post',
    path: `${NOTIFY}/test`,
    operationId: 'testNotifyTargets',
    tag: 'daemon',
    summary: 'Send a test to the targets',
    description:
      'Tries each of them, or the one that is named, once, past what waits for it, and answers what came of it.',
    body: 'NotifyTest',
    answers: [{ status: 200, when: 'What came of it.', schemas: ['NotifyTested'], example: TESTED }],
    problems: [...BODY_PROBLEMS, { code: 'not-found', when: 'no target has this name' }],
    calls: [{ label: 'All of them', path: `${NOTIFY}/test`, body: {} }],
  },
];

export const notifyTestSchema = z
  .strictObject({
    target: absentOr(line(100)).meta({ description: 'The name of one; all of them, if absent.' }),
    person: absentOr(line(200)).meta({ description: 'Whose mail address is tried; your own, if absent.' }),
  })
  .meta({ description: 'What to try.' });

/** What comes out, for /openapi.json. */
export function makeNotifySchemas() {
  const time = z.iso.datetime().nullable();
  const target = z
    .object({
      name: z.string(),
      kind: z.enum(['json', 'slack', 'mail']),
      host: z.string().meta({ description: 'Of its address no more is told: the rest may be a secret.' }),
      state: z
        .enum(['working', 'failing'])
        .meta({ description: '`failing` from a try that failed to one that did not.' }),
      problem: z.string().nullable(),
      failingSince: time,
      lastDelivered: time,
      waiting: z.int().min(0),
      delivered: z.int().min(0).meta({ description: 'Since the daemon started.' }),
      dropped: z.int().min(0).meta({ description: 'Given up since then: refused, too late, or too many.' }),
    })
    .meta({ description: 'Where people are told, and how that goes.' });
  return {
    NotifyTest: notifyTestSchema,
    NotifyTarget: target,
    NotifyTargets: z.object({ targets: z.array(target) }),
    NotifyTested: z.object({
      tested: z.array(z.object({ name: z.string(), ok: z.boolean(), problem: z.string().nullable() })),
    }),
  } as const;
}

type Schemas = ReturnType<typeof makeNotifySchemas>;

true satisfies Same<typeof notifyTestSchema, NotifyTestJson>;
true satisfies Same<Schemas['NotifyTarget'], NotifyTargetJson>;
true satisfies Same<Schemas['NotifyTargets'], NotifyTargetsJson>;
true satisfies Same<Schemas['NotifyTested'], NotifyTestedJson>;
