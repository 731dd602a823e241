import { readChoice } from '../view/choice.ts';
import { wallHtml } from '../view/tile.ts';
import { now } from './clock.ts';
import { byId, fill } from './dom.ts';
import { Connection } from './live.ts';
import { face, viewer } from './page.ts';
import { away, reloadFor } from './status.ts';
import { LiveWorld } from './world.ts';

/** The screen in the lab: always on, nothing to press. */
export function startWall(): void {
  const world = new LiveWorld();
  const choice = readChoice(new URLSearchParams(location.search));
  const draw = (): void =>
    fill(byId('wall'), wallHtml(world, choice, { now: now(), face, viewer: { ...viewer, role: 'viewer' } }));
  new Connection(
    {
      whole(whole) {
        reloadFor(whole.script);
        world.replace(whole);
        draw();
      },
      change(change) {
        world.apply(change);
        draw();
      },
      away,
    },
    true,
  );
}
