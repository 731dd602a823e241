import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseDuration } from '../../src/core/duration.ts';
import { allRoutes } from '../../src/daemon/app.ts';
import { loadConfig } from '../../src/daemon/config.ts';
import { DRAIN_MS } from '../../src/daemon/server.ts';
import { Account, isAlive, makeFolder, type Result, type Run, until } from '../support/cli.ts';
import { startDaemon } from '../support/daemon.ts';
import { checkedOut, type Image, isIgnored, play, readDockerfile, runtimePackages } from './support/dockerfile.ts';
import { blocksOf, ROOT, readDocument } from './support/markdown.ts';

/**
 * No engine runs here, so the Dockerfile is played: its steps in folders, and what it makes as a process of this machine.
 * What is inside of a container at `/` is in the folder of the image then.
 */
const DOCKERFILE = readDocument('examples/docker/Dockerfile');
const IGNORE = readDocument('examples/docker/Dockerfile.dockerignore');
const compose = parse(readDocument('examples/docker/compose.yaml'));
const objects = (name: string) =>
  parseAllDocuments(readDocument(`examples/kubernetes/${name}`)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
const manifests = objects('rentabot.yaml');
const of = (kind: string) => manifests.find((one) => one.kind === kind);
const [job] = objects('job.yaml');
const [ingress] = objects('ingress.yaml');
const pod = of('StatefulSet').spec.template.spec;
const [container] = pod.containers;

const TOKEN = '9d1c3b7f5a2e8046'.repeat(4);
/** From TERM to the end: the answers under way, and what is written after them. */
const LEAVES_MS = DRAIN_MS + 1000;

let account: Account;
let image: Image;
beforeAll(async () => {
  account = await Account.make();
  image = play(DOCKERFILE, IGNORE, makeFolder());
}, 120_000);

/** Where a path of the container is on this machine. */
const inside = (path: string) => join(image.root, path);

/** Variables of a container, with paths as this machine has them. */
function variables(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const given = { ...image.env, ...more };
  const mapped = Object.entries(given).map(([name, value]) => [
    name,
    value.replace(/^(unix:)?(\/.*)$/, (_, scheme = '', path) => scheme + inside(path)),
  ]);
  const PATH = `${inside('/usr/local/bin')}:${process.env.PATH}`;
  // Nobody maps ports here: each gets a free one.
  const listen = (given.RENTABOT_LISTEN ?? '').replace(/:\d+$/, ':0');
  return { ...Object.fromEntries(mapped), PATH, RENTABOT_LISTEN: listen, TMPDIR: inside('/tmp') };
}

/** `docker run`: the entry point with the image's own command, or with another. */
function runImage(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  mkdirSync(inside('/tmp'), { recursive: true });
  const { workdir, entrypoint } = image;
  return account.spawn([...entrypoint, ...args], { env: variables(env), cwd: inside(workdir) });
}

/** `docker exec`: any program, with the image's variables. */
function exec(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> {
  return account.spawn(argv, { env: variables(env), cwd: inside(image.workdir) }).ended;
}

function mount(path: string, text: string): void {
  mkdirSync(join(inside(path), '..'), { recursive: true });
  writeFileSync(inside(path), text);
}

let daemons: Run[] = [];
beforeEach(() => {
  rmSync(inside(image.env.RENTABOT_DATA ?? ''), { recursive: true, force: true });
});
afterEach(async () => {
  // Where a test failed before it had stopped it.
  for (const daemon of daemons) daemon.kill('SIGKILL');
  for (const daemon of daemons) await daemon.ended;
  daemons = [];
});

async function up(env: Readonly<Record<string, string>>): Promise<{ daemon: Run; url: string }> {
  const daemon = runImage(image.cmd, env);
  daemons.push(daemon);
  await daemon.said('\n');
  return { daemon, url: daemon.out.replace('listening on ', '').trim().replace('0.0.0.0', '127.0.0.1') };
}

async function down(daemon: Run): Promise<void> {
  const began = performance.now();
  daemon.kill('SIGTERM');
  expect((await daemon.ended).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(LEAVES_MS);
}

describe('the Dockerfile', () => {
  const { args, stages } = readDockerfile(DOCKERFILE);
  const all = stages.flatMap(({ instructions }) => instructions);
  const runtime = stages.at(-1)?.instructions ?? [];

  test('is built and run with one release of Node, which is supported, on one Debian', () => {
    const supported = /^# 4\. Node (.*)$/m.exec(readDocument('docs/decisions/0004-node-versions.md'))?.[1] ?? '';
    expect(supported.match(/\d+/g)).toContain(args.get('NODE'));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the Dockerfile's own
    expect(stages.map(({ from }) => from)).toEqual(['node:${NODE}-bookworm', 'node:${NODE}-bookworm-slim']);
  });

  test('copies what a clean checkout has, and nothing that is kept from it', () => {
    const files = checkedOut();
    const sources = all
      .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
      .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
    expect(sources.length).toBeGreaterThan(6);
    for (const source of sources) {
      const found = files.filter((path) => path === source || path.startsWith(`${source}/`));
      expect(found, source).not.toEqual([]);
      expect(found.filter((path) => isIgnored(path, IGNORE))).toEqual([]);
    }
    const kept = [
      'node_modules/hono/package.json',
      'dist/cli.cjs',
      'examples/docker/secrets/admin-token',
      '.git/config',
    ];
    expect(kept.filter((path) => !isIgnored(path, IGNORE))).toEqual([]);
  });

  test("gives the data to the user that it runs as, in the image's only volume", () => {
    const [uid = '', gid = ''] = image.user.split(':');
    expect([Number(uid) > 1000, gid]).toEqual([true, uid]);
    const made = runtime.find(({ name }) => name === 'RUN')?.rest ?? '';
    expect(made).toContain(`groupadd --system --gid ${gid} `);
    expect(made).toContain(`useradd --system --uid ${uid} --gid ${gid} `);
    expect(made).toContain(`install -d -o ${uid} -g ${gid} -m 0700 ${image.volumes[0]} `);
    expect(image.volumes).toHaveLength(1);
    expect(image.env.RENTABOT_DATA?.startsWith(`${image.volumes[0]}/`)).toBe(true);
    expect(image.env.RENTABOT_URL).toBe(`unix:${image.env.RENTABOT_DATA}/admin.sock`);
  });

  test('brings what `npm ci --omit=dev` installs, and nothing else', () => {
    const packages = readdirSync(inside('/opt/rentabot/node_modules'));
    expect(packages).toContain('better-sqlite3');
    expect(packages).not.toContain('typescript');
    const top = new Set(runtimePackages().map((path) => path.split('/')[1]));
    expect(new Set(packages)).toEqual(top);
    const { dependencies, optionalDependencies } = JSON.parse(readDocument('package.json'));
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
      expect(existsSync(inside(`/opt/rentabot/node_modules/${name}/package.json`)), name).toBe(true);
  });

  test('has no secret in it, and no variable that the program does not know', () => {
    const documented = readDocument('docs/configuration.md') + readDocument('docs/cli.md');
    const names = [...Object.keys(image.env), ...Object.keys(compose.services.rentabot.environment)];
    const ours = [...names, ...container.env.map(({ name }: { name: string }) => name)].filter((name) =>
      name.startsWith('RENTABOT_'),
    );
    expect(ours.filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
    expect(all.filter(({ rest }) => /RENTABOT_TOKEN|admin-token|secret/i.test(rest))).toEqual([]);
  });
});

describe('the image', () => {
  const ADMIN = compose.services.rentabot.environment;
  const file = ADMIN.RENTABOT_ADMIN_TOKEN_FILE;

  test('starts nothing that is open to everybody', async () => {
    const { code, err } = await runImage(image.cmd).ended;
    expect([code, err]).toEqual([78, expect.stringContaining('--admin-token-file')]);
  });

  test('as Compose runs it comes up closed, is healthy, serves a job, and keeps all that over a restart', async () => {
    mount(file, TOKEN);
    mount('/etc/rentabot/rentabot.yaml', readDocument('examples/docker/config/rentabot.yaml'));
    expect((await exec(image.healthcheck)).code).toBe(1);
    const before = readdirSync(image.root, { recursive: true });
    const { daemon, url } = await up(ADMIN);
    expect((await exec(image.healthcheck)).code).toBe(0);
    const stranger = await exec(['rentabot', 'status'], { RENTABOT_URL: url });
    expect(stranger.code).toBe(77);
    const admin = { RENTABOT_URL: url, RENTABOT_TOKEN: TOKEN };
    expect((await exec(['rentabot', 'whoami'], admin)).out).toBe(`file admin (admin) at ${url}\n`);
    const claimed = await exec(['rentabot', 'claim', 'staging', '--for', '1h'], admin);
    expect([claimed.code, claimed.err]).toEqual([0, expect.stringContaining('staging')]);

    // docker compose exec -T rentabot rentabot token create ci --role user > secrets/ci-token
    const created = await exec(['rentabot', 'token', 'create', 'ci', '--role', 'user']);
    expect(created.code).toBe(0);
    mount('/run/secrets/ci-token', created.out);
    expect(await playJob(composeJob(), url)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^testing board-\d at ssh/),
    });
    await down(daemon);

    const again = await up(ADMIN);
    const { out } = await exec(['rentabot', 'status', '--json'], { RENTABOT_URL: again.url, RENTABOT_TOKEN: TOKEN });
    const held = JSON.parse(out).resources.filter(({ state }: { state: string }) => state === 'held');
    expect(held.map(({ name }: { name: string }) => name)).toEqual(['staging']);
    await down(again.daemon);
    for (const { out: said, err } of [daemon, again.daemon]) expect(said + err).not.toContain(TOKEN);

    // The root file system is read-only: nothing is written but in the volume. The job's token was mounted by us.
    rmSync(inside('/run/secrets/ci-token'));
    rmSync(inside(image.env.RENTABOT_DATA ?? ''), { recursive: true });
    expect(readdirSync(image.root, { recursive: true })).toEqual(before);
    expect(readdirSync(inside('/tmp'))).toEqual([]);
  });

  test('ends the job and gives the board back when its container is stopped', async () => {
    mount(file, TOKEN);
    mount('/etc/rentabot/rentabot.yaml', of('ConfigMap').data['rentabot.yaml']);
    const { daemon, url } = await up(ADMIN);
    const { out } = await exec(['rentabot', 'token', 'create', 'ci', '--role', 'user']);
    mount('/run/secrets/ci-token', out);
    const [shell, script] = composeJob();
    const slow = script.replace(/-- sh -c '.*'/, () => `-- sh -c 'echo "pid $$"; exec sleep 60'`);
    const running = account.spawn([...shell, hosted(slow)], { env: variables({ RENTABOT_URL: url }) });
    await running.said(/pid \d+\n/);
    const pid = Number(/pid (\d+)/.exec(running.out)?.[1]);
    // Some shells become their last command by themselves; not all do, and the container's first process gets the signal.
    for (const text of [script, job.spec.template.spec.containers[0].args[0]])
      expect(text).toMatch(/^exec rentabot lock /m);
    running.kill('SIGTERM');
    await running.ended;
    expect(isAlive(pid)).toBe(false);
    await until('the board is free', async () => {
      const status = await exec(['rentabot', 'status', '--json']);
      return JSON.parse(status.out).resources.every(({ state }: { state: string }) => state === 'free');
    });
    await down(daemon);
  });

  test('as Kubernetes runs it, with the token where the manifest mounts it, serves its job', async () => {
    const [variable] = container.env;
    mount(variable.value, TOKEN);
    mount('/etc/rentabot/rentabot.yaml', of('ConfigMap').data['rentabot.yaml']);
    const { daemon, url } = await up({ [variable.name]: variable.value });
    const admin = { RENTABOT_URL: url, RENTABOT_TOKEN: TOKEN };
    const { out } = await exec(['rentabot', 'token', 'create', 'ci', '--role', 'user'], admin);
    const [test0] = job.spec.template.spec.containers;
    mount(`${test0.volumeMounts[0].mountPath}/ci-token`, out);
    const ran = await playJob([test0.command, test0.args[0]], url);
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^testing board-\d at ssh/) });
    await down(daemon);
  });

  test('makes a backup as docs/operations.md says, while the daemon runs', async () => {
    mount(file, TOKEN);
    const { daemon } = await up(ADMIN);
    const block = blocksOf(readDocument('docs/operations.md')).find(({ text }) => text.includes('docker compose exec'));
    const commands = (block?.text ?? '')
      .replaceAll(' /opt/', ` ${image.root}/opt/`)
      .replaceAll('/opt/rentabot', inside('/opt/rentabot'));
    // `docker compose exec -T rentabot COMMAND`
    const script = `docker() { shift 4; "$@"; }\ncd ${account.work}\n${commands.replaceAll('/tmp/backup.db', inside('/tmp/backup.db'))}`;
    const made = await exec(['sh', '-euc', script]);
    expect(made).toMatchObject({ code: 0 });
    await down(daemon);
    const [name = ''] = readdirSync(account.work).filter((one) => /^rentabot-\d{4}-\d\d-\d\d\.db$/.test(one));
    expect(existsSync(inside('/tmp/backup.db'))).toBe(false);
    // It is put back as the documents say, and knows the admin.
    const data = inside(image.env.RENTABOT_DATA ?? '');
    for (const old of readdirSync(data)) if (old.startsWith('rentabot.db')) rmSync(join(data, old));
    writeFileSync(join(data, 'rentabot.db'), readFileSync(join(account.work, name)));
    const restored = await up({});
    const who = await exec(['rentabot', 'whoami'], { RENTABOT_URL: restored.url, RENTABOT_TOKEN: TOKEN });
    expect(who.out).toContain('file admin (admin)');
    await down(restored.daemon);
  });
});

/** Compose makes one `$` of two. */
function composeJob(): readonly [readonly string[], string] {
  const { entrypoint, command } = compose.services.job;
  expect(command.join('').replaceAll('$$', '')).not.toContain('$');
  return [entrypoint, command[0].replaceAll('$$', '$')];
}

/** Paths of secrets as this machine has them. */
function hosted(script: string): string {
  return script.replaceAll('/run/secrets/', inside('/run/secrets/'));
}

function playJob([shell, script]: readonly [readonly string[], string], url: string): Promise<Result> {
  return account.spawn([...shell, hosted(script)], { env: variables({ RENTABOT_URL: url }) }).ended;
}

const seconds = (text: string): number => Number(parseDuration(text)) / 1000;

/** `--grace` of a lock that does not say. */
function graceSeconds(): number {
  const { stdout } = spawnSync(process.execPath, [join(ROOT, 'bin/rentabot.js'), 'lock', '--help'], {
    encoding: 'utf8',
  });
  return seconds(/--grace <dur>[^(]*\(default: (\S+)\)/.exec(stdout)?.[1] ?? '');
}

describe('compose.yaml', () => {
  const { rentabot, job: client } = compose.services;

  test('builds the image from the checkout, and runs it as it says', () => {
    const context = join(ROOT, 'examples/docker', rentabot.build.context);
    expect(join(context, rentabot.build.dockerfile)).toBe(join(ROOT, 'examples/docker/Dockerfile'));
    expect(client.image).toBe(rentabot.image);
    const volume = rentabot.volumes[0].split(':');
    expect([Object.keys(compose.volumes), volume[1]]).toEqual([[volume[0]], image.volumes[0]]);
    expect(rentabot.volumes[1]).toBe(`./config:${image.workdir}:ro`);
    expect(loadConfig(described(readDocument('examples/docker/config/rentabot.yaml')))).toMatchObject({
      ok: true,
      warnings: [],
    });
  });

  test('publishes the port of the image for this host alone', () => {
    const [port] = image.ports;
    expect(image.env.RENTABOT_LISTEN).toBe(`0.0.0.0:${port}`);
    expect(rentabot.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(client.environment.RENTABOT_URL).toBe(`http://rentabot:${port}`);
  });

  test('gives each service the secrets that it reads, from files that are no part of the checkout', () => {
    const read = (text: string) => [...text.matchAll(/\/run\/secrets\/([\w-]+)/g)].map(([, name]) => name);
    expect(read(JSON.stringify(rentabot.environment))).toEqual(rentabot.secrets);
    expect(read(client.command.join())).toEqual(client.secrets);
    expect(Object.keys(compose.secrets).sort()).toEqual([...rentabot.secrets, ...client.secrets].sort());
    const secrets: readonly { readonly file: string }[] = Object.values(compose.secrets);
    const files = secrets.map(({ file }) => `examples/docker/${file}`);
    const ignored = spawnSync('git', ['check-ignore', '--no-index', ...files], { cwd: ROOT, encoding: 'utf8' });
    expect(ignored.stdout.trim().split('\n')).toEqual(files);
  });

  test('waits for the daemon, and for the command, before it kills', () => {
    expect(seconds(rentabot.stop_grace_period) * 1000).toBeGreaterThan(LEAVES_MS * 2);
    expect(seconds(client.stop_grace_period)).toBeGreaterThan(graceSeconds() * 2);
  });

  test('is one that `docker compose` takes', (context) => {
    if (spawnSync('docker', ['compose', 'version']).status !== 0)
      return context.skip(
        'the compose plugin of docker is not installed; that it is YAML, and fits the image, is all that is known',
      );
    const { status, stderr } = spawnSync(
      'docker',
      ['compose', '-f', 'examples/docker/compose.yaml', 'config', '--quiet'],
      {
        cwd: ROOT,
        encoding: 'utf8',
      },
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
  });
});

function described(text: string): Parameters<typeof loadConfig>[0] {
  const host = { uid: 10_001, home: '/var/lib/rentabot', tmp: '/tmp', cwd: '/etc/rentabot' };
  const readFile = (path: string) =>
    path === '/etc/rentabot/rentabot.yaml' ? ({ type: 'text', text } as const) : ({ type: 'missing' } as const);
  return { flags: {}, env: image.env, host, readFile };
}

interface Mounted {
  readonly name: string;
  readonly mountPath: string;
}

describe('the manifests', () => {
  test('describe resources that a daemon takes, where the image looks for them', () => {
    expect(loadConfig(described(of('ConfigMap').data['rentabot.yaml']))).toMatchObject({
      ok: true,
      warnings: [],
      config: { file: '/etc/rentabot/rentabot.yaml' },
    });
    const path = (name: string) => container.volumeMounts.find((one: Mounted) => one.name === name).mountPath;
    expect([path('config'), path('data'), path('tmp')]).toEqual([image.workdir, image.volumes[0], '/tmp']);
    expect(container.env[0].value).toBe(`${path('admin-token')}/admin-token`);
  });

  test('run one daemon, as the user of the image, who may do nothing else and may read its secrets', () => {
    expect(of('StatefulSet').spec.replicas).toBe(1);
    const [uid, gid] = image.user.split(':').map(Number);
    for (const spec of [pod, job.spec.template.spec]) {
      const { runAsUser, runAsGroup, fsGroup, runAsNonRoot, seccompProfile } = spec.securityContext;
      expect([runAsUser, runAsGroup, fsGroup]).toEqual([uid, gid, gid]);
      expect([runAsNonRoot, seccompProfile]).toEqual([true, { type: 'RuntimeDefault' }]);
      expect(spec.enableServiceLinks).toBe(false);
      for (const one of spec.containers) {
        expect(one.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        const volumes = [...spec.volumes, ...(spec === pod ? of('StatefulSet').spec.volumeClaimTemplates : [])];
        const names = volumes.map(({ name, metadata }) => name ?? metadata.name);
        expect(one.volumeMounts.map(({ name }: Mounted) => name).sort()).toEqual(names.sort());
      }
      const modes = spec.volumes.flatMap(
        ({ secret }: { secret?: { defaultMode: number } }) => secret?.defaultMode ?? [],
      );
      expect(modes).toEqual([0o440]);
    }
  });

  test('ask what the daemon answers, at the port where it listens', async () => {
    const running = await startDaemon();
    const open = allRoutes(running.daemon).filter(({ needs, method }) => needs === 'nobody' && method === 'get');
    await running.close();
    const { startupProbe, livenessProbe, readinessProbe, ports } = container;
    const paths = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path);
    expect(paths).toEqual(['/healthz', '/healthz', '/readyz']);
    for (const path of paths) expect(open.map((route) => route.path)).toContain(path);
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) expect(httpGet.port).toBe(ports[0].name);
    expect(String(ports[0].containerPort)).toBe(image.ports[0]);
    const [{ port, targetPort, name }] = of('Service').spec.ports;
    expect([String(port), targetPort]).toEqual([image.ports[0], ports[0].name]);
    const [{ value }] = job.spec.template.spec.containers[0].env;
    expect(value).toBe(`http://${of('Service').metadata.name}:${port}`);
    const { service } = ingress.spec.rules[0].http.paths[0].backend;
    expect(service).toEqual({ name: of('Service').metadata.name, port: { name } });
    expect(of('Service').spec.selector).toEqual(of('StatefulSet').spec.template.metadata.labels);
    expect(of('StatefulSet').spec.selector.matchLabels).toEqual(of('StatefulSet').spec.template.metadata.labels);
  });

  test('leave the daemon, the command and the wait their time', () => {
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(LEAVES_MS * 2);
    const { activeDeadlineSeconds, template } = job.spec;
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(graceSeconds() * 2);
    const [script] = template.spec.containers[0].args;
    const flag = (name: string) => seconds(new RegExp(`--${name} (\\S+)`).exec(script)?.[1] ?? '');
    expect(flag('wait') + flag('timeout')).toBeLessThanOrEqual(activeDeadlineSeconds - 600);
  });

  test('have no secret in them, and read those that the README makes', () => {
    for (const one of [...manifests, job, ingress]) expect(one.kind).not.toBe('Secret');
    const made = [
      ...readDocument('examples/kubernetes/README.md').matchAll(/create secret generic (\S+) --from-file=(\S+)=/g),
    ];
    const mounted = [pod, job.spec.template.spec].flatMap(({ volumes }) =>
      volumes.flatMap(({ secret }: { secret?: { secretName: string } }) => secret?.secretName ?? []),
    );
    expect(made.map(([, name]) => name)).toEqual(mounted);
    expect(container.env[0].value.endsWith(`/${made[0]?.[2]}`)).toBe(true);
    expect(job.spec.template.spec.containers[0].args[0]).toContain(`/${made[1]?.[2]})`);
  });
});

test('every option of rentabot in the recipes is one that it has', () => {
  const texts = ['docker/README.md', 'docker/compose.yaml', 'kubernetes/README.md', 'kubernetes/job.yaml'].map((name) =>
    readDocument(`examples/${name}`),
  );
  const calls = texts.flatMap((text) => [
    ...text.matchAll(/\brentabot (lock|user add|token create)\b([^|>\n]*?)(?= -- |[|>\n])/g),
  ]);
  expect(calls.length).toBeGreaterThan(4);
  for (const [, command = '', rest = ''] of calls) {
    const argv = [join(ROOT, 'bin/rentabot.js'), ...command.split(' '), '--help'];
    const { stdout } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    for (const [option] of rest.matchAll(/--[a-z][a-z-]*/g))
      expect(stdout, `${command} ${option}`).toContain(`${option} `);
  }
});
