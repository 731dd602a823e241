import * as z from 'zod';
import type { MachineEntryJson, MachineJson, MachinesJson, MachinesTakenJson } from '../../core/wire-machines.ts';
import { BODY_PROBLEMS, type Operation } from './openapi-operation.ts';
import { AFTER, LIMIT } from './parameters.ts';
import { line, type Same } from './schemas.ts';

const MACHINES = '/api/v2/machines';
const MACHINE: MachineJson = {
  machine: 'mdc1:t-linux64-ms-100',
  lastSeen: '2026-01-31T12:00:00.939514Z',
  resources: ['board-7'],
};
const ENTRY: MachineEntryJson = {
  datacenter: 'mdc1',
  machine: 't-linux64-ms-100',
  lastseen: '2018-11-08T08:47:50.939514',
};
const FULL = { code: 'limit', when: 'there would be more than the limit `machines` allows' } as const;

export const MACHINE_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: MACHINES,
    operationId: 'listMachines',
    tag: 'resources',
    summary: 'When machines were last seen',
    description: 'By their ids, each with the resources that are on it.',
    parameters: [LIMIT, AFTER],
    answers: [{ status: 200, when: 'The machines.', schemas: ['Machines'], example: { machines: [MACHINE] } }],
    problems: [
      { code: 'usage', when: '`limit` is out of its range' },
      { code: 'not-found', when: '`after` is no machine that was seen' },
    ],
    calls: [{ label: 'List', path: MACHINES }],
  },
  {
    method: 'post',
    path: MACHINES,
    operationId: 'preloadMachines',
    tag: 'resources',
    summary: 'Take over a list of machines',
    description:
      'As `GET /machines` of releng-hardware answers it. What is known later already stays; one entry that is wrong refuses the whole list.',
    body: 'MachineList',
    answers: [{ status: 200, when: 'It is known.', schemas: ['MachinesTaken'], example: { taken: 1, older: 0 } }],
    problems: [
      ...BODY_PROBLEMS,
      {
        code: 'usage',
        status: 422,
        when: 'an entry is no machine, or more than five minutes ahead; the detail names it',
      },
      FULL,
    ],
    calls: [{ label: 'One', path: MACHINES, body: [ENTRY] }],
  },
  {
    method: 'post',
    path: `${MACHINES}/:machine/seen`,
    operationId: 'seeMachine',
    tag: 'resources',
    summary: 'Say that a machine is alive',
    description: 'It was seen now. What is on it and was held back because of its silence is handed out again.',
    answers: [{ status: 200, when: 'It is known.', schemas: ['Machine'], example: MACHINE }],
    problems: [{ code: 'usage', status: 422, when: 'the id is not DATACENTER:HOST' }, FULL],
    calls: [{ label: 'Beat', path: `${MACHINES}/mdc1:t-linux64-ms-100/seen` }],
  },
];

export const machineListSchema = z
  .array(
    z.strictObject({ datacenter: line(200).min(1), machine: line(200).min(1), lastseen: line(40) }).meta({
      description: 'A machine, and when it was last seen: UTC, with up to six decimals.',
    }),
  )
  .meta({ description: 'Machines, as releng-hardware lists them.' });

/** Made only for the document, like the other schemas. */
export function makeMachineSchemas() {
  const machine = z
    .object({
      machine: z.string().meta({ description: 'The datacenter, a colon, the host.' }),
      lastSeen: z.string().meta({ description: 'RFC 3339, to the microsecond.' }),
      resources: z.array(z.string()).meta({ description: 'Those that are that machine, or on it.' }),
    })
    .meta({ description: 'A machine that was heard of.' });
  return {
    Machine: machine,
    Machines: z.object({ machines: z.array(machine) }).meta({ description: 'All that were heard of.' }),
    MachineList: machineListSchema,
    MachinesTaken: z
      .object({
        taken: z.int().min(0).meta({ description: 'How many are known better now.' }),
        older: z.int().min(0).meta({ description: 'Of how many something as late, or later, was known.' }),
      })
      .meta({ description: 'What came of a list.' }),
  };
}

/** What a resource with a machine has beside the others. */
export function makeWatchedKeys() {
  return {
    machine: z
      .string()
      .exactOptional()
      .meta({ description: 'The machine that it is, or is on; absent where nobody said.' }),
    lastSeen: z.string().nullable().exactOptional().meta({
      description: 'When that was last heard of, to the microsecond; null for never, absent without a machine.',
    }),
    staleAfter: z.number().exactOptional().meta({
      description: 'Seconds of its silence after which it is not handed out; absent where that is no matter.',
    }),
  };
}

type Schemas = ReturnType<typeof makeMachineSchemas>;

true satisfies Same<Schemas['Machine'], MachineJson>;
true satisfies Same<Schemas['Machines'], MachinesJson>;
true satisfies Same<typeof machineListSchema, MachineEntryJson[]>;
true satisfies Same<Schemas['MachinesTaken'], MachinesTakenJson>;
