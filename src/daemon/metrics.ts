import { stateOf } from '../core/view.ts';
import type { Daemon } from './daemon.ts';
import type { Sight } from './engine.ts';
import { limitKey } from './settings.ts';

type Sample = readonly [labels: string, value: number];

/** The daemon in Prometheus' text format. */
export function metrics(daemon: Daemon, { state }: Sight): string {
  const { figures, backlog } = daemon.engine;
  const { limits } = daemon.rules;
  const byState = new Map<string, number>(
    ['free', 'held', 'shared', 'draining', 'offline', 'retiring'].map((name) => [name, 0]),
  );
  for (const entry of state.catalogue.byId.values()) {
    const name = stateOf(entry);
    byState.set(name, (byState.get(name) ?? 0) + 1);
  }
  const bounds = { ...limits, ...daemon.http };
  return [
    gauge('build_info', 'Always 1; the release is in the label.', [[`version="${RENTABOT_VERSION}"`, 1]]),
    gauge(
      'resources',
      'Resources by state.',
      [...byState].map(([name, count]) => [`state="${name}"`, count]),
    ),
    gauge('waiters', 'Requests in the queue.', [['', state.queue.size]]),
    gauge('leases', 'Leases held.', [['', state.leases.size]]),
    gauge('remembered_ids', 'Spent lease ids that are still answered.', [['', state.ended.size]]),
    gauge('inbox', 'Commands and reads that wait for a turn.', [['', backlog]]),
    counter('grants_total', 'Leases granted in the life of the store.', state.counters.fence),
    counter('requests_queued_total', 'Requests that joined the queue in the life of the store.', state.counters.ticket),
    counter('events_total', 'Events told in the life of the store.', state.counters.event),
    counter('turns_total', 'Turns of the engine since it started.', figures.turns),
    counter('commands_total', 'Commands since it started.', figures.commands),
    counter('commits_total', 'Commits since it started.', figures.commits),
    counter('commit_failures_total', 'Commits that failed since it started.', figures.commitFailures),
    counter('commit_seconds_total', 'Time spent in commits since it started.', figures.commitMs / 1000),
    gauge('commit_seconds_max', 'The longest commit since it started.', [['', figures.longestCommitMs / 1000]]),
    gauge('batch_size_max', 'Most commands in one turn since it started.', [['', figures.largestBatch]]),
    gauge(
      'limit',
      'Every limit by its name.',
      Object.entries(bounds).map(([name, bound]) => [`name="${limitKey(name)}"`, bound]),
    ),
    gauge('process_start_time_seconds', 'When it started.', [['', daemon.startedAt / 1000]], ''),
    gauge('process_resident_memory_bytes', 'Memory in use.', [['', process.memoryUsage.rss()]], ''),
    counter('process_cpu_seconds_total', 'Processor time used.', cpuSeconds(), ''),
  ].join('');
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function gauge(name: string, help: string, samples: readonly Sample[], prefix = 'rentabot_'): string {
  return family(prefix + name, 'gauge', help, samples);
}

function counter(name: string, help: string, value: number, prefix = 'rentabot_'): string {
  return family(prefix + name, 'counter', help, [['', value]]);
}

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
