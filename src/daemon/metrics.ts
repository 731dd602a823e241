import type { Entry } from '../core/catalogue.ts';
import { ERRORS } from '../core/error.ts';
import type { EndReason, Outcome } from '../core/model.ts';
import { stateOf } from '../core/view.ts';
import type { NotifyTargetJson } from '../core/wire-notify.ts';
import type { Daemon } from './daemon.ts';
import type { Sight } from './engine.ts';
import { counter, eachOf, gauge, histogram, type Sample } from './exposition.ts';
import { limitKey } from './settings.ts';

/** Each tag is six series; the tags that most resources have are told, and the rest are in the sum alone. */
const MOST_TAGS = 50;
const STATES = ['free', 'held', 'shared', 'draining', 'offline', 'retiring'] as const;
const REASONS: readonly EndReason[] = ['released', 'expired', 'stolen', 'revoked'];
const OUTCOMES: readonly Outcome[] = ['lost', 'busy', 'timeout', 'impossible'];

/**
 * The daemon in Prometheus' text format. What is counted "in the life of the store" goes on after a restart; all else begins
 * again, as counters may.
 */
export function metrics(daemon: Daemon, sight: Sight): string {
  return [
    resourceMetrics(sight),
    leaseMetrics(daemon, sight),
    engineMetrics(daemon, sight),
    notifyMetrics(daemon),
    processMetrics(daemon),
  ].join('');
}

function resourceMetrics({ state }: Sight): string {
  const total = new Map<string, number>();
  const byTag = new Map<string, Map<string, number>>();
  for (const entry of state.catalogue.byId.values()) countOne(entry, total, byTag);
  const told = [...byTag].sort(([a, one], [b, other]) => sizeOf(other) - sizeOf(one) || (a < b ? -1 : 1));
  const tagged = told.slice(0, MOST_TAGS).flatMap(([tag, counts]) => taggedSamples(tag, counts));
  return [
    gauge('rentabot_resources', 'Resources by state.', eachOf('state', STATES, total)),
    gauge(
      'rentabot_tagged_resources',
      `Resources by tag and state, for the ${MOST_TAGS} tags that most resources have; one with several tags counts for each.`,
      tagged,
    ),
  ].join('');
}

function countOne(entry: Entry, total: Map<string, number>, byTag: Map<string, Map<string, number>>): void {
  const name = stateOf(entry);
  total.set(name, (total.get(name) ?? 0) + 1);
  for (const tag of entry.resource.tags) {
    const counts = byTag.get(tag) ?? new Map<string, number>();
    byTag.set(tag, counts.set(name, (counts.get(name) ?? 0) + 1));
  }
}

function sizeOf(counts: ReadonlyMap<string, number>): number {
  let size = 0;
  for (const count of counts.values()) size += count;
  return size;
}

function taggedSamples(tag: string, counts: ReadonlyMap<string, number>): Sample[] {
  return STATES.map((state) => [{ tag, state }, counts.get(state) ?? 0]);
}

function leaseMetrics({ meters }: Daemon, { state }: Sight): string {
  const { waits, holds, ends, left, refusals, commands } = meters;
  return [
    gauge('rentabot_waiters', 'Requests in the queue.', state.queue.size),
    gauge('rentabot_leases', 'Leases held.', state.leases.size),
    gauge('rentabot_remembered_ids', 'Spent lease ids that are still answered.', state.ended.size),
    counter('rentabot_grants_total', 'Leases granted in the life of the store.', state.counters.fence),
    counter(
      'rentabot_requests_queued_total',
      'Requests that joined the queue in the life of the store.',
      state.counters.ticket,
    ),
    histogram('rentabot_wait_duration_seconds', 'From the request to the grant.', waits),
    histogram('rentabot_hold_duration_seconds', 'From the grant to the end of the lease.', holds),
    counter('rentabot_lease_ends_total', 'Leases that ended, by why.', eachOf('reason', REASONS, ends.counts)),
    counter(
      'rentabot_waiters_left_total',
      'Requests that left the queue without a lease, by why.',
      eachOf('outcome', OUTCOMES, left.counts),
    ),
    counter(
      'rentabot_commands_finished_total',
      'Commands behind leases that ended, where their wrapper said how.',
      eachOf('result', ['succeeded', 'failed'], commands.counts),
    ),
    counter(
      'rentabot_refusals_total',
      'Requests that were answered with a problem, by its code.',
      eachOf('code', Object.keys(ERRORS), refusals.counts),
    ),
  ].join('');
}

function engineMetrics({ engine, rules, http }: Daemon, { state }: Sight): string {
  const { figures, backlog } = engine;
  const bounds = { ...rules.limits, ...http };
  return [
    gauge('rentabot_inbox', 'Commands and reads that wait for a turn.', backlog),
    counter('rentabot_events_total', 'Events told in the life of the store.', state.counters.event),
    counter('rentabot_turns_total', 'Turns of the engine.', figures.turns),
    counter('rentabot_commands_total', 'Commands.', figures.commands),
    histogram('rentabot_commit_duration_seconds', 'How long commits to the store took.', figures.commitSeconds),
    counter('rentabot_commit_failures_total', 'Commits that failed.', figures.commitFailures),
    gauge('rentabot_batch_size_max', 'Most commands in one turn since it started.', figures.largestBatch),
    gauge(
      'rentabot_limit',
      'Every limit by its name.',
      Object.entries(bounds).map(([name, bound]) => [{ name: limitKey(name) }, bound]),
    ),
  ].join('');
}

function notifyMetrics({ notifier }: Daemon): string {
  const targets = notifier.status();
  const each = (value: (target: NotifyTargetJson) => number): Sample[] =>
    targets.map((target) => [{ target: target.name }, value(target)]);
  return [
    gauge(
      'rentabot_notify_failing',
      '1 where the last try to tell somebody failed.',
      each(({ state }) => (state === 'failing' ? 1 : 0)),
    ),
    gauge(
      'rentabot_notify_waiting',
      'Notifications that are not delivered yet.',
      each(({ waiting }) => waiting),
    ),
    counter(
      'rentabot_notify_delivered_total',
      'Notifications delivered.',
      each(({ delivered }) => delivered),
    ),
    counter(
      'rentabot_notify_dropped_total',
      'Notifications given up: refused, too late, or too many.',
      each(({ dropped }) => dropped),
    ),
  ].join('');
}

function processMetrics({ startedAt }: Daemon): string {
  return [
    gauge('rentabot_build_info', 'Always 1; the release is in the label.', [[{ version: RENTABOT_VERSION }, 1]]),
    gauge('process_start_time_seconds', 'When it started.', startedAt / 1000),
    gauge('process_resident_memory_bytes', 'Memory in use.', process.memoryUsage.rss()),
    counter('process_cpu_seconds_total', 'Processor time used.', cpuSeconds()),
  ].join('');
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
