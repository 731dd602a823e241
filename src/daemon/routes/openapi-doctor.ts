import * as z from 'zod';
import type { DoctorJson } from '../../core/wire.ts';
import type { Operation } from './openapi-operation.ts';
import type { Same } from './schemas.ts';

export const DOCTOR_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/api/v2/doctor',
    operationId: 'examineDaemon',
    tag: 'daemon',
    summary: 'Is everything well?',
    description:
      'What the daemon finds when it looks at its store, its disk and its surroundings; `rentabot doctor` shows it.',
    answers: [
      {
        status: 200,
        when: 'What it found.',
        schemas: ['Doctor'],
        example: {
          at: '2026-01-31T12:00:00.000Z',
          version: '1.0.0',
          since: '2026-01-30T08:00:00.000Z',
          checks: [{ name: 'store', state: 'ok', text: 'it is written without failures' }],
        },
      },
    ],
    calls: [{ label: 'Look', path: '/api/v2/doctor' }],
  },
];

export function makeDoctorSchema() {
  const time = z.iso.datetime();
  return z
    .object({
      at: time.meta({ description: "By the daemon's clock." }),
      version: z.string(),
      since: time.meta({ description: 'When it started.' }),
      checks: z.array(z.object({ name: z.string(), state: z.enum(['ok', 'warn', 'fail']), text: z.string() })),
    })
    .meta({ description: 'What the daemon found when it looked at itself.' });
}

true satisfies Same<ReturnType<typeof makeDoctorSchema>, DoctorJson>;
