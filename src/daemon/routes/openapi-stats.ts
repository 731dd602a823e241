import * as z from 'zod';
import type { FiguresJson, ResourceFiguresJson, StatsJson } from '../../core/wire.ts';
import { EXAMPLE_RESOURCE } from './openapi-examples.ts';
import type { Operation } from './openapi-operation.ts';
import { FORMAT, RESOURCE, SINCE } from './parameters.ts';
import type { Same } from './schemas.ts';

const EXAMPLE: StatsJson = {
  from: '2026-01-24T12:00:00.000Z',
  to: '2026-01-31T12:00:00.000Z',
  resources: [
    {
      id: 7,
      name: EXAMPLE_RESOURCE,
      tags: ['gpu', 'a100'],
      grants: 61,
      held: 305_210.5,
      utilisation: 0.5116,
      offline: 8200,
      waitP50: 12.1,
      waitP90: 340,
      finished: 58,
      failed: 18,
      failureRate: 0.3103,
      othersFailureRate: 0.0412,
    },
  ],
  all: {
    grants: 702,
    held: 2_210_000.25,
    utilisation: 0.4711,
    offline: 8200,
    waitP50: 4,
    waitP90: 95.2,
    finished: 680,
    failed: 44,
    failureRate: 0.0647,
    unserved: 3,
  },
};

export const STATS_OPERATION: Operation = {
  method: 'get',
  path: '/api/v2/stats',
  operationId: 'readStats',
  tag: 'events',
  summary: 'What the history comes to',
  description:
    'Use, waits and failures of each resource, and of all, from `since` on, or from where the history begins. A lease that began before counts from then on, one that still ' +
    'runs until now. A command counts as failed if its wrapper said so, with another exit than 0; one that somebody stopped (129, 130, 143) does not count at all.',
  parameters: [SINCE, RESOURCE, FORMAT],
  answers: [
    {
      status: 200,
      when: 'The figures; as CSV those of the resources alone.',
      schemas: ['Stats'],
      example: EXAMPLE,
      text: { 'text/csv': 'A head, and one line a resource.' },
    },
  ],
  problems: [
    { code: 'usage', when: '`since` or `format` cannot be read' },
    { code: 'not-found', when: 'no resource has this name; the hint names the nearest' },
  ],
  calls: [
    { label: 'The last week', path: '/api/v2/stats?since=2026-01-24T12:00:00Z' },
    { label: 'For a spreadsheet', path: '/api/v2/stats?format=csv' },
  ],
};

/** Made only for the document, like the other schemas. */
export function makeStatsSchemas() {
  const shared = {
    grants: z.int().min(0),
    held: z.number().min(0).meta({ description: 'Seconds that leases lasted within the span, added up.' }),
    utilisation: part('The part of its time in service in which anybody held it.'),
    offline: z.number().min(0).meta({ description: 'Seconds that it was offline and nobody held it.' }),
    waitP50: z.number().nullable().meta({ description: 'Half of those who were served waited no longer; seconds.' }),
    waitP90: z.number().nullable().meta({ description: 'Nine of ten who were served waited no longer; seconds.' }),
    finished: z.int().min(0).meta({ description: 'Commands that ended by themselves and said how.' }),
    failed: z.int().min(0),
    failureRate: part('`failed` of `finished`.'),
  };
  const figures = z
    .object({ ...shared, unserved: z.int().min(0).meta({ description: 'How many left the queue without a lease.' }) })
    .meta({ description: 'Of all resources. A lease counts once here, however many it had.' });
  const resourceFigures = z
    .object({
      id: z.int(),
      name: z.string(),
      tags: z.array(z.string()),
      ...shared,
      othersFailureRate: part('That of all the other resources together.'),
    })
    .meta({ description: 'Of one resource.' });
  const stats = z
    .object({
      from: z.iso.datetime(),
      to: z.iso.datetime(),
      resources: z.array(resourceFigures).meta({ description: 'By number.' }),
      all: figures,
    })
    .meta({ description: 'What a span of the history comes to. Null is where there is nothing to go by.' });
  return { Stats: stats, ResourceFigures: resourceFigures, Figures: figures };
}

function part(description: string) {
  return z.number().min(0).max(1).nullable().meta({ description });
}

type Schemas = ReturnType<typeof makeStatsSchemas>;

true satisfies Same<Schemas['Stats'], StatsJson>;
true satisfies Same<Schemas['ResourceFigures'], ResourceFiguresJson>;
true satisfies Same<Schemas['Figures'], FiguresJson & { unserved: number }>;
