import type { Reply } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { ApiRoute } from '../routes/route.ts';
import { enemaRoutes } from './enema/routes.ts';
import { relengHardwareRoutes } from './releng-hardware/routes.ts';
import { lostInRentABot, rentABotRoutes } from './rent-a-bot/routes.ts';
import type { Facades } from './settings.ts';

/** Protocols of other tools, by the names that the configuration has for them. None has rules of its own about who may hold what. */
const FACADES = {
  enema: enemaRoutes,
  'releng-hardware': relengHardwareRoutes,
  'rent-a-bot': rentABotRoutes,
} satisfies Partial<Record<keyof Facades, (daemon: Daemon) => readonly ApiRoute[]>>;

/** All are on, unless the configuration says otherwise. They are in docs/compatibility.md, not in /openapi.json. */
export function facadeRoutes(daemon: Daemon): readonly ApiRoute[] {
  const names = Object.keys(FACADES) as (keyof typeof FACADES)[];
  return names.flatMap((name) => (daemon.facades[name] === false ? [] : FACADES[name](daemon)));
}

/** What a facade says where it has no such path, or not with this method (`allow` lists those); null for paths of others. */
export function lostInFacades({ facades }: Daemon, path: string, allow: string): Reply | null {
  return facades['rent-a-bot'] === false ? null : lostInRentABot(path, allow);
}
