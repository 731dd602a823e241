import { roughDuration } from '../core/duration.ts';
import type { LeaseJson } from '../core/wire.ts';
import type { Loss } from './lease.ts';
import { clockTime, printable } from './text.ts';

/** `gpu-0 was revoked by alice (fan broken)`. */
export function lossSentence(loss: Loss, lease: Pick<LeaseJson, 'resources'>): string {
  const names = namesOf(lease);
  const were = lease.resources.length === 1 ? 'was' : 'were';
  if (loss.cause === 'silence') {
    return `no renewal of ${names} was answered for ${roughDuration(loss.silent)}, so somebody else might have got it`;
  }
  const by = loss.by === '' ? '' : ` by ${printable(loss.by)}`;
  const why = loss.cause === 'told' && loss.note !== '' ? ` (${printable(loss.note)})` : '';
  if (loss.reason === 'expired') return `the lease of ${names} expired${by}${why}`;
  if (loss.reason === null) return printable(loss.detail || `the lease of ${names} has ended`);
  return `${names} ${were} ${loss.reason}${by}${why}`;
}

/** What somebody wants of a holder. */
export function messageSentence(type: string, by: string, reason: string, lease: LeaseJson): string {
  const about = reason === '' ? '' : `: ${printable(reason)}`;
  if (type === 'asked') return `${printable(by || 'someone')} asks for ${namesOf(lease)}${about}`;
  if (type === 'expiring') return `the lease of ${namesOf(lease)} ends soon${about}`;
  return `${type}${about}`;
}

/** `board-1 is kept until 14:05; \`rentabot release board-1\` gives it back`. */
export function keptSentence({ resources, expiresAt }: LeaseJson, now: number): string {
  const [is, it] = resources.length === 1 ? ['is', 'it'] : ['are', 'them'];
  const names = resources.map(({ name }) => printable(name));
  const until = expiresAt === null ? '' : ` until ${clockTime(expiresAt, now)}`;
  return `${names.join(', ')} ${is} kept${until}; \`rentabot release ${names.join(' ')}\` gives ${it} back`;
}

export function namesOf({ resources }: Pick<LeaseJson, 'resources'>): string {
  return resources.map(({ name }) => printable(name)).join(', ');
}

/** A command as a word or two. */
export function nameOf(argv: readonly string[]): string {
  const text = printable(argv.slice(0, 3).join(' '));
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
