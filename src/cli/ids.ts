import { closeSync, openSync, readSync } from 'node:fs';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;

/** A ULID: 48 bits of milliseconds, then 80 random bits, in Crockford's base32. Sorts by time of minting. */
export function mintId(now: number = Date.now()): string {
  let time = '';
  for (let rest = now, i = 0; i < TIME_DIGITS; i += 1, rest = Math.floor(rest / 32)) time = CROCKFORD[rest % 32] + time;
  let random = '';
  for (const byte of randomBytes(RANDOM_DIGITS)) random += CROCKFORD[byte & 31];
  return time + random;
}

/** What proves that a lease is ours: 256 random bits. It travels in a body or a header, never in argv or a log. */
export function mintSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Tells one run of `lock` from another: 48 random bits in 8 characters. */
export function mintNonce(): string {
  return randomBytes(6).toString('base64url');
}

/**
 * From the kernel's generator, which is where node:crypto gets its own from; loading that takes 5 ms, a tenth of the
 * whole call. Where there is no such device it is loaded after all.
 */
function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  try {
    const device = openSync('/dev/urandom', 'r');
    try {
      if (readSync(device, bytes) === count) return bytes;
    } finally {
      closeSync(device);
    }
  } catch {
    // Below.
  }
  return Buffer.from(crypto.getRandomValues(new Uint8Array(count)));
}
