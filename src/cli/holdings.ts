import { type Refusal, refuse } from '../core/error.ts';
import type { LeaseJson, QueuedJson } from '../core/wire.ts';
import type { Client, Reply } from './client.ts';
import { clockTime, printable, whose } from './text.ts';

/** Everybody who holds something of it, by the time of looking. */
export async function leasesOn(client: Client, name: string, within: number): Promise<Reply<readonly LeaseJson[]>> {
  const looked = await client.resource(name, { within });
  if (looked.type === 'refused') return looked;
  const leases: LeaseJson[] = [];
  for (const { id } of looked.body.resource.leases) {
    const lease = await client.lease(id, { within });
    if (lease.type === 'ok') leases.push(lease.body.lease);
    // It ended in the moment between.
    else if (lease.refusal.code !== 'lost' && lease.refusal.code !== 'not-found') return lease;
  }
  return { ...looked, body: leases };
}

export function distinct(leases: readonly LeaseJson[]): LeaseJson[] {
  return [...new Map(leases.map((lease) => [lease.id, lease])).values()];
}

/** Whose a lease, or a place in the queue, is. */
type Owned = Pick<LeaseJson, 'owner' | 'holder' | 'shares'> | Pick<QueuedJson, 'owner' | 'holder'>;

/**
 * Who calls. A daemon that knows its users says whose a lease is; on one that does not, it is whose name it bears. Asked
 * for only where it matters.
 */
export class Me {
  private known: Promise<string | null> | null = null;

  constructor(
    private readonly client: Client,
    /** The name that leases bear which we ask for. */
    readonly name: string,
  ) {}

  async isMine(owned: Owned): Promise<boolean> {
    // A daemon of an earlier release names no owner.
    const isKnown = (owned.owner ?? '') !== '';
    const name = isKnown ? await this.principal() : this.name;
    if (name === null) return false;
    const shares = 'shares' in owned ? (owned.shares ?? []) : [];
    return (isKnown ? owned.owner : owned.holder.name) === name || shares.includes(name);
  }

  private principal(): Promise<string | null> {
    this.known ??= this.client.whoami().then(
      (reply) => (reply.type === 'ok' ? reply.body.name : null),
      (error: unknown) => {
        this.known = null;
        throw error;
      },
    );
    return this.known;
  }
}

/** `board-1 is held by alice@ws since 13:02 (nightly), until 14:05`, and what could be done. */
export function heldByOther(name: string, lease: LeaseJson, { hint }: { readonly hint: string }): Refusal {
  const { note, since, until } = lease;
  const now = Date.now();
  const end = until === null ? '' : `, until ${clockTime(until, now)}`;
  const about = note && ` (${printable(note)})`;
  return refuse(
    'denied',
    `${printable(name)} is held by ${whose(lease)} since ${clockTime(since, now)}${about}${end}`,
    {
      hint,
    },
  );
}
