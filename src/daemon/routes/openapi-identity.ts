import type { LoggedInJson, TokenJson, UserJson, WhoamiJson } from '../../core/wire-identity.ts';
import { BODY_PROBLEMS, type Operation, type Problem } from './openapi-operation.ts';

const PASSWORD = 'correct-horse-battery';
const user: UserJson = { name: 'alice', role: 'admin', mail: null, created: '2026-01-31T12:00:00.000Z' };
const token: TokenJson = {
  id: '01JD3X6T8Q5W0Z9Y7R2M4K1N3B',
  name: 'nightly',
  role: 'user',
  owner: '',
  login: false,
  created: '2026-01-31T12:00:00.000Z',
  createdBy: 'alice',
  expires: '2026-05-01T12:00:00.000Z',
  lastUsed: null,
};
const loggedIn: LoggedInJson = {
  name: 'alice',
  role: 'admin',
  token: 'rb_mint-one-with-rentabot-token-cre',
  csrf: null,
  expires: '2026-05-01T12:00:00.000Z',
};
const whoami: WhoamiJson = { name: 'alice', role: 'admin', identities: true, csrf: null };

const NO_USER: Problem = { code: 'not-found', when: 'no user has this name' };
const LAST: Problem = { code: 'conflict', when: 'nobody would be left who is an admin' };
const ONE = { schemas: ['OneUser'], example: { user } } as const;
const PAGE = { 'text/html': 'A page.' };

/** Users, tokens and sessions. */
export const IDENTITY_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/v2/users',
    operationId: 'addUser',
    tag: 'identity',
    summary: 'Add somebody with a password',
    description: 'The first has to be an admin. From then on the daemon answers only those it knows.',
    body: 'NewUser',
    answers: [{ status: 200, when: 'They are known.', ...ONE }],
    problems: [
      ...BODY_PROBLEMS,
      { code: 'usage', status: 422, when: 'the first is no admin, or the name or the password will not do' },
      { code: 'conflict', when: 'a user or a token has this name' },
      { code: 'limit', when: 'there are too many, or too many passwords to work on' },
    ],
    calls: [
      { label: 'The first', path: '/api/v2/users', body: { name: 'alice', role: 'admin', password: PASSWORD } },
      { label: 'Another', path: '/api/v2/users', body: { name: 'bob', role: 'user', password: PASSWORD } },
    ],
  },
  {
    method: 'get',
    path: '/api/v2/users',
    operationId: 'listUsers',
    tag: 'identity',
    summary: 'All users',
    description: 'Without their passwords, of which nobody keeps more than a hash.',
    answers: [{ status: 200, when: 'The users.', schemas: ['Users'], example: { users: [user] } }],
    calls: [{ label: 'List', path: '/api/v2/users' }],
  },
  {
    method: 'patch',
    path: '/api/v2/users/:user',
    operationId: 'changeUser',
    tag: 'identity',
    summary: 'Change a role, a password or a mail address',
    description:
      'Everybody may change their own password, with the one until now, and their mail address. A new password ends every other session and login.',
    body: 'UserChange',
    answers: [{ status: 200, when: 'It is changed.', ...ONE }],
    problems: [...BODY_PROBLEMS, NO_USER, LAST, { code: 'limit', when: 'too many wrong passwords' }],
    calls: [{ label: 'A viewer', path: '/api/v2/users/bob', body: { role: 'viewer' } }],
  },
  {
    method: 'delete',
    path: '/api/v2/users/:user',
    operationId: 'removeUser',
    tag: 'identity',
    summary: 'Remove a user',
    description: 'With their sessions and tokens. What they hold stays until it ends.',
    answers: [{ status: 204, when: 'They are gone.' }],
    problems: [NO_USER, LAST],
    calls: [{ label: 'Remove', path: '/api/v2/users/bob' }],
  },
  {
    method: 'post',
    path: '/api/v2/session',
    operationId: 'login',
    tag: 'identity',
    summary: 'Log in',
    description:
      'Sets a cookie for a browser, or answers with a token for a command line. The form of `/login` is sent here as well, and answered with a page. Wrong passwords are counted by name and address for 15 minutes.',
    body: 'Login',
    answers: [
      { status: 200, when: 'Logged in.', schemas: ['LoggedIn'], example: loggedIn, text: PAGE },
      { status: 303, when: 'Logged in, by a form.' },
    ],
    problems: [...BODY_PROBLEMS, { code: 'limit', when: 'too many wrong passwords' }],
    calls: [
      {
        label: 'For a command line',
        path: '/api/v2/session',
        body: { name: 'alice', password: PASSWORD, for: 'cli' },
      },
    ],
  },
  {
    method: 'delete',
    path: '/api/v2/session',
    operationId: 'logout',
    tag: 'identity',
    summary: 'Log out',
    description: 'Ends the session, or the token that a login made.',
    answers: [{ status: 204, when: 'Logged out.' }],
    calls: [{ label: 'Log out', path: '/api/v2/session' }],
  },
  {
    method: 'get',
    path: '/api/v2/whoami',
    operationId: 'whoAmI',
    tag: 'identity',
    summary: 'Who am I?',
    description: 'On a daemon that knows nobody everybody is an admin without a name.',
    answers: [{ status: 200, when: 'Who asks.', schemas: ['Whoami'], example: whoami }],
    calls: [{ label: 'Ask', path: '/api/v2/whoami' }],
  },
  {
    method: 'post',
    path: '/api/v2/tokens',
    operationId: 'addToken',
    tag: 'identity',
    summary: 'Make a token',
    description:
      "An admin's stands for itself, by its name. Anybody else's is `user/name`, and may do no more than its owner. The secret is in this answer and nowhere else.",
    body: 'NewToken',
    answers: [{ status: 200, when: 'It is made.', schemas: ['MadeToken'], example: { secret: loggedIn.token, token } }],
    problems: [
      ...BODY_PROBLEMS,
      { code: 'conflict', when: 'a user or a token has this name' },
      { code: 'limit', when: 'there are too many' },
    ],
    calls: [{ label: 'For CI', path: '/api/v2/tokens', body: { name: 'nightly', role: 'user', for: 7_776_000 } }],
  },
  {
    method: 'get',
    path: '/api/v2/tokens',
    operationId: 'listTokens',
    tag: 'identity',
    summary: 'The tokens',
    description: "One's own; an admin sees all.",
    answers: [{ status: 200, when: 'The tokens.', schemas: ['Tokens'], example: { tokens: [token] } }],
    calls: [{ label: 'List', path: '/api/v2/tokens' }],
  },
  {
    method: 'delete',
    path: '/api/v2/tokens/:token',
    operationId: 'revokeToken',
    tag: 'identity',
    summary: 'Revoke a token',
    description: 'It is worth nothing from this moment on, and streams that were opened with it end.',
    answers: [{ status: 204, when: 'It is revoked.' }],
    problems: [{ code: 'not-found', when: 'there is no such token' }, LAST],
    calls: [{ label: 'Revoke', path: '/api/v2/tokens/nightly' }],
  },
  {
    method: 'get',
    path: '/login',
    operationId: 'readLoginPage',
    tag: 'identity',
    summary: 'The page to log in',
    description: 'A plain form that needs no script.',
    answers: [{ status: 200, when: 'The page.', text: PAGE }],
    calls: [{ label: 'Read', path: '/login' }],
  },
  {
    method: 'get',
    path: '/logout',
    operationId: 'readLogoutPage',
    tag: 'identity',
    summary: 'The page to log out',
    description: 'Says who one is, with a button.',
    answers: [{ status: 200, when: 'The page.', text: PAGE }],
    calls: [{ label: 'Read', path: '/logout' }],
  },
  {
    method: 'post',
    path: '/logout',
    operationId: 'logoutByForm',
    tag: 'identity',
    summary: 'What the button of that page does',
    description: 'Ends the session, and leads back to `/login`.',
    answers: [{ status: 303, when: 'Logged out.' }],
    calls: [{ label: 'Log out', path: '/logout' }],
  },
];
