import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/model.ts';
import { type Config, type ConfigSources, loadConfig, type ServeFlags } from '../../src/daemon/config.ts';
import { formatListen, isLoopback, parseListen } from '../../src/daemon/listen.ts';
import { formatRemark } from '../../src/daemon/remarks.ts';
import { LIMIT_RULES, limitKey } from '../../src/daemon/settings.ts';

interface Given {
  readonly flags?: ServeFlags;
  readonly env?: ConfigSources['env'];
  readonly files?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

function load({ flags = {}, env = {}, files = {}, uid = 1000 }: Given) {
  const host = { uid, home: '/home/me', tmp: '/tmp', cwd: '/work' };
  const readFile = (path: string) => {
    const text = files[path];
    return text === undefined ? ({ type: 'missing' } as const) : ({ type: 'text', text } as const);
  };
  return loadConfig({ flags, env, host, readFile });
}

function config(given: Given): Config {
  const result = load(given);
  if (!result.ok) throw new Error(result.problems.map(formatRemark).join('\n'));
  return result.config;
}

function problems(given: Given): string[] {
  const result = load(given);
  return result.ok ? [] : result.problems.map(formatRemark);
}

const settings = (text: string) => ({ files: { '/work/rentabot.yaml': `resources: {}\n${text}` } });

test('without anything the daemon serves this host alone', () => {
  expect(config({})).toEqual({
    private: false,
    file: null,
    descriptor: null,
    listen: { host: '127.0.0.1', port: 5000 },
    socket: { paths: ['/run/rentabot/rentabot.sock', '/tmp/rentabot-1000/host.sock'], explicit: false },
    data: '/home/me/.local/state/rentabot/serve',
    undeclared: 'refuse',
    drain: 2000,
    auth: null,
    access: {},
    tagRules: [],
    tls: null,
    adminTokenFile: null,
    trustedProxies: [],
    exposure: null,
    log: { format: 'text', level: 'info' },
    limits: { ...DEFAULT_LIMITS, body: 65_536, connections: 25_000, history: 100_000 },
    keepHistory: 30 * 86_400_000,
    facades: {},
    notify: [],
    people: {},
    publicUrl: null,
  });
});

test('the state is where the system wants it', () => {
  expect(config({ uid: 0 }).data).toBe('/var/lib/rentabot');
  expect(config({ env: { STATE_DIRECTORY: '/var/lib/lab' } }).data).toBe('/var/lib/lab');
});

test.each([
  ['https://rentabot.example.org', 'https://rentabot.example.org'],
  ['http://lab:5000/', 'http://lab:5000'],
  ['"https://[::1]:5000"', 'https://[::1]:5000'],
  ['HTTPS://Lab.Example.ORG:443', 'https://lab.example.org'],
])('the board is at %s', (text, url) => {
  expect(config(settings(`public_url: ${text}`)).publicUrl).toBe(url);
});

test.each([
  ['rentabot.example.org', ', found "rentabot.example.org"'],
  ['ftp://lab', ', found "ftp://lab"'],
  ['https://lab/rentabot', ', found "https://lab/rentabot"'],
  ['https://lab/?x=1', ', found "https://lab/?x=1"'],
  // A password is not repeated.
  ['https://alice:hunter2@lab', ''],
])('the board cannot be at %s', (text, found) => {
  expect(problems(settings(`public_url: ${text}`))).toEqual([
    `/work/rentabot.yaml:2:13: public_url: expected https://HOST or http://HOST:PORT, and nothing behind it${found}`,
  ]);
});

test('the configuration cannot be changed', () => {
  const frozen = config(settings('limits: {waiters: 5}\nfacades: {enema: false}'));
  for (const part of [frozen, frozen.limits, frozen.log, frozen.socket, frozen.listen, frozen.facades]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});

describe('the descriptor is', () => {
  const files = {
    '/work/.rentabot.yaml': 'hidden:',
    '/work/rentabot.yaml': 'visible:',
    '/home/me/.rentabot/config.yaml': 'home:',
    '/etc/lab.yaml': 'env:',
    '/work/my/own.yaml': 'flag:',
  };
  const env = { RENTABOT_RESOURCE_DESCRIPTOR: '/etc/lab.yaml' };
  const order = ['/work/my/own.yaml', '/work/.rentabot.yaml', '/work/rentabot.yaml', '/home/me/.rentabot/config.yaml'];

  test('the file of the flag, then that of this folder, of this user, of the environment', () => {
    expect(config({ files, env, flags: { config: 'my/own.yaml' } }).file).toBe('/work/my/own.yaml');
    for (let gone = 1; gone <= order.length; gone += 1) {
      const left = Object.fromEntries(Object.entries(files).filter(([path]) => !order.slice(0, gone).includes(path)));
      const found = config({ files: left, env });
      expect(found.file).toBe(order[gone] ?? '/etc/lab.yaml');
      expect(found.descriptor?.resources).toHaveLength(1);
    }
  });

  test('a mistake if it was named and is not there', () => {
    expect(problems({ flags: { config: 'none.yaml' } })).toEqual(['/work/none.yaml: there is no such file']);
    expect(problems({ env })).toEqual(['/etc/lab.yaml: there is no such file']);
    expect(problems({ flags: { config: '' } })[0]).toMatch(/^--config: expected a path/);
  });

  test('not needed', () => expect(config({ env: { RENTABOT_RESOURCE_DESCRIPTOR: '' } }).file).toBeNull());

  test('a mistake if it cannot be read, and the next one is not taken instead', () => {
    const readFile = (path: string) =>
      path === '/work/.rentabot.yaml'
        ? ({ type: 'unreadable', why: 'no permission to read it' } as const)
        : ({ type: 'text', text: 'a:' } as const);
    const result = loadConfig({
      flags: {},
      env: {},
      host: { uid: 1, home: '/h', tmp: '/tmp', cwd: '/work' },
      readFile,
    });
    expect(result).toMatchObject({
      ok: false,
      problems: [{ where: '/work/.rentabot.yaml', message: 'cannot be used: no permission to read it' }],
    });
  });

  test('told with line and column, together with the mistakes of flags and environment', () => {
    const all = problems({
      ...settings('listen: nowhere\nlog: {format: xml}'),
      env: { RENTABOT_LOG: 'jsn' },
      flags: { listen: '5000' },
    });
    expect(all).toEqual([
      '/work/rentabot.yaml:2:9: listen: expected HOST:PORT, as 127.0.0.1:5000 or [::1]:5000, or none, found "nowhere"',
      '/work/rentabot.yaml:3:15: format in log: expected text or json, found "xml"',
      'RENTABOT_LOG: expected text, json, debug, info, warn, error, found "jsn", did you mean "json"?',
      '--listen: expected HOST:PORT, as 127.0.0.1:5000 or [::1]:5000, or none; the host is missing, found "5000"',
    ]);
  });

  test('worth warnings that do not stop the daemon', () => {
    const result = load({ files: { '/work/rentabot.yaml': 'a: {colour: red}' } });
    expect(result.ok && result.warnings.map(formatRemark)).toEqual([
      '/work/rentabot.yaml:1:5: a has an unknown key "colour"; it is ignored',
    ]);
  });
});

describe('a setting comes from', () => {
  const file = settings('listen: 127.0.0.1:1\nsocket: f.sock\ndata: f\nlog: {format: json, level: warn}');
  const env = {
    RENTABOT_LISTEN: '127.0.0.1:2',
    RENTABOT_SOCKET: 'e.sock',
    RENTABOT_DATA: '~/e',
    RENTABOT_LOG: 'debug',
  };
  const flags = { listen: '127.0.0.1:3', socket: '/g.sock', data: 'g' };
  const pick = ({ listen, socket, data, log }: Config) => [listen?.port, socket?.paths, socket?.explicit, data, log];

  test('the file', () => {
    const log = { format: 'json', level: 'warn' };
    expect(pick(config(file))).toEqual([1, ['/work/f.sock'], true, '/work/f', log]);
  });

  test('the environment before the file', () => {
    const log = { format: 'json', level: 'debug' };
    expect(pick(config({ ...file, env }))).toEqual([2, ['/work/e.sock'], true, '/home/me/e', log]);
  });

  test('the flags before all', () => {
    const log = { format: 'json', level: 'debug' };
    expect(pick(config({ ...file, env, flags }))).toEqual([3, ['/g.sock'], true, '/work/g', log]);
  });

  test('the default where a variable is empty', () => {
    const empty = { RENTABOT_LISTEN: '', RENTABOT_SOCKET: '', RENTABOT_DATA: '', RENTABOT_LOG: '' };
    expect(config({ env: empty })).toEqual(config({}));
  });
});

test('every setting of a file counts', () => {
  const text = [
    'undeclared: create',
    'drain: 5s',
    'auth: none',
    'listen: 0.0.0.0:80',
    'socket: none',
    'limits: {waiters: 10, remembered_for: 2h, silence: 10s, body: 1024}',
    'history: {keep: 7d, events: 500}',
    'facades: {enema: false, rent-a-bot: {expose_tokens: true, claim_window: 2m}, releng-hardware: true}',
  ];
  const { undeclared, drain, auth, listen, socket, limits, keepHistory, facades } = config(settings(text.join('\n')));
  expect({ undeclared, drain, auth, listen, socket, keepHistory, facades }).toEqual({
    undeclared: 'create',
    drain: 5000,
    auth: 'none',
    listen: { host: '0.0.0.0', port: 80 },
    socket: null,
    keepHistory: 7 * 86_400_000,
    facades: { enema: false, 'rent-a-bot': { exposeTokens: true, claimWindow: 120_000 }, 'releng-hardware': {} },
  });
  expect(limits).toEqual({
    ...config({}).limits,
    waiters: 10,
    rememberedFor: 7_200_000,
    silence: 10_000,
    body: 1024,
    history: 500,
  });
});

test.each([
  ['0', 0],
  ['250ms', 250],
  ['1h', 3_600_000],
])('a drain of %s is fine', (text, drain) => {
  expect(config(settings(`drain: ${text}`)).drain).toBe(drain);
});

test.each([
  ['soon', 'drain: expected a duration as 90, 5m or 1h30m, found "soon"'],
  ['-1', 'drain: expected a duration as 90, 5m or 1h30m, found -1'],
  ['3601', 'drain: expected 0 to 3600 seconds, found 3601'],
])('a drain of %s is a mistake with its place', (text, message) => {
  const result = load(settings(`drain: ${text}`));
  expect(result).toMatchObject({ ok: false, problems: [{ message, line: 2, column: 8 }] });
});

test('the number of events may stand with the limits, or with the history', () => {
  expect(config(settings('limits: {history: 7}')).limits.history).toBe(7);
  const both = load(settings('limits: {history: 7}\nhistory: {events: 8}'));
  expect(both.ok && [both.config.limits.history, both.warnings.length]).toEqual([8, 1]);
});

describe('every limit', () => {
  test.each(Object.entries(LIMIT_RULES))('%s can be set from its least to its most, and no further', (name, rule) => {
    const written = (value: number) => (rule.span ? `${value / 1000}` : `${value}`);
    const at = (value: number) => settings(`limits: {${limitKey(name)}: ${written(value)}}`);
    expect(config(at(rule.min)).limits).toMatchObject({ [name]: rule.min });
    expect(config(at(rule.max)).limits).toMatchObject({ [name]: rule.max });
    expect(problems(at(rule.max + 1000))).toHaveLength(1);
    expect(problems(at(rule.min - 1))).toHaveLength(1);
    expect(rule.default).toBeGreaterThanOrEqual(rule.min);
    expect(rule.default).toBeLessThanOrEqual(rule.max);
  });

  test('of resources holds for the file too', () => {
    const files = { '/work/rentabot.yaml': 'limits: {resources: 1}\nresources: {a: , b: }\n' };
    expect(problems({ files })).toEqual([
      '/work/rentabot.yaml: 2 resources are more than the limit of 1; raise "resources" in "limits"',
    ]);
  });
});

describe('a daemon that everybody on the network could use', () => {
  test.each(['0.0.0.0:5000', '[::]:5000', '*:5000', '192.168.1.5:5000', 'lab.example.org:80', '127.evil.org:80'])(
    'is refused on %s as long as it knows nobody, and told what to do',
    (listen) => {
      const told =
        'would let everybody on the network take and release everything: listen on 127.0.0.1 and add somebody first (`rentabot user add NAME --role admin`), or name a file with the token of an admin (`--admin-token-file`), or write "auth: none"';
      const sources = [{ flags: { listen } }, { env: { RENTABOT_LISTEN: listen } }, settings(`listen: "${listen}"`)];
      const places = ['--listen: ', 'RENTABOT_LISTEN: ', '/work/rentabot.yaml:2:9: '];
      for (const [i, source] of sources.entries()) {
        const { exposure } = config(source);
        const problem = exposure && formatRemark(exposure);
        expect(problem?.startsWith(`${places[i]}listening on `)).toBe(true);
        expect(problem).toContain(told);
      }
    },
  );

  test('is allowed where somebody says so', () => {
    expect(config({ ...settings('auth: none'), flags: { listen: '0.0.0.0:80' } }).exposure).toBe(null);
    expect(config({ flags: { listen: '0.0.0.0:80', auth: 'none' } })).toMatchObject({ auth: 'none', exposure: null });
    expect(problems({ flags: { auth: 'nobody' } })).toEqual(['--auth: expected none, found "nobody"']);
  });

  test.each(['127.0.0.1:0', '127.1.2.3:80', '[::1]:80', 'localhost:80', '[::ffff:127.0.0.1]:80', 'none'])(
    'is not one on %s',
    (listen) => expect(config({ flags: { listen } }).exposure).toBe(null),
  );
});

test('a daemon that nobody could reach is refused', () => {
  expect(problems({ flags: { listen: 'none', socket: 'none' } })).toEqual([
    'listen: with "listen: none" and "socket: none" nobody could reach the daemon; give one of them',
  ]);
});

describe('a private daemon', () => {
  const env = {
    XDG_RUNTIME_DIR: '/run/user/1000',
    RENTABOT_LISTEN: '0.0.0.0:80',
    RENTABOT_SOCKET: '/x.sock',
    RENTABOT_DATA: '/x',
    RENTABOT_LOG: 'json',
    RENTABOT_RESOURCE_DESCRIPTOR: '/etc/none.yaml',
    RENTABOT_ADMIN_TOKEN_FILE: '/etc/admin-token',
  };

  test('stands where its clients look for it, whatever the environment says for others', () => {
    const files = { '/work/rentabot.yaml': 'a:' };
    expect(config({ flags: { private: true }, env, files })).toMatchObject({
      private: true,
      file: null,
      listen: null,
      socket: { paths: ['/run/user/1000/rentabot/private.sock'], explicit: true },
      data: '/home/me/.local/state/rentabot/private',
      undeclared: 'create',
      adminTokenFile: null,
      log: { format: 'json', level: 'info' },
    });
  });
});

test('the file with the token of an admin is named by the flag, else the variable, else the file', () => {
  const given = settings('admin_token_file: token');
  const env = { RENTABOT_ADMIN_TOKEN_FILE: '/env' };
  expect(config(given).adminTokenFile).toBe('/work/token');
  expect(config({ ...given, env }).adminTokenFile).toBe('/env');
  expect(config({ ...given, env, flags: { adminTokenFile: 'flag' } }).adminTokenFile).toBe('/work/flag');
  expect(problems({ flags: { adminTokenFile: '' } })).toEqual(['--admin-token-file: expected a path, found nothing']);
});

test.each<[string, string | null]>([
  ['127.0.0.1:5000', '127.0.0.1:5000'],
  ['[::1]:0', '[::1]:0'],
  ['[fe80::1%eth0]:80', '[fe80::1%eth0]:80'],
  ['localhost:65535', 'localhost:65535'],
  ['*:80', '[::]:80'],
  [':5000', null],
  ['5000', null],
  ['::1:5000', null],
  ['host', null],
  ['host:', null],
  ['host:65536', null],
  ['host:-1', null],
  ['host:080x', null],
  ['http://host:80', null],
  ['a b:80', null],
  ['', null],
])('%j as an address to listen on', (text, written) => {
  const listen = parseListen(text);
  expect(typeof listen === 'string' ? null : formatListen(listen)).toBe(written);
});

test('only addresses of this host are loopback', () => {
  const here = ['localhost', 'LOCALHOST', '127.0.0.1', '127.255.0.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'];
  const elsewhere = ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.org', 'localhost.evil.org', '::2', '1::1', '127.0.0'];
  expect(here.filter((host) => !isLoopback(host))).toEqual([]);
  expect(elsewhere.filter(isLoopback)).toEqual([]);
});

describe('the way to the daemon', () => {
  test('may be encrypted, with files named beside the configuration or by flags, and behind proxies', () => {
    const text = 'tls: {cert: cert.pem, key: /etc/key.pem}\ntrusted_proxies: [10.0.0.0/8, unix]';
    expect(config(settings(text)).tls).toEqual({ cert: '/work/cert.pem', key: '/etc/key.pem' });
    expect(config(settings(text)).trustedProxies).toEqual(['10.0.0.0/8', 'unix']);
    const flags = { tlsKey: 'other.pem' };
    expect(config({ ...settings(text), flags }).tls).toEqual({ cert: '/work/cert.pem', key: '/work/other.pem' });
    expect(problems({ flags })).toEqual(['--tls-key: tls has a key and no cert; give both, --tls-cert and --tls-key']);
    expect(problems(settings('tls: {cert: a}'))).toHaveLength(1);
    expect(problems(settings('trusted_proxies: [proxy.example]'))).toHaveLength(1);
  });
});

describe('who may do what', () => {
  test('is read as it stands, with what nobody said left open', () => {
    const text = [
      'access: {steal: user, offline: user}',
      'rules:',
      '  - {tag: prod, who: [alice, "ci-*", role:user], max_priority: 50, max_hold: 2h, at_once: 2}',
      '  - {tag: gpu, who: bob}',
      '  - tag: gpu',
    ].join('\n');
    const { access, tagRules } = config(settings(text));
    expect(access).toEqual({ steal: 'user', offline: 'user' });
    const open = { maxPriority: null, maxHold: null, atOnce: null };
    expect(tagRules).toEqual([
      { tag: 'prod', who: ['alice', 'ci-*', 'role:user'], maxPriority: 50, maxHold: 7_200_000, atOnce: 2 },
      { tag: 'gpu', who: ['bob'], ...open },
      { tag: 'gpu', who: ['*'], ...open },
    ]);
  });

  test.each([
    ['access: {steel: user}', 'access has no setting "steel", did you mean "steal"?'],
    ['access: {steal: viewer}', 'steal in access: expected user or admin'],
    ['rules: {tag: prod}', 'rules: expected a list of rules'],
    ['rules: [prod]', 'rule 1: expected a map with a tag'],
    ['rules: [{who: alice}]', 'rule 1: expected a tag'],
    ['rules: [{tag: "a b"}]', 'tag of rule 1: '],
    ['rules: [{tag: a}, {tag: prod, whom: alice}]', 'rule 2 has no key "whom", did you mean "who"?'],
    ['rules: [{tag: prod, who: role:users}]', 'did you mean "role:user"?'],
    ['rules: [{tag: prod, who: [""]}]', 'who of rule 1: expected names'],
    ['rules: [{tag: prod, max_hold: soon}]', 'max_hold of rule 1: expected a duration'],
    ['rules: [{tag: prod, max_priority: 1001}]', 'max_priority of rule 1: expected a whole number from 0 to 1000'],
  ])('with a mistake says what: %s', (text, message) => {
    expect(problems(settings(text)).join('\n')).toContain(message);
  });
});
