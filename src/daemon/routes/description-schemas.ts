import * as z from 'zod';
import { MOST_ENTRIES } from '../../core/description.ts';
import type { DescribeJson, EditJson } from '../../core/wire.ts';
import { LONGEST_KEY, LONGEST_VALUE, MOST_SLOTS, PROPERTY_KEY } from '../described.ts';
import { LONGEST_TEXT } from '../tree-readers.ts';
import { absentOr, LONGEST_S, line, type Same, tag } from './schemas.ts';

/** What a descriptor file says of a resource, as JSON; the same bounds hold for both. */

const NAME = /^(?! )[^,]*(?<! )$/u;
/** As `machineProblem` in core/machine.ts has it. */
const MACHINE = /^[^\s:,\p{C}]+:[^\s,\p{C}]+$/u;
/** Variables of ours are not for others to set. */
const ENV_KEY = /^(?!RENTABOT_)[A-Za-z_][A-Za-z0-9_]*$/;

const text = line(LONGEST_TEXT);
const tags = z.array(tag).max(MOST_ENTRIES);
const propertyKey = z.string().max(LONGEST_KEY).regex(PROPERTY_KEY, 'has letters, digits and _.:/@+%~#- only');
const property = z.union([line(LONGEST_VALUE), z.number(), z.boolean()]);
const envKey = z.string().max(LONGEST_KEY).regex(ENV_KEY, 'has letters, digits and _ only, and is none of RENTABOT_');
const variable = z
  .string()
  .max(LONGEST_VALUE)
  .regex(/^[^\0]*$/, 'must not have a null character');
const slots = z.int().min(1).max(MOST_SLOTS);
export const machine = z.string().max(200).regex(MACHINE, 'is DATACENTER:HOST, without spaces and commas');
const staleAfter = z.number().positive().max(LONGEST_S);
const maxHold = z.number().positive().max(LONGEST_S);

const described = {
  description: absentOr(text),
  endpoint: absentOr(text).meta({ description: 'Where it is: given to who holds it.' }),
  tags: absentOr(tags),
  slots: absentOr(slots).meta({ description: 'How many plain leases fit at once; 1 if absent.' }),
  maxHold: absentOr(maxHold).meta({ description: 'Seconds a lease that includes it may last at most.' }),
  machine: absentOr(machine).meta({ description: 'The machine that it is, or is on.' }),
  staleAfter: absentOr(staleAfter).meta({
    description: 'Seconds of silence of its machine after which it is not handed out any more.',
  }),
};

const properties = z.record(propertyKey, property);
const env = z.record(envKey, variable);

export const describeSchema = z
  .strictObject({
    name: line(200)
      .min(1)
      .regex(NAME, 'has no comma, and neither starts nor ends with a space')
      .meta({ description: 'What it is asked for by.' }),
    ...described,
    properties: absentOr(properties).meta({ description: 'What expressions can ask for.' }),
    env: absentOr(env).meta({ description: "For the environment of its holder's command." }),
    offline: absentOr(
      z.strictObject({ reason: line(500).min(1), until: absentOr(z.iso.datetime({ offset: true })) }),
    ).meta({ description: 'It exists, and is not in service yet.' }),
  })
  .meta({ description: 'A thing to share.' });

export const editSchema = z
  .strictObject({
    ...described,
    addTags: absentOr(tags).meta({ description: 'In addition to those that it has.' }),
    removeTags: absentOr(tags).meta({ description: 'Of those that it has.' }),
    properties: absentOr(z.record(propertyKey, property.nullable())).meta({
      description: 'Those that are named change, or go where they are null.',
    }),
    env: absentOr(z.record(envKey, variable.nullable())).meta({
      description: 'Those that are named change, or go where they are null.',
    }),
    was: absentOr(z.strictObject({ ...described, properties: absentOr(properties), env: absentOr(env) })).meta({
      description: 'What it was when somebody looked: where it is not that any more, nothing changes.',
    }),
  })
  .meta({ description: 'What is to be different (RFC 7396): what is absent stays, null is as if nobody had said it.' });

true satisfies Same<typeof describeSchema, DescribeJson>;
true satisfies Same<typeof editSchema, EditJson>;
