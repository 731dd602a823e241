import type { Scalar } from './model.ts';

/** What resources there are to be, in the JSON that daemon and programs exchange: see wire.ts. */

/** The body of `POST /api/v2/resources`. */
export interface DescribeJson {
  name: string;
  description?: string | null;
  endpoint?: string | null;
  tags?: readonly string[] | null;
  properties?: Readonly<Record<string, Scalar>> | null;
  env?: Readonly<Record<string, string>> | null;
  slots?: number | null;
  /** Seconds. */
  maxHold?: number | null;
  /** `DATACENTER:HOST`. */
  machine?: string | null;
  /** Seconds. */
  staleAfter?: number | null;
  offline?: { reason: string; until?: string | null } | null;
}

/** The body of `PATCH /api/v2/resources/{name}`, as RFC 7396 has it: what is absent stays, null takes away. */
export interface EditJson {
  description?: string | null;
  endpoint?: string | null;
  tags?: readonly string[] | null;
  addTags?: readonly string[] | null;
  removeTags?: readonly string[] | null;
  properties?: Readonly<Record<string, Scalar | null>> | null;
  env?: Readonly<Record<string, string | null>> | null;
  slots?: number | null;
  maxHold?: number | null;
  /** `DATACENTER:HOST`. */
  machine?: string | null;
  /** Seconds. */
  staleAfter?: number | null;
  /** What it was when somebody looked: where it is not that any more, nothing changes. */
  was?: Omit<DescribeJson, 'name' | 'offline'> | null;
}

/** A resource with all that a descriptor can say of it. */
export interface DescribedJson {
  name: string;
  description: string;
  endpoint: string;
  tags: string[];
  properties: Record<string, Scalar>;
  env: Record<string, string>;
  slots: number;
  maxHold: number | null;
  offline: { reason: string; until: string | null } | null;
  machine: string | null;
  staleAfter: number | null;
  /** `file:/etc/rentabot.yaml`, `api`, or `asked` where it was made up on demand. */
  source: string;
}

export interface DescriptorJson {
  resources: DescribedJson[];
}

/** One thing that `rentabot doctor` has looked at. */
export interface CheckJson {
  name: string;
  state: 'ok' | 'warn' | 'fail';
  text: string;
}

/** What `GET /api/v2/doctor` answers. */
export interface DoctorJson {
  /** By the daemon's clock. */
  at: string;
  version: string;
  /** When it started. */
  since: string;
  checks: CheckJson[];
}
