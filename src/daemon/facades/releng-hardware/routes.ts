import { type Answer, STANDING_HEADERS, text } from '../../answer.ts';
import type { Daemon } from '../../daemon.ts';
import type { Ask } from '../../requests.ts';
import { inOrder, toEntry } from '../../routes/machines.ts';
import type { ApiRoute } from '../../routes/route.ts';

const JSON_TYPE = { 'content-type': 'application/json' } as const;

/** The HTTP side of releng-hardware, byte for byte: when its machines were last seen. */
export function relengHardwareRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    { method: 'get', path: '/machines', needs: 'viewer', answer: () => list(daemon) },
    { method: 'get', path: '/machines/:machine', needs: 'viewer', answer: (ask) => show(daemon, ask) },
  ];
}

async function list({ engine }: Daemon): Promise<Answer> {
  return engine.read(({ state }) => text(JSON.stringify(inOrder(state).map(toEntry), null, 2), JSON_TYPE));
}

async function show({ engine }: Daemon, ask: Ask): Promise<Answer> {
  const machine = ask.req.param('machine') ?? '';
  return engine.read(({ state }) => {
    const seen = state.machines.get(machine);
    if (seen) return text(JSON.stringify(seen.text), JSON_TYPE);
    const headers = { ...STANDING_HEADERS, 'content-type': 'text/html; charset=utf-8' };
    return { status: 404, headers, text: 'unknown machine' };
  });
}
