import { refuse } from '../../core/error.ts';
import { PROTOCOL } from '../../core/wire.ts';
import { type Answer, json, noContent, problem, type Reply, text } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import { metrics } from '../metrics.ts';
import type { Ask } from '../requests.ts';
import type { ApiRoute } from './route.ts';

export function healthRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/healthz',
      needs: 'nobody',
      answer: () => json({ status: 'ok', version: RENTABOT_VERSION, protocol: PROTOCOL }),
    },
    { method: 'get', path: '/readyz', needs: 'nobody', answer: () => ready(daemon) },
    { method: 'get', path: '/metrics', needs: 'viewer', answer: () => measure(daemon) },
    { method: 'post', path: '/api/v2/stop', needs: 'admin', answer: (ask) => stop(daemon, ask) },
  ];
}

/** Ready is who can write and is not about to go. */
async function ready(daemon: Daemon): Promise<Answer> {
  if (daemon.stepsDown.begun) return problem(refuse('unavailable', 'the daemon is stepping down', { retryAfter: 1 }));
  if (!daemon.engine.isOpen) return problem(refuse('unavailable', 'the store cannot be written', { retryAfter: 1 }));
  return daemon.engine.read(() => json({ status: 'ready' }));
}

async function measure(daemon: Daemon): Promise<Answer> {
  const figures = await daemon.engine.read((sight) => metrics(daemon, sight));
  return text(figures, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
}

/** A newer client asks the private daemon of its user to make room for its own release. */
function stop(daemon: Daemon, _ask: Ask): Reply {
  if (daemon.stop === null) {
    return problem(
      refuse('denied', 'only a private daemon can be stopped this way', { hint: 'send SIGTERM to its process' }),
    );
  }
  setImmediate(daemon.stop);
  return noContent();
}
