import type { ImportSource } from '../../core/imported.ts';
import { readJson } from '../json-tree.ts';
import { Remarks } from '../remarks.ts';
import { readYaml, type Tree } from '../yaml.ts';

/** What is to be imported, read as what one asks for: each is done once, when it is first asked for. */
export class Found {
  readonly remarks: Remarks;
  /** Null where it is no text in UTF-8. */
  readonly text: string | null;
  private parsed: Tree | null | undefined;
  private readonly tallied = new Map<string, { readonly at: number; count: number }>();

  constructor(readonly source: ImportSource) {
    this.text = source.type === 'bytes' ? decode(source.bytes) : null;
    this.remarks = new Remarks(source.where, this.text);
  }

  /** Whether it is XML or a web page. */
  get isMarkup(): boolean {
    return this.text !== null && /^\s*</.test(this.text);
  }

  /** What it says as YAML, of which JSON is a part. Null where it cannot be read so; why not is among the remarks then. */
  get tree(): Tree | null {
    if (this.parsed === undefined) {
      const text = this.isMarkup ? null : this.text;
      this.parsed = text === null ? null : (readJson(text) ?? readYaml(text, this.remarks));
    }
    return this.parsed;
  }

  /** Warns once, at the first place, of what is so in many. */
  tally(at: number, text: string): void {
    const known = this.tallied.get(text);
    if (known) known.count += 1;
    else this.tallied.set(text, { at, count: 1 });
  }

  tellTallied(): void {
    for (const [text, { at, count }] of this.tallied) {
      const more = count === 2 ? 'once' : `${count - 1} times`;
      this.remarks.warn(at, count === 1 ? text : `${text} (and ${more} more)`);
    }
  }
}

function decode(bytes: Uint8Array): string | null {
  // A database may by chance be UTF-8.
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
