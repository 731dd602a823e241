import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Access, Client } from '../../../src/cli/client.ts';
import type { LockPlan } from '../../../src/cli/lock-plan.ts';
import type { LockWorld } from '../../../src/cli/run-lock.ts';
import type { Shell } from '../../../src/cli/shell.ts';
import { type SignalSource, Signals } from '../../../src/cli/signals.ts';
import { type Manner, NO_PAINT, Talk, type Voice } from '../../../src/cli/talk.ts';
import { httpTransport, parseEndpoint, type Transport } from '../../../src/cli/transport.ts';
import { places } from '../../../src/core/places.ts';

/** Keeps what is said. */
export class Ear implements Voice {
  text = '';

  constructor(
    readonly terminal = false,
    private readonly width = 80,
  ) {}

  columns(): number {
    return this.width;
  }

  write(text: string): void {
    this.text += text;
  }

  get lines(): string[] {
    return this.text.split('\n').filter((line) => line !== '');
  }
}

export function clientAt(
  url: string,
  transport: Transport = httpTransport(),
  { version, ...more }: Partial<Access> & { version?: string } = {},
): Client {
  const endpoint = parseEndpoint(url, 'the test');
  if ('code' in endpoint) throw new Error(endpoint.detail);
  return new Client(
    { endpoint, token: null, descriptor: null, revive: null, replace: null, ...more },
    transport,
    version,
  );
}

export class TestSignals extends EventEmitter {
  send(signal: NodeJS.Signals): void {
    this.emit(signal, signal);
  }
}

export interface TestLock extends LockWorld {
  readonly ear: Ear;
  readonly source: TestSignals;
}

export function lockWorld(
  client: Client,
  {
    manner = {},
    overrides = {},
    terminal = false,
  }: { manner?: Partial<Manner>; overrides?: object; terminal?: boolean } = {},
): TestLock {
  const ear = new Ear(terminal);
  const source = new TestSignals();
  return {
    client,
    ear,
    source,
    talk: new Talk(ear, { level: 'normal', json: false, color: false, ...manner }),
    signals: new Signals(source as unknown as SignalSource),
    env: { PATH: process.env.PATH },
    caller: { name: 'ann', host: 'ws' },
    overrides,
    // The guard's own tests, and those end to end, have one.
    self: null,
  };
}

export function lockPlan(argv: readonly [string, ...string[]], more: Partial<LockPlan> = {}): LockPlan {
  return {
    wants: [{ name: 'gpu-0' }],
    argv,
    wait: null,
    // Long, so that no stall of the machine loses a lease that a test counts on.
    ttl: 60_000,
    timeout: null,
    grace: 500,
    priority: 0,
    note: null,
    daemon: { url: null, token: null, connectTimeout: 60_000 },
    leftovers: 'kill',
    keepFor: null,
    detachTo: null,
    adopt: null,
    ...more,
  };
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Short, for a socket in it must fit into 107 bytes; gone when the file's tests are. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rb-'));
  folders.push(folder);
  return folder;
}

/** A program's surroundings in a folder of their own, with nothing of the tester's in them. */
export function testShell(
  env: Record<string, string | undefined> = {},
  folder = temporaryFolder(),
): Shell & { ear: Ear; out: string } {
  const ear = new Ear();
  const variables = {
    PATH: process.env.PATH,
    XDG_RUNTIME_DIR: join(folder, 'run'),
    XDG_STATE_HOME: join(folder, 'state'),
    ...env,
  };
  const uid = process.getuid?.() ?? null;
  const all = places(variables, { uid, home: folder, tmp: folder });
  const shell = {
    machine: {
      env: variables,
      cwd: folder,
      home: folder,
      uid,
      // The host that runs the tests may have a daemon of its own.
      places: { ...all, hostSockets: all.hostSockets.filter((path) => path.startsWith(folder)) },
      self: [process.execPath, '/nonexistent'] as const,
    },
    voice: ear,
    ear,
    out: '',
    transport: httpTransport(),
    print: async (text: string) => {
      shell.out += text;
    },
    stdin: async () => '',
    columns: null,
    paint: async () => NO_PAINT,
    caller: () => ({ name: 'ann', host: 'ws' }),
    onUsageError: new Map(),
    exit: 0,
    raise: null,
  };
  return shell;
}
