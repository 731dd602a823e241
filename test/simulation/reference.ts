import type { Acquire, Command, Extend } from '../../src/core/command.ts';
import type { Changes } from '../../src/core/description.ts';
import type { ErrorCode } from '../../src/core/error.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import type {
  Asked,
  Claim,
  Description,
  EndReason,
  Lease,
  Millis,
  Mode,
  Outcome,
  Rules,
  Selector,
  Use,
} from '../../src/core/model.ts';

/**
 * The rules of the product once more, written as plainly as possible: lists that are searched from end to end, no index,
 * no timers, no memory of what changed. It shares no code with src/core. It says what a turn must lead to; only which of
 * several fitting resources somebody gets is taken over from the events, and checked.
 */
export class Reference {
  resources: Thing[] = [];
  /** What people took away though a file has it: who described it, and how. */
  removed = new Map<string, Pick<Thing, 'source' | 'said'>>();
  waiters: Waiting[] = [];
  leases: Holding[] = [];
  ended = new Map<string, Spent>();
  counters = { resourceId: 0, ticket: 0, fence: 0 };
  now: Millis = 0;
  /** Every final answer an id ever got: there is one for each. */
  readonly outcomes = new Map<string, string>();
  private readonly seqOf = new Map<string, number>();
  private lastEnd = 0;

  constructor(private readonly rules: Rules) {}

  /** One turn: returns the code of each refusal. */
  turn(commands: readonly Command[], events: readonly StoredEvent[], now: Millis): (ErrorCode | null)[] {
    must(now >= this.now, 'time ran backwards');
    this.now = now;
    this.passTime();
    for (const event of events) {
      if (event.type === 'ids-forgotten') this.forget(event.upTo);
      else this.number(event);
    }
    const codes = commands.map((command) => this.obey(command));
    for (const event of events) this.follow(event);
    this.dropMadeUp(events);
    this.checkNobodyIsLeft();
    return codes;
  }

  /** The daemon was away. */
  restart(now: Millis): void {
    this.now = now;
    for (const lease of this.leases) lease.expiresAt = now + lease.ttl;
    for (const waiter of this.waiters) Object.assign(waiter, { connections: 0, heardAt: now });
    for (const thing of this.resources) {
      const onlyToGo = thing.retiring && this.users(thing).length === 0;
      if (thing.drainedAt !== null && thing.drainedAt <= now) thing.drainedAt = onlyToGo ? now : null;
    }
  }

  /** When time alone will next change something. */
  deadline(): Millis {
    const dues = [
      ...this.leases.map(dueOfLease),
      ...this.waiters.map((waiter) => dueOfWaiter(waiter, this.rules.limits.silence)),
      ...this.resources.map(({ offlineUntil }) => offlineUntil ?? Number.POSITIVE_INFINITY),
      ...this.resources.map(({ drainedAt }) => drainedAt ?? Number.POSITIVE_INFINITY),
    ];
    return Math.min(...dues, Number.POSITIVE_INFINITY);
  }

  /** Whether anything is held back after a silent holder. */
  isDraining(): boolean {
    return this.resources.some(({ drainedAt }) => drainedAt !== null);
  }

  /** By priority, then arrival. */
  inOrder(): Waiting[] {
    return [...this.waiters].sort((a, b) => b.priority - a.priority || a.ticket - b.ticket);
  }

  fits(selector: Selector, thing: Thing): boolean {
    switch (selector.type) {
      case 'name':
        return thing.name === selector.name;
      case 'id':
        return thing.id === selector.id;
      case 'tags':
        return selector.tags.every((tag) => thing.tags.includes(tag));
      case 'where':
        return fitsExpression(selector.where, thing);
      default:
        return selector satisfies never;
    }
  }

  wants(waiter: Pick<Waiting, 'wants'>, thing: Thing): boolean {
    return waiter.wants.some(({ selector }) => this.fits(selector, thing));
  }

  users(thing: Thing): { readonly lease: Holding; readonly mode: Mode }[] {
    return this.leases.flatMap((lease) =>
      lease.uses.filter(({ resource }) => resource === thing.id).map(({ mode }) => ({ lease, mode })),
    );
  }

  /** Whether one more of this mode fits, from who uses it. */
  hasRoom(thing: Thing, mode: Mode): boolean {
    if (thing.offline || thing.retiring || thing.drainedAt !== null) return false;
    const modes = this.users(thing).map((user) => user.mode);
    if (modes.includes('whole')) return false;
    if (mode === 'whole') return modes.length === 0;
    const sharing = modes.includes('shared');
    if (mode === 'shared' && sharing) return true;
    return modes.filter((one) => one === 'slot').length + (sharing ? 1 : 0) < thing.slots;
  }

  /** Nobody before this waiter wants it. */
  isFirstFor(waiter: Waiting, thing: Thing): boolean {
    for (const other of this.inOrder()) {
      if (other === waiter) return true;
      if (this.wants(other, thing)) return false;
    }
    return true;
  }

  servable(waiter: Waiting): boolean {
    const units = unitsOf(waiter.wants);
    return this.assignable(units, (unit, thing) => {
      const { selector, mode } = unit;
      return this.fits(selector, thing) && this.hasRoom(thing, mode) && this.isFirstFor(waiter, thing);
    });
  }

  private passTime(): void {
    const { now } = this;
    for (const thing of this.resources) {
      if (thing.offlineUntil !== null && thing.offlineUntil <= now) {
        thing.offline = false;
        thing.offlineUntil = null;
      }
    }
    for (const thing of [...this.resources]) {
      if (thing.drainedAt === null || thing.drainedAt > now) continue;
      thing.drainedAt = null;
      this.dropIfDone(thing);
    }
    for (const waiter of [...this.waiters]) {
      if (dueOfWaiter(waiter, this.rules.limits.silence) > now) continue;
      const timeout = waiter.givesUpAt !== null && waiter.givesUpAt <= now;
      this.endWaiter(waiter, timeout ? 'timeout' : 'lost', 'expired');
    }
    for (const lease of [...this.leases]) {
      if (lastsUntil(lease) <= now) this.endLease(lease, lease.ending ?? 'expired', { drains: lease.guarded });
      else if (lease.endsAt !== null && lease.endsAt <= now) this.revoke(lease, 'expired');
    }
  }

  private obey(command: Command): ErrorCode | null {
    switch (command.type) {
      case 'acquire':
        return this.acquire(command);
      case 'renew': {
        const lease = this.leaseFor(command);
        if (typeof lease === 'string') return lease;
        this.renew(lease);
        return null;
      }
      case 'extend': {
        const lease = this.leaseFor(command);
        if (typeof lease === 'string') return lease;
        return this.extend(lease, command);
      }
      case 'release':
        return this.release(command);
      case 'accept': {
        const lease = this.leaseFor(command);
        return typeof lease === 'string' ? lease : this.accept(lease);
      }
      case 'share': {
        const lease = this.leaseFor(command);
        if (typeof lease === 'string') return lease;
        const others = lease.shares.filter((name) => name !== command.with);
        if (lease.shares.includes(command.with) !== command.shared)
          lease.shares = command.shared ? [...others, command.with] : others;
        return null;
      }
      case 'ask':
        return this.ask(command);
      case 'listen': {
        const waiter = this.waiters.find(({ id }) => id === command.id);
        if (!waiter) return null;
        waiter.connections = Math.max(0, waiter.connections + command.change);
        waiter.heardAt = this.now;
        return null;
      }
      case 'declare':
        return this.declare(command);
      case 'offline': {
        const thing = this.resources.find(({ name }) => name === command.name);
        if (!thing) return 'impossible';
        if (command.until !== null && command.until <= this.now) return 'usage';
        thing.offline = true;
        thing.offlineUntil = command.until;
        return null;
      }
      case 'online': {
        const thing = this.resources.find(({ name }) => name === command.name);
        if (!thing) return 'impossible';
        thing.offline = false;
        thing.offlineUntil = null;
        return null;
      }
      case 'describe':
        return this.add(command.description);
      case 'edit':
        return this.edit(command.name, command.changes);
      case 'remove':
        return this.remove(command.name);
      // It changes nothing but the history.
      case 'audit':
      case 'see':
        // Its worlds have no machines; test/core/silence.test.ts has.
        return null;
      default:
        return command satisfies never;
    }
  }

  private acquire(command: Acquire): ErrorCode | null {
    const { id, wants, secretHash } = command;
    const shape = JSON.stringify(wants);
    const lease = this.leases.find((one) => one.id === id);
    const waiter = this.waiters.find((one) => one.id === id);
    const known = lease ?? waiter ?? this.ended.get(id);
    if (known) {
      if (known.secret !== '' && known.secret !== secretHash) return 'denied';
      if (known.shape !== '' && known.shape !== shape) return 'conflict';
      if (lease) this.renew(lease);
      if (waiter) waiter.heardAt = this.now;
      return this.ended.get(id)?.outcome ?? null;
    }
    if (this.waiters.length >= this.rules.limits.waiters) return 'limit';
    const wrong = this.refuseClaim(command);
    if (wrong !== null) return wrong;
    const made = this.makeUp(command);
    if (!this.everPossible(wants)) {
      this.resources = this.resources.filter((thing) => !made.includes(thing));
      return 'impossible';
    }
    this.counters.resourceId += made.length;
    this.counters.ticket += 1;
    this.waiters.push({
      ...{ id, shape, wants, secret: secretHash, principal: command.principal.name },
      ...{ claim: command.claim, steals: command.steals !== null },
      priority: command.steals === null ? command.priority : 1e9,
      ...{ ttl: command.ttl, hold: command.hold, guarded: command.guarded, note: command.note },
      ...{ ticket: this.counters.ticket, askedAt: this.now, heardAt: this.now, connections: 0 },
      givesUpAt: command.wait === null ? null : this.now + command.wait,
    });
    if (command.steals !== null) this.takeOver(wants);
    return null;
  }

  private refuseClaim({ claim, steals, guarded, wants, principal }: Acquire): ErrorCode | null {
    if (claim !== null && guarded) return 'usage';
    if (steals === null) return null;
    if (claim === null || wants.some(({ selector }) => selector.type !== 'name')) return 'usage';
    if (principal.role !== 'admin') return 'denied';
    const others = this.waiters.filter((waiter) => waiter.steals).flatMap((waiter) => waiter.wants);
    return others.some((other) => wants.some(({ key }) => key === other.key)) ? 'busy' : null;
  }

  /** Room for a slot is made by whoever came last; for all of it, by everybody. */
  private takeOver(wants: Acquire['wants']): void {
    for (const { selector, mode } of wants) {
      const thing = this.resources.find((one) => this.fits(selector, one));
      if (!thing) continue;
      const users = this.users(thing);
      const slots = users.filter((user) => user.mode === 'slot').map(({ lease }) => lease);
      const sharing = users.some((user) => user.mode === 'shared');
      const all = mode === 'whole' || users.some((user) => user.mode === 'whole') || slots.length === 0;
      const fits = slots.length + (sharing ? 1 : 0) < thing.slots || (mode === 'shared' && sharing);
      if (mode !== 'whole' && fits && !users.some((user) => user.mode === 'whole')) continue;
      const newest = Math.max(...slots.map(({ fence }) => fence));
      if (all) for (const { lease } of users) this.revoke(lease, 'stolen');
      else if (slots.every(({ ending }) => ending === null))
        for (const lease of slots) if (lease.fence === newest) this.revoke(lease, 'stolen');
    }
  }

  private accept(lease: Holding): ErrorCode | null {
    const { claim, ending, offeredUntil } = lease;
    if (claim === null || ending !== null) return 'conflict';
    if (offeredUntil === null) return null;
    const life = Math.min(lease.hold ?? Number.POSITIVE_INFINITY, this.longestHold(lease.uses));
    const until = claim.for === null ? lease.grantedAt + life : Math.min(this.now + claim.for, lease.grantedAt + life);
    Object.assign(lease, { offeredUntil: null, acceptedAt: this.now, ...this.lasting(lease, until) });
    return null;
  }

  private ask({ name, by, note, principal }: Extract<Command, { type: 'ask' }>): ErrorCode | null {
    const thing = this.resources.find((one) => one.name === name);
    if (!thing) return 'impossible';
    const asked = { by: principal.name || by, note, at: this.now };
    for (const { lease } of this.users(thing)) {
      const again = lease.asked.some((one) => one.by === asked.by && one.note === note && this.now - one.at < 60_000);
      if (!again) lease.asked = [...lease.asked, asked].slice(-5);
    }
    return null;
  }

  private makeUp({ wants }: Acquire): Thing[] {
    const made: Thing[] = [];
    if (this.rules.undeclared !== 'create') return made;
    for (const { selector } of wants) {
      if (selector.type !== 'name' || this.resources.some(({ name }) => name === selector.name)) continue;
      made.push({
        ...{ id: this.counters.resourceId + made.length + 1, name: selector.name, tags: [], properties: {}, slots: 1 },
        ...{ maxHold: null, offline: false, offlineUntil: null, retiring: false, source: 'asked', said: '' },
        ...{ lastUsedAt: null, drainedAt: null, removed: false },
      });
      this.resources.push(made.at(-1) as Thing);
    }
    return made;
  }

  private everPossible(wants: Acquire['wants']): boolean {
    return this.assignable(unitsOf(wants), ({ selector }, thing) => !thing.retiring && this.fits(selector, thing));
  }

  private assignable(units: readonly Unit[], may: (unit: Unit, thing: Thing) => boolean): boolean {
    return assignable(units.map((unit) => this.resources.filter((thing) => may(unit, thing))));
  }

  private renew(lease: Holding): void {
    if (lease.ending === null) lease.expiresAt = this.now + lease.ttl;
  }

  private extend(lease: Holding, { for: span, guarded, note, exact }: Extend): ErrorCode | null {
    if (lease.ending !== null) return 'conflict';
    if (guarded && !lease.guarded) return 'usage';
    const until = Math.min(this.now + span, lease.grantedAt + this.longestHold(lease.uses));
    const isClaim =
      !lease.guarded && (isForEver(lease) || (lease.endsAt !== null && (lease.keptUntil ?? 0) >= lease.endsAt));
    if (exact && isClaim) {
      Object.assign(lease, { offeredUntil: null, endsAt: until, keptUntil: until, expiresAt: until });
      return null;
    }
    if (isForEver(lease)) return null;
    if (guarded === false) {
      if (isClaim) return null;
      Object.assign(lease, { guarded: false, endsAt: until, keptUntil: until, expiresAt: until });
      if (note !== null) lease.note = note;
      return null;
    }
    const longEnough = (lease.endsAt === null || lease.endsAt >= until) && (lease.keptUntil ?? 0) >= until;
    if (longEnough && lease.offeredUntil === null) return null;
    lease.offeredUntil = null;
    if (lease.endsAt !== null) lease.endsAt = Math.max(lease.endsAt, until);
    lease.keptUntil = Math.max(lease.keptUntil ?? 0, until);
    lease.expiresAt = Math.max(lease.expiresAt, Math.min(this.now + lease.ttl, until));
    return null;
  }

  private longestHold(uses: readonly Use[]): Millis {
    const limits = uses.map(({ resource }) => this.resources.find(({ id }) => id === resource)?.maxHold ?? null);
    return Math.min(...limits.map((limit) => limit ?? Number.POSITIVE_INFINITY));
  }

  private release(command: Extract<Command, { type: 'release' }>): ErrorCode | null {
    const { id, secretHash, principal } = command;
    const spent = this.ended.get(id);
    if (spent) return secretHash !== null && spent.secret !== '' && spent.secret !== secretHash ? 'denied' : null;
    const lease = this.leases.find((one) => one.id === id);
    const waiter = this.waiters.find((one) => one.id === id);
    const known = lease ?? waiter;
    if (!known) {
      this.spend({ id, secret: secretHash ?? '', shape: '', outcome: 'lost', reason: 'released', at: this.now });
      return null;
    }
    if (!mayTouch(known, command)) return 'denied';
    const own = principal.name === known.principal || (lease?.shares.includes(principal.name) ?? false);
    const reason = secretHash !== null || own ? 'released' : 'revoked';
    if (waiter) this.endWaiter(waiter, 'lost', reason);
    else if (lease?.guarded && command.only !== undefined) return 'usage';
    else if (lease && command.only !== undefined && lease.uses.some(({ resource }) => resource !== command.only))
      this.reduce(lease, command.only);
    else if (lease && command.ended) this.endLease(lease, lease.ending ?? reason);
    else if (lease) this.revoke(lease, reason);
    return null;
  }

  private leaseFor(command: Extract<Command, { type: 'renew' | 'extend' | 'accept' | 'share' }>): Holding | ErrorCode {
    const { id, secretHash } = command;
    const spent = this.ended.get(id);
    if (spent) return secretHash !== null && spent.secret !== '' && spent.secret !== secretHash ? 'denied' : 'lost';
    const known = this.leases.find((one) => one.id === id) ?? this.waiters.find((one) => one.id === id);
    if (!known) return 'not-found';
    if (!mayTouch(known, command)) return 'denied';
    return this.leases.find((one) => one === known) ?? 'not-found';
  }

  private declare(command: Extract<Command, { type: 'declare' }>): ErrorCode | null {
    const described = new Map(command.resources.map((one) => [one.name, one]));
    const names = new Set(described.keys());
    for (const [name, one] of described) {
      const thing = this.named(name);
      const away = this.removed.get(name);
      const unsaid = away?.source === command.source && away.said === JSON.stringify(one);
      if (unsaid && (!thing || thing.source === 'asked')) described.delete(name);
    }
    const fresh = [...described.keys()].filter((name) => !this.named(name)).length;
    const dropped = command.additive
      ? []
      : this.resources.filter(({ name, source }) => source === command.source && !names.has(name));
    if (this.resources.length + fresh > this.rules.limits.resources) return 'limit';
    for (const one of described.values()) this.describe(one, command.source);
    for (const thing of dropped) {
      thing.retiring = true;
      this.dropIfDone(thing);
    }
    for (const [name, { source }] of command.additive ? [] : this.removed) {
      if (source === command.source && !names.has(name)) this.removed.delete(name);
    }
    this.sendAwayStranded();
    return null;
  }

  private sendAwayStranded(): void {
    for (const waiter of this.inOrder()) {
      if (!this.everPossible(waiter.wants)) this.endWaiter(waiter, 'impossible', 'expired');
    }
  }

  private named(name: string): Thing | undefined {
    return this.resources.find((thing) => thing.name === name);
  }

  private add(one: Description): ErrorCode | null {
    const thing = this.named(one.name);
    if (thing && !thing.retiring && thing.source !== 'asked') {
      const repeated = thing.source === 'api' && thing.said === JSON.stringify(one);
      return repeated || alike(thing, one) ? null : 'conflict';
    }
    if (!thing && this.resources.length >= this.rules.limits.resources) return 'limit';
    const away = thing?.removed ? thing : this.removed.get(one.name);
    const { source, said } = away ?? { source: 'api', said: JSON.stringify(one) };
    const { offline, offlineUntil } = thing ?? {};
    this.put(one, one, source, said);
    // Saying what it is brings nothing back into service.
    const until = one.offline?.until ?? null;
    const stillOff = one.offline !== null && (until === null || until > this.now);
    if (thing) Object.assign(thing, stillOff ? { offline: true, offlineUntil: until } : { offline, offlineUntil });
    return null;
  }

  private edit(name: string, changes: Changes): ErrorCode | null {
    const thing = this.named(name);
    if (!thing) return 'impossible';
    const { tags = thing.tags, addTags = [], removeTags = [], properties, slots, maxHold } = changes;
    const before = { ...thing };
    thing.tags = [...new Set([...tags, ...addTags])].filter((tag) => !removeTags.includes(tag));
    for (const [key, value] of Object.entries(properties ?? {})) {
      const { [key]: _, ...others } = thing.properties;
      thing.properties = value === null ? others : { ...others, [key]: value };
    }
    if (slots !== undefined) thing.slots = slots;
    if (maxHold !== undefined) thing.maxHold = maxHold;
    if (alike(before, thing)) Object.assign(thing, before);
    else if (thing.source === 'asked') thing.source = 'api';
    this.sendAwayStranded();
    return null;
  }

  private remove(name: string): ErrorCode | null {
    const thing = this.named(name);
    if (!thing) return 'impossible';
    thing.retiring = true;
    thing.removed = thing.source.startsWith('file:');
    this.dropIfDone(thing);
    this.sendAwayStranded();
    return null;
  }

  private describe(one: Description, source: string): void {
    const thing = this.named(one.name);
    const said = JSON.stringify(one);
    if (!thing || thing.said === '' || thing.removed) {
      const isSame = thing?.said === said && thing.source === source;
      if (!isSame) this.put(one, one, source, said);
      return;
    }
    if (thing.said === said && thing.source === source && !thing.retiring) return;
    // Where the file says what it said before, it stays as people left it.
    const before = JSON.parse(thing.said) as Description;
    const now: Traits = {
      tags: [
        ...one.tags.filter((tag) => !before.tags.includes(tag) || thing.tags.includes(tag)),
        ...thing.tags.filter((tag) => !before.tags.includes(tag) && !one.tags.includes(tag)),
      ],
      properties: before.properties.mem === one.properties.mem ? thing.properties : one.properties,
      slots: before.slots === one.slots ? thing.slots : one.slots,
      maxHold: before.maxHold === one.maxHold ? thing.maxHold : one.maxHold,
    };
    this.put(one, now, source, said);
  }

  /** A new thing, or what a known one is from now on. */
  private put(one: Description, traits: Traits, source: string, said: string): void {
    const thing = this.named(one.name);
    const { tags, properties, slots, maxHold } = traits;
    const stillOff = one.offline !== null && (one.offline.until === null || one.offline.until > this.now);
    const off = { offline: stillOff, offlineUntil: stillOff ? (one.offline?.until ?? null) : null };
    if (this.removed.delete(one.name) && thing) must(thing.source !== source, `${one.name} came back`);
    if (!thing) {
      this.counters.resourceId += 1;
      const made = { id: this.counters.resourceId, name: one.name, tags, properties, slots, maxHold };
      const fresh = { retiring: false, removed: false, source, said, lastUsedAt: null, drainedAt: null };
      this.resources.push({ ...made, ...off, ...fresh });
      return;
    }
    const before = thing.said === '' || thing.removed ? null : (JSON.parse(thing.said) as Description).offline;
    Object.assign(thing, { tags, properties, slots, maxHold, source, retiring: false, removed: false, said });
    if (JSON.stringify(before) !== JSON.stringify(one.offline)) Object.assign(thing, off);
  }

  /** What the core chose: grants, and who did not wait. Checked, then taken over. */
  private follow(event: StoredEvent): void {
    if (event.type === 'lease-granted') this.followGrant(event.lease);
    if (event.type !== 'waiter-left' || event.ended.outcome !== 'busy') return;
    const waiter = this.waiters.find(({ id }) => id === event.request.id);
    if (!waiter) throw new Broken(`${event.request.id} is told busy and is not in the queue`);
    must(waiter.givesUpAt === this.now && waiter.askedAt === this.now, `${waiter.id} is told busy, yet it waits`);
    must(!this.servable(waiter), `${waiter.id} is told busy while it could be served`);
    this.endWaiter(waiter, 'busy', 'expired');
  }

  private followGrant(lease: Lease): void {
    const { id } = lease.request;
    const waiter = this.waiters.find((one) => one.id === id);
    if (!waiter) throw new Broken(`${id} is granted and is not in the queue`);
    this.checkUses(waiter, lease.uses);
    must(lease.fence > this.counters.fence, `fence ${lease.fence} does not exceed ${this.counters.fence}`);
    this.counters.fence = lease.fence;
    const life = Math.min(waiter.hold ?? Number.POSITIVE_INFINITY, this.longestHold(lease.uses));
    this.waiters = this.waiters.filter((one) => one !== waiter);
    this.leases.push({
      ...waiter,
      ...{ fence: lease.fence, uses: lease.uses, grantedAt: this.now, keptUntil: null, ending: null },
      ...{ offeredUntil: null, acceptedAt: null, asked: [], shares: [] },
      endsAt: Number.isFinite(life) ? this.now + life : null,
      expiresAt: this.now + waiter.ttl,
      ...this.claimed(waiter, life),
    });
  }

  private claimed(waiter: Waiting, life: Millis): Partial<Holding> {
    const { claim } = waiter;
    if (claim === null) return {};
    const until = this.now + Math.min(claim.accept ?? claim.for ?? Number.POSITIVE_INFINITY, life);
    return { ...this.lasting(waiter, until), offeredUntil: claim.accept === null ? null : until };
  }

  /** By itself until then, which may be never. */
  private lasting({ ttl }: Waiting, until: Millis): Pick<Holding, 'endsAt' | 'keptUntil' | 'expiresAt'> {
    if (!Number.isFinite(until)) return { endsAt: null, keptUntil: null, expiresAt: this.now + ttl };
    return { endsAt: until, keptUntil: until, expiresAt: until };
  }

  private checkUses(waiter: Waiting, uses: readonly Use[]): void {
    const units = unitsOf(waiter.wants);
    must(units.length === uses.length, `${waiter.id} wants ${units.length} and gets ${uses.length}`);
    must(new Set(uses.map((use) => use.resource)).size === uses.length, `${waiter.id} gets the same thing twice`);
    for (const [i, { resource, mode }] of uses.entries()) {
      const unit = units[i] as Unit;
      const thing = this.resources.find((one) => one.id === resource);
      if (!thing) throw new Broken(`${waiter.id} gets ${resource}, which does not exist`);
      must(mode === unit.mode && this.fits(unit.selector, thing), `${waiter.id} gets ${thing.name}: the wrong kind`);
      must(this.hasRoom(thing, mode), `${waiter.id} gets ${thing.name}, which has no room`);
      must(this.isFirstFor(waiter, thing), `${waiter.id} gets ${thing.name} past somebody who wants it`);
    }
    if (units.length === 1) this.checkChoice(waiter, units[0] as Unit, uses[0] as Use);
  }

  /** The one that the fewest others want; then never used, longest idle, lowest id. */
  private checkChoice(waiter: Waiting, { selector, mode }: Unit, use: Use): void {
    const rank = (thing: Thing) => [
      this.waiters.filter((other) => other !== waiter).reduce((sum, other) => sum + this.countWants(other, thing), 0),
      thing.lastUsedAt ?? -1,
      thing.id,
    ];
    const able = this.resources.filter(
      (thing) => this.fits(selector, thing) && this.hasRoom(thing, mode) && this.isFirstFor(waiter, thing),
    );
    const best = able.sort((a, b) => compare(rank(a), rank(b)))[0];
    must(best?.id === use.resource, `${waiter.id} gets ${use.resource} where ${best?.name} would be the better choice`);
  }

  /** How many different things of what somebody wants this could be. */
  private countWants(other: Waiting, thing: Thing): number {
    const selectors = new Map(other.wants.map(({ key, selector }) => [key, selector]));
    return [...selectors.values()].filter((selector) => this.fits(selector, thing)).length;
  }

  /** Names made up on demand go once nobody needs them: which ones is the core's choice, within the bound. */
  private dropMadeUp(events: readonly StoredEvent[]): void {
    for (const event of events) {
      if (event.type !== 'resource-removed' || event.resource.source !== 'asked') continue;
      const thing = this.resources.find(({ id }) => id === event.resource.id);
      if (!thing) continue;
      const unused = this.users(thing).length === 0 && !this.waiters.some((waiter) => this.wants(waiter, thing));
      must(unused, `${thing.name} is dropped while somebody needs it`);
      must(thing.drainedAt === null, `${thing.name} is dropped while it drains`);
      const made = this.resources.filter(({ source }) => source === 'asked').length;
      must(made > this.rules.limits.undeclared, `${thing.name} is dropped though there is place for it`);
      this.resources = this.resources.filter((one) => one !== thing);
    }
  }

  private checkNobodyIsLeft(): void {
    for (const waiter of this.waiters) {
      must(!this.servable(waiter), `${waiter.id} waits and could be served`);
      must(waiter.givesUpAt !== this.now, `${waiter.id} asked once, and still waits`);
    }
  }

  /** In which order what ended at the same moment did is the core's choice; its numbers only ever grow. */
  private number(event: StoredEvent): void {
    if (!('ended' in event)) return;
    const { id, seq } = event.ended;
    must(seq > this.lastEnd, `${id} ended as number ${seq}, after number ${this.lastEnd}`);
    this.lastEnd = seq;
    this.seqOf.set(id, seq);
  }

  private forget(upTo: number): void {
    const seq = ({ id }: Spent) => this.seqOf.get(id) ?? 0;
    const spent = [...this.ended.values()].sort((a, b) => seq(a) - seq(b));
    const surplus = spent.length - this.rules.limits.remembered;
    for (const [i, one] of spent.entries()) {
      if (seq(one) > upTo) continue;
      const old = one.at + this.rules.limits.rememberedFor <= this.now;
      must(old || i < surplus, `${one.id} is forgotten too early`);
      this.ended.delete(one.id);
      this.outcomes.delete(one.id);
    }
  }

  private endWaiter(waiter: Waiting, outcome: Outcome, reason: EndReason): void {
    this.waiters = this.waiters.filter((one) => one !== waiter);
    this.spend({ id: waiter.id, secret: waiter.secret, shape: waiter.shape, outcome, reason, at: this.now });
  }

  private reduce(lease: Holding, resource: number): void {
    const rest = lease.uses.filter((use) => use.resource !== resource);
    if (rest.length === lease.uses.length) return;
    Object.assign(lease, { uses: rest });
    const thing = this.resources.find(({ id }) => id === resource) as Thing;
    thing.lastUsedAt = this.now;
    this.dropIfDone(thing);
  }

  private endLease(lease: Holding, reason: EndReason, { drains } = { drains: false }): void {
    const things = lease.uses.map(({ resource }) => this.resources.find(({ id }) => id === resource) as Thing);
    this.leases = this.leases.filter((one) => one !== lease);
    this.spend({ id: lease.id, secret: lease.secret, shape: lease.shape, outcome: 'lost', reason, at: this.now });
    for (const thing of things) {
      thing.lastUsedAt = this.now;
      if (drains && this.rules.drain > 0) thing.drainedAt = this.now + this.rules.drain;
      this.dropIfDone(thing);
    }
  }

  private dropIfDone(thing: Thing): void {
    if (!thing.retiring || thing.drainedAt !== null || this.users(thing).length > 0) return;
    this.resources = this.resources.filter((one) => one !== thing);
    if (thing.removed) this.removed.set(thing.name, { source: thing.source, said: thing.said });
  }

  private revoke(lease: Holding, reason: EndReason): void {
    const isSilent = lease.ending === null && lease.expiresAt <= this.now;
    if (!lease.guarded) this.endLease(lease, reason);
    else if (isSilent) this.endLease(lease, reason, { drains: true });
    else lease.ending ??= reason;
  }

  private spend(spent: Spent): void {
    must(!this.outcomes.has(spent.id), `${spent.id} ends twice`);
    this.outcomes.set(spent.id, spent.outcome);
    this.ended.set(spent.id, spent);
  }
}

export interface Thing {
  readonly id: number;
  readonly name: string;
  tags: readonly string[];
  properties: Readonly<Record<string, unknown>>;
  slots: number;
  maxHold: Millis | null;
  offline: boolean;
  offlineUntil: Millis | null;
  retiring: boolean;
  source: string;
  /** The description as its source gave it, as JSON; empty where nobody did. */
  said: string;
  removed: boolean;
  lastUsedAt: Millis | null;
  /** Its last command may not have ended until then. */
  drainedAt: Millis | null;
}

type Traits = Pick<Thing, 'tags' | 'properties' | 'slots' | 'maxHold'>;

type Unit = Acquire['wants'][number];

export interface Waiting {
  readonly id: string;
  readonly secret: string;
  readonly shape: string;
  readonly wants: Acquire['wants'];
  readonly priority: number;
  readonly principal: string;
  readonly ttl: Millis;
  readonly hold: Millis | null;
  guarded: boolean;
  readonly claim: Claim | null;
  readonly steals: boolean;
  note: string;
  readonly ticket: number;
  readonly askedAt: Millis;
  readonly givesUpAt: Millis | null;
  connections: number;
  heardAt: Millis;
}

export interface Holding extends Waiting {
  readonly fence: number;
  readonly uses: readonly Use[];
  readonly grantedAt: Millis;
  endsAt: Millis | null;
  keptUntil: Millis | null;
  expiresAt: Millis;
  ending: EndReason | null;
  offeredUntil: Millis | null;
  acceptedAt: Millis | null;
  asked: readonly Asked[];
  shares: readonly string[];
}

interface Spent {
  readonly id: string;
  readonly secret: string;
  readonly shape: string;
  readonly outcome: Outcome;
  readonly reason: EndReason;
  readonly at: Millis;
}

/** An invariant that does not hold. */
export class Broken extends Error {}

export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Broken(otherwise);
}

export function dueOfLease(lease: Holding): Millis {
  const end = lease.ending === null ? lease.endsAt : null;
  return Math.min(lastsUntil(lease), end ?? Number.POSITIVE_INFINITY);
}

/** A claim for no time in particular, of what may be held as long as one likes. */
function isForEver({ claim, endsAt }: Holding): boolean {
  return claim !== null && claim.for === null && endsAt === null;
}

/** What was extended lasts, unless it was told to end. */
function lastsUntil(lease: Holding): Millis {
  const { expiresAt, keptUntil, ending } = lease;
  if (isForEver(lease)) return Number.POSITIVE_INFINITY;
  return ending === null ? Math.max(expiresAt, keptUntil ?? 0) : expiresAt;
}

export function dueOfWaiter({ connections, heardAt, givesUpAt, claim }: Waiting, silence: Millis): Millis {
  return Math.min(
    givesUpAt ?? Number.POSITIVE_INFINITY,
    connections > 0 || (claim !== null && !claim.attended) ? Number.POSITIVE_INFINITY : heardAt + silence,
  );
}

function mayTouch(
  known: { readonly secret: string; readonly principal: string; readonly shares?: readonly string[] },
  by: Extract<Command, { type: 'release' | 'renew' | 'extend' | 'accept' | 'share' }>,
): boolean {
  if (by.secretHash !== null) return by.secretHash === known.secret;
  const { name, role } = by.principal;
  return role === 'admin' || name === known.principal || (known.shares?.includes(name) ?? false);
}

/** Tries every way to give each unit a resource of its own. */
function assignable(choices: readonly (readonly Thing[])[], taken: readonly Thing[] = []): boolean {
  const [first, ...rest] = choices;
  if (first === undefined) return true;
  return first.some((thing) => !taken.includes(thing) && assignable(rest, [...taken, thing]));
}

function alike(a: Traits, b: Traits): boolean {
  const spell = ({ tags, properties, slots, maxHold }: Traits) =>
    JSON.stringify([[...new Set(tags)].sort(), properties.mem, slots, maxHold]);
  return spell(a) === spell(b);
}

function unitsOf(wants: Acquire['wants']): Unit[] {
  return wants.flatMap((one) => Array.from({ length: one.count }, () => one));
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, x] of a.entries()) if (x !== b[i]) return x - (b[i] as number);
  return 0;
}

type Where = Extract<Selector, { type: 'where' }>['where'];

/** The part of the language that random worlds speak. */
function fitsExpression(e: Where, thing: Thing): boolean {
  if (e.type === 'and') return fitsExpression(e.left, thing) && fitsExpression(e.right, thing);
  if (e.type === 'not') return !fitsExpression(e.of, thing);
  if (e.type === 'tag') return thing.tags.includes(e.pattern.text);
  if (e.type !== 'compare') return fitsExpression(e.left, thing) || fitsExpression(e.right, thing);
  if (e.key === 'name') return thing.name.startsWith(e.value.text.replace('*', ''));
  return e.op === '>=' && Number(thing.properties[e.key]) >= Number(e.value.text);
}
