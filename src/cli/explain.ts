import { roughDuration } from '../core/duration.ts';
import type { Refusal } from '../core/error.ts';
import type { BlockerJson, WantJson } from '../core/wire.ts';
import type { Client } from './client.ts';
import { printable } from './text.ts';
import { obstacles } from './waiting.ts';
import { describeTyped } from './wants.ts';

const EXPLAIN_WITHIN_MS = 1000;

/** Says who stood in the way: whoever gets no resource wants to know whom to ask. `waited` is milliseconds. */
export async function explained(
  refusal: Refusal,
  wants: readonly WantJson[],
  client: Client,
  known: { readonly blockers: readonly BlockerJson[]; readonly waited: number },
): Promise<Refusal> {
  if (refusal.code !== 'busy' && refusal.code !== 'timeout') return refusal;
  const wanted = describeTyped(wants);
  const asked =
    refusal.code === 'timeout' ? null : await client.why(wants, { within: EXPLAIN_WITHIN_MS }).catch(() => null);
  const blockers = asked?.type === 'ok' ? asked.body.blockers : known.blockers;
  if (refusal.code === 'busy') {
    return blockers.length === 0 ? refusal : { ...refusal, detail: obstacles('', blockers, Date.now()).join('; ') };
  }
  const who = blockers.length === 0 ? refusal.detail : obstacles(wanted, blockers, Date.now()).join('; ');
  return { ...refusal, detail: `gave up waiting for ${wanted} after ${roughDuration(known.waited)}: ${who}` };
}

/** What others wrote, line by line. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
