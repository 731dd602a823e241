import { refuse } from '../../core/error.ts';
import { type Answer, json, problem } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import { type Ask, body } from '../requests.ts';
import { notifyTestSchema } from './openapi-notify.ts';
import type { ApiRoute } from './route.ts';

export function notifyRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/api/v2/notify',
      needs: 'admin',
      answer: () => json({ targets: daemon.notifier.status() }),
    },
    { method: 'post', path: '/api/v2/notify/test', needs: 'admin', answer: (ask) => test(daemon, ask) },
  ];
}

async function test(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { target, person } = await body(ask, notifyTestSchema, daemon.http.body);
  const { name } = daemon.identify(ask);
  const tested = await daemon.notifier.test(target ?? null, { person: person ?? name, by: name });
  if (tested !== null) return json(tested);
  const hint = 'GET /api/v2/notify lists them; they stand under `notify` in the configuration';
  return problem(refuse('not-found', `there is no notification target ${target}`, { hint }));
}
