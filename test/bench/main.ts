import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { board } from './board.ts';
import { handover } from './handover.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { renewals } from './renewals.ts';
import { printRows, type Row, table } from './report.ts';
import { startup } from './startup.ts';
import { throughput } from './throughput.ts';

const PARTS = { throughput, latency, handover, renewals, startup, memory, board } as const;

/** Runs the parts that are named, or all, and then writes docs/performance.md. */
async function main(named: readonly string[]): Promise<void> {
  const chosen = Object.entries(PARTS).filter(([name]) => named.length === 0 || named.includes(name));
  if (chosen.length === 0) throw new Error(`there are ${Object.keys(PARTS).join(', ')}`);
  // Others who want the same cores make every figure worse, and not each by as much as its baseline.
  const others = (loadavg()[0] ?? 0).toFixed(1);
  const rows: Row[] = [];
  for (const [, part] of chosen) {
    const found = await part();
    printRows(found);
    rows.push(...found);
  }
  if (named.length === 0) writeFileSync('docs/performance.md', page(rows, others));
}

function page(rows: readonly Row[], others: string): string {
  const { length } = cpus();
  const machine = `${length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${process.platform}`;
  return `# Performance

Measured, never asserted: \`npm run bench\` prints each figure beside a baseline taken in the same run, because absolute
times on a shared machine say little, and writes this page. Nothing here is a promise.

Last run: ${new Date().toISOString().slice(0, 10)}, on ${machine}, whose load average was ${others} before it began.

${table(rows)}

How to read it:

- **Lease operations** are \`PUT\` (acquire) and \`DELETE\` (release) of the native protocol, each answered only after its
  commit is synced to disk; the load generator runs on the same cores. The echo server parses a JSON body and
  writes it back, and keeps nothing.
- **etcd** runs beside it with its defaults, one node, and is asked through its JSON gateway by the same generator: a
  transaction that puts a key if it is absent, then a delete. Its gRPC interface is faster than its gateway.
- **Hand-overs** are timed inside the rules (\`src/core\`), without disk or network: the cost of a release and the grant that
  follows, relative to the smallest world. A turn looks at what changed, not at what exists.
- **Renewals** come a hundred times a second, each on a connection of its own. Most of what they cost is to wake up, so the daemon
  answers those that a holder sends by routine up to 100 ms later, several at once; the echo answers each at once.
- **The board** is looked at by Debian's Chromium on the same cores. A first paint counts from the navigation, in a tab that showed nothing; a change, from before its request is sent to the frame that shows it.
  Open boards are plain connections that read all they are told.
- **\`lock -- true\`** finds the daemon, asks, runs \`true\`, gives back, and is compared with a Node that does nothing.
  \`flock\` is a small C program on a local file; it is there to keep us modest.

One part alone: \`npm run bench -- throughput\` (or ${Object.keys(PARTS).slice(1).join(', ')}).
`;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
