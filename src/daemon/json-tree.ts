import type { Tree, YamlEntry } from './yaml.ts';

/**
 * Reads JSON as the tree that YAML would make of it, with the place of everything. Lists that other programs answer with may
 * be large: the YAML library takes a second and a half for 10,000 resources, and a hundred times the memory of the text. Null
 * for whatever is not strictly JSON, nests deeply or gives a key twice: the library has something to say about that.
 */
export function readJson(text: string): Tree | null {
  try {
    return new JsonReader(text).document();
  } catch (error) {
    if (error instanceof NotJson) return null;
    throw error;
  }
}

const DEEPEST = 100;
const SPACE = /[ \t\n\r]*/y;
const WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y;

class NotJson extends Error {}

class JsonReader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): Tree {
    this.space();
    const tree = this.value(0, 0);
    this.space();
    if (this.at < this.text.length) throw new NotJson();
    return tree;
  }

  /** `place` is that of the key or the list, which is shown where there is nothing. */
  private value(depth: number, place: number): Tree {
    if (depth > DEEPEST) throw new NotJson();
    const { at } = this;
    const first = this.text[at];
    if (first === '{') return { type: 'map', at, entries: this.entries(depth) };
    if (first === '[') return { type: 'list', at, items: this.items(depth, at) };
    if (first === '"') {
      const text = this.string();
      return { type: 'text', at, text, value: text, quoted: true };
    }
    const text = this.take(WORD);
    if (text === 'null') return { type: 'empty', at: place };
    const value = text === 'true' || text === 'false' ? text === 'true' : Number(text);
    return { type: 'text', at, text, value, quoted: false };
  }

  private entries(depth: number): ReadonlyMap<string, YamlEntry> {
    const entries = new Map<string, YamlEntry>();
    this.parts('}', () => {
      const { at } = this;
      const key = this.string();
      this.space();
      this.sign(':');
      this.space();
      if (entries.has(key) || key === '<<') throw new NotJson();
      entries.set(key, { at, value: this.value(depth + 1, at) });
    });
    return entries;
  }

  private items(depth: number, place: number): readonly Tree[] {
    const items: Tree[] = [];
    this.parts(']', () => items.push(this.value(depth + 1, place)));
    return items;
  }

  /** What stands between a bracket and the one that closes it, with commas. */
  private parts(end: string, read: () => unknown): void {
    this.at += 1;
    this.space();
    if (this.text[this.at] !== end) {
      for (;;) {
        read();
        this.space();
        if (this.text[this.at] !== ',') break;
        this.at += 1;
        this.space();
      }
    }
    this.sign(end);
  }

  /** Up to the first quote that no backslash stands before; what is in it, the runtime judges. */
  private string(): string {
    const start = this.at;
    if (this.text[start] !== '"') throw new NotJson();
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1;
    this.at = end + 1;
    try {
      return JSON.parse(this.text.slice(start, end + 1)) as string;
    } catch {
      throw new NotJson();
    }
  }

  private sign(sign: string): void {
    if (this.text[this.at] !== sign) throw new NotJson();
    this.at += 1;
  }

  private space(): void {
    this.take(SPACE);
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) throw new NotJson();
    this.at += found.length;
    return found;
  }
}
