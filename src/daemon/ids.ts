import { randomBytes } from 'node:crypto';
import type { Millis } from '../core/model.ts';

/** The daemon's only randomness. All of it is fit for secrets. */
export interface Ids {
  /** A ULID: 26 characters that sort by time. */
  id(now: Millis): string;
  /** 43 url-safe characters that nobody guesses: 256 bits. */
  secret(): string;
  /** `rb_` and 32 url-safe characters: 192 bits that scanners for secrets can tell. */
  token(): string;
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;
const SECRET_BYTES = 32;
const TOKEN_BYTES = 24;

/** Ids from a source of random bytes, by default the operating system's. */
export function makeIds(random: (count: number) => Uint8Array = randomBytes): Ids {
  return {
    id: (now) => ulid(now, random(RANDOM_CHARACTERS)),
    secret: () => Buffer.from(random(SECRET_BYTES)).toString('base64url'),
    token: () => `rb_${Buffer.from(random(TOKEN_BYTES)).toString('base64url')}`,
  };
}

/** The time in 48 bits, then 80 random ones; five bits of each byte are used, as 32 divides 256. */
function ulid(now: Millis, random: Uint8Array): string {
  let time = '';
  let rest = Math.floor(now);
  for (let i = 0; i < TIME_CHARACTERS; i += 1) {
    time = CROCKFORD.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  return time + Array.from(random, (byte) => CROCKFORD.charAt(byte % 32)).join('');
}
