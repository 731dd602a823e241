import type { Millis } from '../core/model.ts';
import type { Engine } from './engine.ts';

/** A private daemon goes after this long without anything to do; RENTABOT_IDLE (seconds) says otherwise. */
const IDLE_MS: Millis = 60_000;

/** Calls `idle` once nothing is held, nobody waits and nobody has asked for a while. */
export function watchIdleness(engine: Engine, lastAsked: () => Millis, idle: () => void): () => void {
  const given = Number(process.env.RENTABOT_IDLE);
  const longest = given > 0 ? given * 1000 : IDLE_MS;
  const timer = setInterval(
    () => {
      void engine
        .read(({ state, now }) => {
          const quiet = state.leases.size === 0 && state.queue.size === 0;
          if (quiet && now - lastAsked() >= longest) idle();
        })
        .catch(() => null);
    },
    Math.max(50, longest / 6),
  );
  return () => clearInterval(timer);
}
