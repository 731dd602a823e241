import type { KnownRole } from './identity.ts';
import type { Role } from './model.ts';

/** The JSON about who is known. Passwords and tokens go in; a token comes out once, when it is made. */

/** The body of `POST /api/v2/session`. */
export interface LoginJson {
  name: string;
  password: string;
  /** `cli`: a token in the answer, in the place of a cookie. */
  for?: 'browser' | 'cli' | null;
}

export interface LoggedInJson {
  name: string;
  role: KnownRole;
  /** For a command line. */
  token: string | null;
  /** For a browser: to be sent back as `x-rentabot-csrf` with whatever changes something. */
  csrf: string | null;
  expires: string;
}

export interface WhoamiJson {
  /** Empty on an open daemon, and for who has not said it. */
  name: string;
  role: Role;
  /** Whether the daemon knows anybody; else whoever can connect is an admin. */
  identities: boolean;
  csrf: string | null;
}

export interface UserJson {
  name: string;
  role: KnownRole;
  mail: string | null;
  created: string;
}

export interface UsersJson {
  users: UserJson[];
}

/** The body of `POST /api/v2/users`. */
export interface NewUserJson {
  name: string;
  role: KnownRole;
  password: string;
  mail?: string | null;
}

/** The body of `PATCH /api/v2/users/{name}`: what is absent stays. */
export interface UserChangeJson {
  role?: KnownRole;
  password?: string;
  /** The password until now; an admin who changes somebody else's needs none. */
  current?: string;
  mail?: string | null;
}

export interface TokenJson {
  id: string;
  name: string;
  role: KnownRole;
  /** The user it belongs to; empty for one that stands for itself. */
  owner: string;
  /** Made by a login. */
  login: boolean;
  created: string;
  createdBy: string;
  expires: string | null;
  lastUsed: string | null;
}

export interface TokensJson {
  tokens: TokenJson[];
}

/** The body of `POST /api/v2/tokens`. */
export interface NewTokenJson {
  name: string;
  role: KnownRole;
  /** Seconds until it expires; null for never. */
  for?: number | null;
}

export interface MadeTokenJson {
  /** Told this once. */
  secret: string;
  token: TokenJson;
}
