import type { DescribeJson } from '../core/wire.ts';

/** What the daemon's bundle gives those who import: it has what reads YAML, which no other command needs. */
interface DaemonBundle {
  readImport(text: string, file: string): Read;
}

export type Read =
  | { readonly format: string; readonly resources: readonly DescribeJson[]; readonly warnings: readonly string[] }
  | { readonly problems: readonly string[] };

/** Reads a file that describes resources, of ours or of another tool. */
export function readImport(text: string, file: string): Read {
  return (require('./daemon.cjs') as DaemonBundle).readImport(text, file);
}
