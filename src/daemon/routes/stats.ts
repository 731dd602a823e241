import { impossible } from '../../core/advice.ts';
import { refuse } from '../../core/error.ts';
import { statsToCsv } from '../../core/stats-csv.ts';
import { makeWant } from '../../core/want.ts';
import { type Answer, json, problem, text } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { Ask } from '../requests.ts';
import { choiceIn, FORMAT, momentIn, RESOURCE, SINCE, textIn } from './parameters.ts';
import type { ApiRoute } from './route.ts';

export function statsRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [{ method: 'get', path: '/api/v2/stats', needs: 'viewer', answer: (ask) => stats(daemon, ask) }];
}

async function stats(daemon: Daemon, ask: Ask): Promise<Answer> {
  const [since, name, format] = [momentIn(ask, SINCE), textIn(ask, RESOURCE), choiceIn(ask, FORMAT)];
  const whole = await daemon.statistics.since(since);
  const resources = name === null ? whole.resources : whole.resources.filter((row) => row.name === name);
  if (name !== null && resources.length === 0) return unknown(daemon, name);
  if (format === 'csv') return text(statsToCsv(resources), { 'content-type': 'text/csv; charset=utf-8' });
  return json({ ...whole, resources });
}

function unknown({ engine }: Daemon, name: string): Promise<Answer> {
  return engine.read(({ state }) => {
    const { detail, hint } = impossible(state, [makeWant({ type: 'name', name })]);
    return problem(refuse('not-found', detail, { hint }));
  });
}
