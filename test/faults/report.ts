import { cpus } from 'node:os';
import type { Outcome } from './play.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Tool } from './tools.ts';

/** docs/faults.md, from a whole run. */
export function page(outcomes: readonly Outcome[], tools: readonly Tool[], ttl: number): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, ${process.platform}`;
  const versions = tools.map((tool) => `${tool.name}${tool.version() && ` (${tool.version()})`}`).join(', ');
  const head = ['what happens to the first holder', ...tools.map(({ name }) => `\`${name}\``)];
  const rows = SCENARIOS.map((scenario) => [
    scenario.what,
    ...tools.map((tool) => cellOf(outcomes.find((one) => one.scenario === scenario && one.tool === tool.name))),
  ]);
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return `# Faults

What happens when things break while a command runs under a lock and somebody else waits for it. \`npm run test:faults\`
plays every fault with \`rentabot lock\` and with the other lock wrappers that are installed, by the same script, and
writes this page; it fails where rentabot does not keep its promise.

The command has a child in the background and a daemon that has left its session. Leases have a ttl of ${ttl} s. Each cell
says whether a process of the first holder was seen running while the next one held the lock (and for how long, of the second and a half
in which that is looked for), what the first wrapper told its caller, and how long after the fault the next holder came.

Last run: ${new Date().toISOString().slice(0, 10)}, on ${machine}: ${versions}.

${lines.join('\n')}

How to read it:

- **One at a time** is what a lock is for. A file lock (\`flock\`) is inherited by everything that the command starts, so it is
  held until the last of them ends, which is safe, and why the next holder may wait for ever for a forgotten daemon. It knows
  one machine, no queue, no lease and no fault of a network: those rows are empty.
- **The exit code** is how CI learns the truth: 76 says that the lease was lost while the command ran (docs/cli.md). A code of
  0 there would be a green build from a board that somebody else was using.
- **A host that sleeps** as a whole can end nothing: when it wakes, the lease has long passed on, and until the guard has
  run its processes run as well. No lock can help that; a fence can ([fencing.md](fencing.md)).
- rentabot ends the command before the lease passes on, and the daemon holds the resource back a little longer (\`drain\`,
  [configuration.md](configuration.md)) after an end that nobody reported. How: [decisions/0010](decisions/0010-a-guard-beside-the-command.md).

One fault alone: \`npm run test:faults -- KILL\` (or ${SCENARIOS.map(({ name }) => `"${name}"`).join(', ')}).
`;
}

function cellOf(outcome: Outcome | undefined): string {
  if (!outcome) return '–';
  const { togetherMs, code, nextMs } = outcome;
  const together = togetherMs > 0 ? `**two at once** (${togetherMs} ms)` : 'one at a time';
  const next = nextMs === null ? 'nobody came next' : `next after ${(nextMs / 1000).toFixed(1)} s`;
  return `${together}; ${code === null ? 'never ended' : `exit ${code}`}; ${next}`;
}
