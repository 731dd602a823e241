import type { ImportSource } from '../../core/imported.ts';
import { Remarks } from '../remarks.ts';
import { readYaml, type Tree } from '../yaml.ts';

/** What is to be imported, read as what one asks for: each is done once, when it is first asked for. */
export class Found {
  readonly remarks: Remarks;
  /** Null where it is no text in UTF-8. */
  readonly text: string | null;
  private parsed: Tree | null | undefined;

  constructor(readonly source: ImportSource) {
    this.text = source.type === 'bytes' ? decode(source.bytes) : null;
    this.remarks = new Remarks(source.where, this.text);
  }

  /** What it says as YAML, of which JSON is a part. Null where it cannot be read so; why not is among the remarks then. */
  get tree(): Tree | null {
    this.parsed ??= this.text === null ? null : readYaml(this.text, this.remarks);
    return this.parsed;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
