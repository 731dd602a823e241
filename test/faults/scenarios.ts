import type { ChildProcess } from 'node:child_process';
import type { Service } from './tools.ts';

/** What a fault may act upon. */
export interface Stage {
  readonly service: Service;
  /** Of leases, in seconds. */
  readonly ttl: number;
  /** The wrapper of the first holder, which leads a group of its own. */
  readonly wrapper: ChildProcess;
  /** Makes the first holder's command end by itself, with code 0. */
  letEnd(): void;
  /** Every process of the first holder: wrapper, command, and what the tool put beside them. */
  everybody(): readonly number[];
}

export interface Scenario {
  readonly name: string;
  /** What is done to the first holder while it runs and another waits. */
  readonly what: string;
  /** Whether there is such a thing with this tool. */
  fits(service: Service): boolean;
  /** Resolves to the time when the first holder could act again, where it could not meanwhile. */
  strike(stage: Stage): Promise<unknown>;
  /** The wrapper is still there afterwards and has to be woken for its exit code. */
  readonly after?: (stage: Stage) => Promise<void>;
  /** Nobody can keep two holders apart here. */
  readonly unavoidable?: true;
  /** Exit codes that tell the truth. */
  readonly honest: readonly number[];
}

const ANY = (): boolean => true;
/** Longer than a lease outlives its holder, milliseconds. */
const beyond = ({ ttl }: Stage): number => (ttl + 3) * 1000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const LOST = 76;

function signalled(signal: NodeJS.Signals, code: number, what: string): Scenario {
  return {
    name: signal.slice(3),
    what,
    fits: ANY,
    strike: async ({ wrapper }) => void wrapper.kill(signal),
    honest: [code],
  };
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'leftovers',
    what: 'the command ends, and leaves a child and a daemon behind',
    fits: ANY,
    strike: async ({ letEnd }) => letEnd(),
    honest: [0],
  },
  signalled('SIGTERM', 143, 'the wrapper gets TERM, the command heeds it'),
  signalled('SIGINT', 130, 'the wrapper gets INT, and its command does as well'),
  signalled('SIGHUP', 129, 'the wrapper gets HUP'),
  signalled('SIGQUIT', 131, 'the wrapper gets QUIT'),
  signalled('SIGKILL', 137, 'the wrapper is killed, by hand or for want of memory'),
  {
    name: 'stopped',
    what: `the wrapper is stopped for longer than the ttl, then goes on`,
    fits: ANY,
    strike: async ({ wrapper }) => void wrapper.kill('SIGSTOP'),
    after: async ({ wrapper }) => {
      wrapper.kill('SIGCONT');
    },
    honest: [LOST],
  },
  {
    name: 'cut off',
    what: 'nothing passes between the wrapper and the server any more',
    fits: ({ link }) => link !== null,
    strike: async ({ service }) => service.link?.set('cut'),
    honest: [LOST],
  },
  {
    name: 'one way',
    what: 'the server hears the wrapper, the wrapper hears nothing',
    fits: ({ link }) => link !== null,
    strike: async ({ service }) => service.link?.set('one-way'),
    honest: [LOST],
  },
  {
    name: 'server killed',
    what: 'the server is killed and started again at once; then the command ends',
    fits: ({ server }) => server !== null,
    strike: async ({ service, letEnd, ttl }) => {
      await service.server?.restart();
      await pause(ttl * 1000);
      letEnd();
    },
    honest: [0],
  },
  {
    name: 'server away',
    what: 'the server is killed, and comes back after twice the ttl',
    fits: ({ server }) => server !== null,
    strike: async ({ service, ttl }) => {
      service.server?.kill('SIGKILL');
      await pause(2 * ttl * 1000);
      await service.server?.restart();
    },
    honest: [LOST],
  },
  {
    name: 'server frozen',
    what: 'the server is stopped for longer than the ttl, then goes on',
    fits: ({ server }) => server !== null,
    strike: async (stage) => {
      const { service } = stage;
      service.server?.kill('SIGSTOP');
      await pause(beyond(stage));
      service.server?.kill('SIGCONT');
    },
    honest: [LOST],
  },
  {
    name: 'revoked',
    what: 'somebody ends the lease',
    fits: ({ revoke }) => revoke !== null,
    strike: async ({ service }) => service.revoke?.(),
    honest: [LOST],
  },
  {
    name: 'all frozen',
    what: 'wrapper, command and all beside them are stopped for longer than the ttl, as on a host that sleeps, then go on',
    fits: ANY,
    strike: async (stage) => {
      const all = stage.everybody();
      for (const pid of all) send(pid, 'SIGSTOP');
      await pause(2 * beyond(stage));
      const wokenAt = Date.now();
      for (const pid of all) send(pid, 'SIGCONT');
      return wokenAt;
    },
    unavoidable: true,
    honest: [LOST],
  },
];

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone.
  }
}
