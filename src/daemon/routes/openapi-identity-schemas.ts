import * as z from 'zod';
import { ROLES } from '../../core/access.ts';
import { KNOWN_ROLES } from '../../core/identity.ts';
import type {
  LoggedInJson,
  MadeTokenJson,
  TokenJson,
  TokensJson,
  UserJson,
  UsersJson,
  WhoamiJson,
} from '../../core/wire-identity.ts';
import { loginSchema, newTokenSchema, newUserSchema, userChangeSchema } from './identity-schemas.ts';
import type { Same } from './schemas.ts';

/** As `makeSchemas`, for users, tokens and sessions. */
export function makeIdentitySchemas() {
  const time = z.iso.datetime();
  const role = z.enum(KNOWN_ROLES);
  const csrf = z.string().nullable().meta({
    description: 'For a browser: to be sent as `x-rentabot-csrf` with whatever changes something.',
  });
  const user = z
    .object({ name: z.string(), role, mail: z.string().nullable(), created: time })
    .meta({ description: 'Somebody with a password.' });
  const token = z
    .object({
      id: z.string(),
      name: z.string(),
      role: role.meta({ description: "At most; never more than its owner's." }),
      owner: z.string().meta({ description: 'The user it belongs to; empty for one that stands for itself.' }),
      login: z.boolean().meta({ description: 'Made by a login.' }),
      created: time,
      createdBy: z.string(),
      expires: time.nullable(),
      lastUsed: time.nullable(),
    })
    .meta({ description: 'What a program is known by. Its secret was told once, when it was made.' });
  return {
    Login: loginSchema,
    LoggedIn: z
      .object({
        name: z.string(),
        role,
        token: z.string().nullable().meta({ description: 'With `"for": "cli"`.' }),
        csrf,
        expires: time,
      })
      .meta({ description: 'Who one is from now on.' }),
    Whoami: z
      .object({
        name: z.string().meta({ description: 'Empty for nobody in particular.' }),
        role: z.enum(ROLES),
        identities: z.boolean().meta({ description: 'Whether the daemon knows anybody at all.' }),
        csrf,
      })
      .meta({ description: 'Who asks.' }),
    NewUser: newUserSchema,
    UserChange: userChangeSchema,
    User: user,
    OneUser: z.object({ user }),
    Users: z.object({ users: z.array(user) }).meta({ description: 'By name.' }),
    NewToken: newTokenSchema,
    Token: token,
    MadeToken: z.object({ secret: z.string(), token }).meta({ description: 'Its secret is told this once.' }),
    Tokens: z.object({ tokens: z.array(token) }).meta({ description: 'By name.' }),
  } as const;
}

type Schemas = ReturnType<typeof makeIdentitySchemas>;

true satisfies Same<Schemas['LoggedIn'], LoggedInJson>;
true satisfies Same<Schemas['Whoami'], WhoamiJson>;
true satisfies Same<Schemas['User'], UserJson>;
true satisfies Same<Schemas['Users'], UsersJson>;
true satisfies Same<Schemas['Token'], TokenJson>;
true satisfies Same<Schemas['Tokens'], TokensJson>;
true satisfies Same<Schemas['MadeToken'], MadeTokenJson>;
