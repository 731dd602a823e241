import type { Imported, ImportFormat, ImportSource, Unimportable } from '../core/imported.ts';

/** What the daemon's bundle gives those who import: it has what reads YAML, which no other command needs. */
interface DaemonBundle {
  readImport(source: ImportSource, wanted: ImportFormat | null): Imported | Unimportable;
}

/** Reads what describes resources, of ours or of another tool. */
export function readImport(source: ImportSource, wanted: ImportFormat | null): Imported | Unimportable {
  return (require('./daemon.cjs') as DaemonBundle).readImport(source, wanted);
}
