import * as z from 'zod';
import { KNOWN_ROLES } from '../../core/identity.ts';
import type { LoginJson, NewTokenJson, NewUserJson, UserChangeJson } from '../../core/wire-identity.ts';
import { LONGEST_PASSWORD, SHORTEST_PASSWORD } from '../identity/passwords.ts';
import { line, type Same } from './schemas.ts';

const LONGEST_TOKEN_S = 10 * 365 * 86_400;

const name = line(64).min(1);
const role = z.enum(KNOWN_ROLES);
const password = z.string().min(1).max(LONGEST_PASSWORD).meta({ writeOnly: true });
const newPassword = password.min(SHORTEST_PASSWORD);
const mail = line(254)
  .regex(/^[^\s@]+@[^\s@]+$/, 'is no mail address')
  .nullable()
  .exactOptional()
  .meta({ description: 'Where they are told of what is theirs.' });

export const loginSchema = z
  .strictObject({
    name,
    password,
    for: z.enum(['browser', 'cli']).nullable().exactOptional().meta({
      description: '`cli`: the answer has a token. Else it sets a cookie.',
    }),
  })
  .meta({ description: 'A name and its password.' });

export const newUserSchema = z
  .strictObject({ name, role, password: newPassword, mail })
  .meta({ description: 'Somebody with a password.' });

export const userChangeSchema = z
  .strictObject({
    role: role.exactOptional(),
    password: newPassword.exactOptional(),
    current: password.exactOptional().meta({
      writeOnly: true,
      description: "The password until now; not needed by an admin who changes somebody else's.",
    }),
    mail,
  })
  .meta({ description: 'What is to be otherwise; what is absent stays.' });

export const newTokenSchema = z
  .strictObject({
    name,
    role,
    for: z.number().positive().max(LONGEST_TOKEN_S).nullable().exactOptional().meta({
      description: 'Seconds until it expires; null for never.',
    }),
  })
  .meta({ description: 'What a program is to be known by.' });

true satisfies Same<typeof loginSchema, LoginJson>;
true satisfies Same<typeof newUserSchema, NewUserJson>;
true satisfies Same<typeof userChangeSchema, UserChangeJson>;
true satisfies Same<typeof newTokenSchema, NewTokenJson>;
