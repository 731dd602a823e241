import type {
  AcquireJson,
  BlockerJson,
  DescriptorJson,
  EventJson,
  HeldJson,
  HistoryJson,
  HolderJson,
  LeaseJson,
  QueueJson,
  RenewedJson,
  ResourceJson,
  WaitingJson,
} from '../../core/wire.ts';

/** The story that the examples tell: CI asks for two GPUs while alice holds one of them. */

export const EXAMPLE_ID = '01JD3X6T8Q5W0Z9Y7R2M4K1N3B';
export const EXAMPLE_CLAIM_ID = '01JD3X9R2B7N4C6E8G0J1K3M5P';
export const EXAMPLE_SECRET = 'mint-your-own-22-characters';
export const EXAMPLE_RESOURCE = 'gpu-0';

const OTHER_ID = '01JD3X1C6M2F8VQ4T5H7B9K0ZE';
const ci: HolderJson = { name: 'ci', host: 'runner-4', link: 'https://ci.example/job/17' };
const alice: HolderJson = { name: 'alice', host: 'desk-7', link: null };

export const acquire: AcquireJson = {
  secret: EXAMPLE_SECRET,
  want: [{ tags: ['gpu'], count: 2 }],
  wait: 600,
  note: 'nightly',
  holder: ci,
};

export const claim: AcquireJson = {
  secret: EXAMPLE_SECRET,
  want: [{ name: 'gpu-0' }],
  claim: { for: 7200, accept: 900 },
  note: 'profiling',
  holder: { name: 'alice', host: 'desk-7' },
};

export const lease: LeaseJson = {
  id: EXAMPLE_ID,
  fence: 42,
  resources: [
    {
      id: 1,
      name: 'gpu-0',
      endpoint: '',
      properties: { mem: 80 },
      env: { CUDA_VISIBLE_DEVICES: '0' },
      fence: 42,
      mode: 'exclusive',
    },
    {
      id: 2,
      name: 'gpu-1',
      endpoint: '',
      properties: { mem: 80 },
      env: { CUDA_VISIBLE_DEVICES: '1' },
      fence: 42,
      mode: 'exclusive',
    },
  ],
  want: '2*gpu',
  holder: ci,
  note: 'nightly',
  priority: 0,
  ttl: 30,
  hold: null,
  guarded: false,
  since: '2026-01-31T12:00:00.000Z',
  waited: 95.2,
  expiresAt: '2026-01-31T12:00:30.000Z',
  until: null,
  ending: null,
  claim: false,
  owner: 'ci',
};

/** As it is shown to who is not its holder. */
export const leaseToAnyone: LeaseJson = { ...lease, resources: lease.resources.map(({ env: _, ...rest }) => rest) };

export const held: HeldJson = { state: 'held', lease };

const blocker: BlockerJson = {
  resource: 'gpu-1',
  cause: 'held',
  holder: alice,
  owner: 'alice',
  note: 'profiling',
  since: '2026-01-31T11:40:00.000Z',
  until: '2026-01-31T12:40:00.000Z',
};

export const waiting: WaitingJson = {
  state: 'waiting',
  id: EXAMPLE_ID,
  position: 2,
  eta: '2026-01-31T12:05:00.000Z',
  blockers: [blocker],
};

export const renewed: RenewedJson = { lease, messages: [] };

export const queue: QueueJson = {
  waiting: [
    {
      id: EXAMPLE_ID,
      position: 1,
      holder: ci,
      want: '2*gpu',
      since: '2026-01-31T11:58:24.800Z',
      priority: 0,
      note: 'nightly',
      eta: null,
      until: '2026-01-31T12:08:24.800Z',
      blockers: [blocker],
      claim: false,
      steals: false,
      owner: 'ci',
    },
  ],
};

export const resource: ResourceJson = {
  id: 2,
  name: 'gpu-1',
  state: 'held',
  description: 'second card of lab-3',
  tags: ['gpu', 'a100'],
  endpoint: 'ssh://lab-3',
  properties: { mem: 80 },
  slots: 1,
  maxHold: null,
  offline: null,
  lastUsed: '2026-01-31T11:39:58.000Z',
  drainedAt: null,
  waiting: 1,
  leases: [
    {
      id: OTHER_ID,
      holder: alice,
      note: 'profiling',
      mode: 'exclusive',
      since: '2026-01-31T11:40:00.000Z',
      until: '2026-01-31T12:40:00.000Z',
      guarded: false,
      claim: true,
      ending: false,
      owner: 'alice',
    },
  ],
};

export const added: ResourceJson = {
  id: 7,
  name: 'compiler-licence',
  state: 'free',
  description: '',
  tags: ['licence'],
  endpoint: '',
  properties: {},
  slots: 5,
  maxHold: null,
  offline: null,
  lastUsed: null,
  drainedAt: null,
  waiting: 0,
  leases: [],
};

export const descriptor: DescriptorJson = {
  resources: [
    {
      name: resource.name,
      description: resource.description,
      endpoint: resource.endpoint,
      tags: resource.tags,
      properties: resource.properties,
      env: { CUDA_VISIBLE_DEVICES: '1' },
      slots: 1,
      maxHold: null,
      offline: null,
      machine: null,
      staleAfter: null,
      source: 'file:/etc/rentabot.yaml',
    },
  ],
};

export const why = {
  state: 'waiting',
  detail: '2*gpu would have to be waited for',
  hint: '',
  blockers: [blocker],
} as const;

export const event: EventJson = {
  id: 108,
  at: '2026-01-31T12:00:00.000Z',
  type: 'lease-granted',
  lease: EXAMPLE_ID,
  holder: ci,
  note: 'nightly',
  resources: ['gpu-0', 'gpu-1'],
  fence: 42,
  waited: 95.2,
  until: null,
};

export const history: HistoryJson = { events: [event], next: null };
