import type {
  LoggedInJson,
  LoginJson,
  MadeTokenJson,
  NewTokenJson,
  NewUserJson,
  TokensJson,
  UserChangeJson,
  UserJson,
  UsersJson,
  WhoamiJson,
} from '../core/wire-identity.ts';
import type { Client, Patience, Reply } from './client.ts';

/** The part of the API about who is known. */

export function whoami(client: Client, patience: Patience): Promise<Reply<WhoamiJson>> {
  return client.call('GET', '/api/v2/whoami', patience);
}

export function logIn(client: Client, body: LoginJson, patience: Patience): Promise<Reply<LoggedInJson>> {
  return client.call('POST', '/api/v2/session', patience, body);
}

export function logOut(client: Client, patience: Patience): Promise<Reply<unknown>> {
  return client.call('DELETE', '/api/v2/session', patience);
}

export function listUsers(client: Client, patience: Patience): Promise<Reply<UsersJson>> {
  return client.call('GET', '/api/v2/users', patience);
}

export function addUser(client: Client, body: NewUserJson, patience: Patience): Promise<Reply<{ user: UserJson }>> {
  return client.call('POST', '/api/v2/users', patience, body);
}

export function changeUser(
  client: Client,
  name: string,
  body: UserChangeJson,
  patience: Patience,
): Promise<Reply<{ user: UserJson }>> {
  return client.call('PATCH', `/api/v2/users/${encodeURIComponent(name)}`, patience, body);
}

export function removeUser(client: Client, name: string, patience: Patience): Promise<Reply<unknown>> {
  return client.call('DELETE', `/api/v2/users/${encodeURIComponent(name)}`, patience);
}

export function listTokens(client: Client, patience: Patience): Promise<Reply<TokensJson>> {
  return client.call('GET', '/api/v2/tokens', patience);
}

export function addToken(client: Client, body: NewTokenJson, patience: Patience): Promise<Reply<MadeTokenJson>> {
  return client.call('POST', '/api/v2/tokens', patience, body);
}

export function revokeToken(client: Client, token: string, patience: Patience): Promise<Reply<unknown>> {
  return client.call('DELETE', `/api/v2/tokens/${encodeURIComponent(token)}`, patience);
}
