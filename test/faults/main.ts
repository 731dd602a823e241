import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, play } from './play.ts';
import { page } from './report.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { TOOLS, type Tool } from './tools.ts';

/** So many scenarios at once: they wait for most of their time. */
const AT_ONCE = Math.max(4, availableParallelism());

/**
 * The promises are about real time, which a machine that stalls for seconds can spoil: what should have run in time had
 * no turn. So what went wrong is played again with leases that live longer, and what is broken goes wrong with each.
 */
const TTLS_S = [4, 12, 36] as const;

/**
 * Plays the scenarios that are named, or all, with every tool that is installed, prints what came of them, and after a
 * whole run writes docs/faults.md. Fails where rentabot let two holders meet or did not tell the truth.
 */
async function main(named: readonly string[]): Promise<void> {
  const scenarios = SCENARIOS.filter(({ name }) => named.length === 0 || named.includes(name));
  if (scenarios.length === 0) throw new Error(`there are ${SCENARIOS.map(({ name }) => `"${name}"`).join(', ')}`);
  const tools = TOOLS.filter((tool) => tool.version() !== null);
  for (const tool of TOOLS) if (!tools.includes(tool)) console.log(`${tool.name} is not installed, and left out`);
  const root = mkdtempSync(join(tmpdir(), 'rb-faults-'));
  const outcomes: Outcome[] = [];
  const open = scenarios.flatMap((scenario) => tools.map((tool) => ({ scenario, tool })));
  const worker = async (): Promise<void> => {
    for (let next = open.shift(); next; next = open.shift()) {
      const outcome = await playInSomeSpan(next.tool, next.scenario, root);
      if (outcome === null) continue;
      outcomes.push(outcome);
      console.log(`${outcome.tool}: ${outcome.scenario.name}: ${sentence(outcome)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  rmSync(root, { recursive: true, force: true });
  if (named.length === 0) writeFileSync('docs/faults.md', page(outcomes, tools, TTLS_S[0]));
  const own = outcomes.filter(({ tool }) => tool === 'rentabot lock');
  const wrong = own.filter((outcome) => outcome.problem !== null);
  for (const { scenario, problem } of wrong) console.log(`FAILED: rentabot lock: ${scenario.name}: ${problem}`);
  console.log(`faults: ${own.length - wrong.length} passed, ${wrong.length} failed`);
  process.exitCode = wrong.length > 0 || own.length === 0 ? 1 : 0;
}

async function playInSomeSpan(tool: Tool, scenario: Scenario, root: string): Promise<Outcome | null> {
  let outcome: Outcome | null = null;
  for (const ttl of TTLS_S) {
    outcome = await play(tool, scenario, root, ttl);
    if (outcome === null || outcome.problem === null || tool !== TOOLS[0]) return outcome;
    console.log(`${outcome.tool}: ${scenario.name}, with a ttl of ${ttl} s: ${outcome.problem}`);
  }
  return outcome;
}

function sentence({ togetherMs, code, nextMs }: Outcome): string {
  const together = togetherMs > 0 ? `two at once for ${togetherMs} ms` : 'never two at once';
  const next = nextMs === null ? 'nobody came after it' : `the next after ${(nextMs / 1000).toFixed(1)} s`;
  return `${together}; ${code === null ? 'still there' : `exit code ${code}`}; ${next}`;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
