import { open, readFile, rename } from 'node:fs/promises';
import type { Millis } from '../../core/model.ts';

/** How far a target has come: every event up to this number, and everything that was due by this moment, has been told. */
export interface Position {
  readonly event: number;
  readonly at: Millis;
}

export type Positions = Readonly<Record<string, Position>>;

/** Keeps how far each target has come, so that a restart neither forgets nor repeats much. */
export interface PositionStore {
  /** Empty where nothing was written, or it cannot be read. */
  load(): Promise<Positions>;
  save(positions: Positions): Promise<void>;
}

/**
 * In a file of its own, written anew and renamed: a row with each notification would make the engine wait for the disk
 * once more. What is lost with a crash is told twice, with the same id.
 */
export function positionFile(path: string): PositionStore {
  return {
    load: async () => {
      try {
        return readPositions(JSON.parse(await readFile(path, 'utf8')));
      } catch {
        return {};
      }
    },
    save: async (positions) => {
      const draft = `${path}.new`;
      const file = await open(draft, 'w', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(positions)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
    },
  };
}

function readPositions(json: unknown): Positions {
  const known: Record<string, Position> = {};
  for (const [name, value] of Object.entries(json ?? {})) {
    const { event, at } = (value ?? {}) as Partial<Position>;
    if (Number.isSafeInteger(event) && Number.isSafeInteger(at))
      known[name] = { event: event as number, at: at as number };
  }
  return known;
}
