import type { Daemon } from '../daemon.ts';
import type { ApiRoute } from '../routes/route.ts';
import type { Facades } from '../settings.ts';
import { enemaRoutes } from './enema/routes.ts';
import { relengHardwareRoutes } from './releng-hardware/routes.ts';

/** Protocols of other tools, by the names that the configuration has for them. None has rules of its own about who may hold what. */
const FACADES = {
  enema: enemaRoutes,
  'releng-hardware': relengHardwareRoutes,
} satisfies Record<string, (daemon: Daemon) => readonly ApiRoute[]>;

/** All are on, unless the configuration says otherwise. They are in docs/compatibility.md, not in /openapi.json. */
export function facadeRoutes(daemon: Daemon): readonly ApiRoute[] {
  return Object.entries(FACADES).flatMap(([name, routes]) => (isOn(daemon.facades, name) ? routes(daemon) : []));
}

function isOn(facades: Facades, name: string): boolean {
  return facades[name] !== false;
}
