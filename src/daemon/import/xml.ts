import { createRequire } from 'node:module';
import type Saxes from 'saxes';
import type { Found } from './found.ts';

/** An element as far as a list of things needs it; attributes are not kept. */
export interface XmlElement {
  readonly name: string;
  /** Of its opening tag, from 0. */
  readonly at: number;
  /** What stands directly in it. */
  text: string;
  readonly children: XmlElement[];
}

const DEEPEST = 100;
const MOST_ELEMENTS = 2_000_000;

/**
 * Reads XML 1.0 or 1.1, which Jenkins writes; null, with a problem, where it is not well-formed. Entities of the document's
 * own are refused, so none can refer to a file or grow; the parser keeps no stack of calls, so depth is only counted.
 */
export function readXml(text: string, { remarks }: Found): XmlElement | null {
  // Loaded when it is needed: nobody who runs a daemon needs it.
  const { SaxesParser } = createRequire(__filename)('saxes') as typeof Saxes;
  const parser = new SaxesParser({ position: true });
  const root: XmlElement = { name: '', at: 0, text: '', children: [] };
  const open: XmlElement[] = [root];
  let count = 0;
  parser.on('error', ({ message }) => stop(parser.position - 1, message.replace(/^\d+:\d+: |\.$/g, '')));
  parser.on('doctype', () => stop(text.indexOf('<!DOCTYPE'), 'a document type (<!DOCTYPE) is not read'));
  parser.on('opentagstart', ({ name }) => {
    const at = text.lastIndexOf('<', parser.position - 1);
    count += 1;
    if (open.length > DEEPEST) stop(at, `nested more than ${DEEPEST} levels deep`);
    if (count > MOST_ELEMENTS) stop(at, `more than ${MOST_ELEMENTS} elements`);
    const element: XmlElement = { name, at, text: '', children: [] };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('closetag', () => open.pop());
  const take = (piece: string): void => {
    const inside = open.at(-1);
    if (inside) inside.text += piece;
  };
  parser.on('text', take);
  parser.on('cdata', take);
  try {
    parser.write(text).close();
    return root.children[0] ?? null;
  } catch (error) {
    if (!(error instanceof NotRead)) throw error;
    remarks.problem(Math.max(0, Math.min(error.at, text.length - 1)), error.message);
    return null;
  }
}

/** The first mistake is the last that is looked at: it makes a parser see many more. */
class NotRead extends Error {
  constructor(
    readonly at: number,
    message: string,
  ) {
    super(message);
  }
}

function stop(at: number, why: string): never {
  throw new NotRead(at, why);
}
