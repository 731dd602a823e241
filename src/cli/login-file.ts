import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Places } from '../core/places.ts';

/** What `rentabot login` leaves: which daemon, and who one is there. */
export interface Login {
  /** As RENTABOT_URL spells it. */
  readonly url: string;
  readonly name: string;
  readonly token: string;
}

export function loginFile({ configDir }: Pick<Places, 'configDir'>): string {
  return join(configDir, 'login.json');
}

/** Null where there is none, or where it is not what a login left. */
export function readLogin(path: string): Login | null {
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
  const { url, name, token } = (read ?? {}) as Partial<Record<keyof Login, unknown>>;
  return typeof url === 'string' && typeof name === 'string' && typeof token === 'string' ? { url, name, token } : null;
}

/** Whether others than its owner may read it. */
export function isReadableByOthers(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0;
}

/** For the owner alone, and never half of it. */
export function writeLogin(path: string, login: Login): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(login)}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}

export function removeLogin(path: string): void {
  rmSync(path, { force: true });
}
