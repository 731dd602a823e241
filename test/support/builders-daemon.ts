import { randomUUID } from 'node:crypto';
import type { AcquireJson, HeldJson, LeaseJson, WaitingJson, WantJson } from '../../src/core/wire.ts';
import { type Answer, type Http, jsonOf } from './http.ts';

export function newId(): string {
  return randomUUID();
}

/** A secret that tells whose it is, in case it turns up where it should not. */
export function secretOf(id: string): string {
  return `secret-of-${id}`.padEnd(24, '_');
}

/** `board-1` is a name, `#3` an id, `tag:gpu` or `2*tag:gpu` tags, anything else an expression. */
export function wantJson(text: string): WantJson {
  const [, count, rest = text] = /^(?:(\d+)\*)?(.*)$/s.exec(text) ?? [];
  const many = count === undefined ? {} : { count: Number(count) };
  if (rest.startsWith('tag:')) return { tags: rest.slice(4).split(','), ...many };
  if (rest.startsWith('#')) return { id: Number(rest.slice(1)) };
  if (/^[\w.-]+$/.test(rest) && count === undefined) return { name: rest };
  return { where: rest, ...many };
}

export function acquireJson(
  id: string,
  wants: string | readonly string[],
  more: Partial<AcquireJson> = {},
): AcquireJson {
  const list = typeof wants === 'string' ? [wants] : wants;
  return { secret: secretOf(id), want: list.map(wantJson), ...more };
}

/** One client's way with one lease id. */
export class LeaseClient {
  readonly id: string;
  readonly secret: string;
  readonly path: string;

  constructor(
    private readonly http: Http,
    id = newId(),
  ) {
    this.id = id;
    this.secret = secretOf(id);
    this.path = `/api/v2/leases/${id}`;
  }

  put(wants: string | readonly string[], more: Partial<AcquireJson> = {}, query = ''): Promise<Answer> {
    return this.http.put(this.path + query, acquireJson(this.id, wants, more));
  }

  /** Asks, and expects to get it at once. */
  async hold(wants: string | readonly string[], more: Partial<AcquireJson> = {}): Promise<LeaseJson> {
    const answer = await this.put(wants, more);
    if (answer.status !== 200) throw new Error(`not held: ${answer.status} ${answer.text}`);
    return jsonOf<HeldJson>(answer).lease;
  }

  /** Asks, and expects to have to wait. */
  async wait(wants: string | readonly string[], more: Partial<AcquireJson> = {}): Promise<WaitingJson> {
    const answer = await this.put(wants, more);
    if (answer.status !== 202) throw new Error(`not waiting: ${answer.status} ${answer.text}`);
    return jsonOf<WaitingJson>(answer);
  }

  stream(wants: string | readonly string[], more: Partial<AcquireJson> = {}) {
    return this.http.stream('PUT', this.path, { body: acquireJson(this.id, wants, more) });
  }

  /** The lease's own stream. */
  messages() {
    return this.http.stream('GET', this.path, { headers: this.authorization });
  }

  get authorization(): Record<string, string> {
    return { authorization: `Lease ${this.secret}` };
  }

  show(): Promise<Answer> {
    return this.http.get(this.path);
  }

  renew(): Promise<Answer> {
    return this.http.ask('POST', `${this.path}/renew`, { headers: this.authorization });
  }

  extend(seconds: unknown): Promise<Answer> {
    return this.http.post(`${this.path}/extend`, { for: seconds }, { headers: this.authorization });
  }

  release(query = ''): Promise<Answer> {
    return this.http.delete(this.path + query, { headers: this.authorization });
  }
}
