import type { AuditAction } from '../core/identity.ts';
import type { Principal } from '../core/model.ts';
import type { Daemon } from './daemon.ts';

/** What somebody did to those who are known; `about` whom, and what else is to be said of it. Never a secret. */
export interface Deed {
  readonly action: AuditAction;
  readonly by: Principal;
  readonly about: string;
  readonly note?: string;
}

/** Writes it into the history, once it was done. That it was done counts also where this cannot be written. */
export async function audit({ engine, log }: Pick<Daemon, 'engine' | 'log'>, deed: Deed): Promise<void> {
  const { action, by, about, note = '' } = deed;
  try {
    await engine.submit({ type: 'audit', action, about, note, principal: by }, () => null);
  } catch (error) {
    log.error('done, but not written into the history', { event: action, by: by.name, error });
  }
}
