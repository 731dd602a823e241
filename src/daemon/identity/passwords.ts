import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { RentabotError, refuse } from '../../core/error.ts';

/** Of scrypt: memory and time are 2^ln · r · 128 bytes, p times over. */
export interface PasswordCost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB, three times: what OWASP's cheat sheet on password storage has for this much memory; about a quarter of a second. */
export const PASSWORD_COST: PasswordCost = { ln: 15, r: 8, p: 3 };
export const SHORTEST_PASSWORD = 8;
export const LONGEST_PASSWORD = 1024;

const HASH_BYTES = 32;
/** So many are worked out at once, and so many more may wait for that: each takes memory and a core. */
const AT_ONCE = 2;
const MOST_WAITING = 32;
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Hashes passwords and compares them, a few at a time. */
export class Passwords {
  private working = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly cost: PasswordCost = PASSWORD_COST) {}

  /** In PHC form: `$scrypt$ln=15,r=8,p=3$salt$hash`. */
  async hash(password: string, salt: Buffer): Promise<string> {
    const { ln, r, p } = this.cost;
    const hash = await this.derive(password, salt, this.cost);
    return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
  }

  /** Whether this is the password. Without a hash it takes as long, and is not. */
  async matches(password: string, phc: string | null): Promise<boolean> {
    const parts = PHC.exec(phc ?? '');
    if (!parts) {
      await this.derive(password, Buffer.alloc(16), this.cost);
      return false;
    }
    const [, ln, r, p, salt = '', hash = ''] = parts;
    const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
    const derived = await this.derive(password, Buffer.from(salt, 'base64'), cost);
    const known = Buffer.from(hash, 'base64');
    return known.length === derived.length && timingSafeEqual(known, derived);
  }

  private async derive(password: string, salt: Buffer, { ln, r, p }: PasswordCost): Promise<Buffer> {
    await this.turn();
    const N = 2 ** ln;
    const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
    try {
      return await new Promise((resolve, reject) => {
        scrypt(password.normalize('NFKC'), salt, HASH_BYTES, options, (error, key) => {
          if (error) reject(error);
          else resolve(key);
        });
      });
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.working -= 1;
    }
  }

  /** Resolves when it is the caller's turn. Throws where too many wait already. */
  private async turn(): Promise<void> {
    if (this.working < AT_ONCE) {
      this.working += 1;
      return;
    }
    if (this.waiting.length >= MOST_WAITING)
      throw new RentabotError(refuse('limit', 'too many passwords are being checked', { retryAfter: 5 }));
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
