import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../src/core/error.ts';

/** The directions and bans of docs/architecture.md, held over the whole tree. */
const ROOT = join(import.meta.dirname, '..');
const LONGEST_FILE = 400;
const LONGEST_FUNCTION = 70;
/** Tables of declarations that are a function only so that they are made when they are needed. */
const TABLES = ['src/daemon/routes/openapi-schemas.ts'];

interface Source {
  /** Relative to the project, with slashes: `src/core/step.ts`. */
  readonly path: string;
  readonly text: string;
  /** Without comments, so that prose may speak of what code may not do. */
  readonly code: string;
  readonly tree: ts.SourceFile;
}

const SOURCES: readonly Source[] = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
  .map((path) => read(`src/${path.replaceAll('\\', '/')}`));

function read(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true, kind);
  return { path, text, tree, code: withoutComments(tree) };
}

function withoutComments(tree: ts.SourceFile): string {
  const parts: string[] = [];
  walk(tree, (node) => {
    if (node.getChildCount() === 0) parts.push(node.getText());
  });
  return parts.join(' ');
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  for (const child of node.getChildren()) if (!ts.isJSDoc(child)) walk(child, visit);
}

/** What a file imports, in whatever way; its own files by their paths in the project. */
function importsOf({ path, tree }: Source): string[] {
  const found: string[] = [];
  walk(tree, (node) => {
    const named = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier;
    const called =
      ts.isCallExpression(node) && /^(import|require)$/.test(node.expression.getText()) && node.arguments[0];
    const typed = ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && node.argument.literal;
    for (const specifier of [named, called, typed]) {
      if (specifier && ts.isStringLiteral(specifier)) found.push(specifier.text);
    }
  });
  return found.map((name) => (name.startsWith('.') ? relative(ROOT, join(ROOT, dirname(path), name)) : name));
}

/** Files of which the code has this, without those that may. */
function having(pattern: RegExp, among: string, except: readonly string[] = []): string[] {
  return SOURCES.filter(({ path, code }) => path.startsWith(among) && !except.includes(path) && pattern.test(code)).map(
    ({ path }) => path,
  );
}

function importing(pattern: RegExp, among: string, except: readonly string[] = []): string[] {
  return SOURCES.filter(({ path }) => path.startsWith(among) && !except.includes(path)).flatMap((source) =>
    importsOf(source)
      .filter((name) => pattern.test(name))
      .map((name) => `${source.path} imports ${name}`),
  );
}

describe('directions', () => {
  test('core imports only core', () => {
    expect(importing(/^(?!src\/core\/)/, 'src/core/')).toEqual([]);
  });

  test('core is pure: no clock, no randomness, no waiting, nothing of the machine', () => {
    const impure =
      /\b(Date \. now|performance|setTimeout|setInterval|setImmediate|queueMicrotask|process|Buffer|fetch|crypto|console|await|async|Promise \. )\b|Math \. random|new Date \( \)/;
    expect(having(impure, 'src/core/')).toEqual([]);
  });

  const LOADERS = ['src/cli/commands/serve.ts', 'src/cli/import-reader.ts'];

  test('cli imports nothing of the daemon, except `serve` and `import`, which load it when they run', () => {
    expect(importing(/^src\/daemon\/|daemon\.cjs/, 'src/cli/', LOADERS)).toEqual([]);
    expect(
      read('src/cli/commands/serve.ts')
        .tree.statements.filter(ts.isImportDeclaration)
        .map((one) => one.getText())
        .filter((text) => /daemon/.test(text) && !text.startsWith('import type')),
    ).toEqual([]);
  });

  test('the daemon imports nothing of the cli', () => {
    expect(importing(/^src\/cli\//, 'src/daemon/')).toEqual([]);
  });

  test("the board's browser side imports only core, what it draws with, and markup", () => {
    const foreign = /^(?!src\/core\/|src\/daemon\/board\/(client|view)\/|src\/daemon\/routes\/html\.ts$)/;
    expect(importing(foreign, 'src/daemon/board/client/')).toEqual([]);
    expect(importing(foreign, 'src/daemon/board/view/')).toEqual([]);
    expect(importing(/\/client\//, 'src/daemon/board/view/')).toEqual([]);
  });

  test('only the stores load a database', () => {
    expect(
      importing(/sqlite/, 'src/').filter((found) => !/^src\/daemon\/(store\/|main\.ts|daemon\.ts)/.test(found)),
    ).toEqual([]);
  });

  test('what runs before every wrapped command loads no http framework', () => {
    expect(importing(/^(undici|hono|zod|@hono\/|better-sqlite3|nodemailer|saxes)/, 'src/cli/')).toEqual([]);
  });
});

describe('bans', () => {
  const clock = /\bDate \. now\b|\bperformance\b|\bhrtime\b|new Date \( \)/;

  test('only the clock reads time in the daemon', () => {
    expect(having(clock, 'src/daemon/', ['src/daemon/clock.ts', 'src/daemon/board/client/clock.ts'])).toEqual([]);
  });

  test('only cli/time reads the monotonic clock of the cli', () => {
    expect(having(/\bperformance \.|\bhrtime\b/, 'src/cli/', ['src/cli/time.ts'])).toEqual([]);
  });

  test('chance is met in ids alone, and in how long a retry pauses', () => {
    const chance = /Math \. random|\brandomBytes\b|\brandomUUID\b|\brandomInt\b|\bgetRandomValues\b/;
    const ids = ['src/daemon/ids.ts', 'src/daemon/board/client/ids.ts', 'src/cli/ids.ts'];
    expect(having(chance, 'src/', [...ids, 'src/cli/time.ts'])).toEqual([]);
  });

  test('only the stores speak SQL', () => {
    const sql =
      /\b(SELECT\s+[\w*]|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+TABLE\s|PRAGMA\s|BEGIN\s+(EXCLUSIVE|IMMEDIATE))/;
    expect(having(sql, 'src/').filter((path) => !path.startsWith('src/daemon/store/'))).toEqual([]);
  });

  test('only the mains end the program', () => {
    expect(
      having(/process \. (exit|abort|reallyExit)\b|process \. exitCode\b/, 'src/', [
        'src/cli/main.ts',
        'src/daemon/main.ts',
      ]),
    ).toEqual([]);
  });

  test('only child, guard and the starter of the private daemon start other programs', () => {
    const starters = ['src/cli/child.ts', 'src/cli/guard.ts', 'src/cli/private-daemon.ts'];
    expect(importing(/child_process|^cluster|worker_threads/, 'src/', starters)).toEqual([]);
  });

  test('only evolve changes a State', () => {
    // Its maps, and the counters. (Dispatch clears what it was told to look at: `stirred` is its inbox.)
    const changed =
      /state \. (leases|ended|removed|resourceTimers|drainTimers|queue \. byId) \. (set|delete|clear)\b|counters \. \w+ (\+|-)?= [^=]|counters \. \w+ (\+\+|--)|queue \. (join|leave) \(|catalogue \. (put|remove|refresh|rest) \(|\. (expiresAt|heardAt|connections|slotsTaken|sharers|whole|drainedAt) (\+|-)?= [^=]/;
    expect(having(changed, 'src/', ['src/core/evolve.ts', 'src/core/catalogue.ts'])).toEqual([]);
  });

  test('only dispatch makes a grant', () => {
    const makers: string[] = [];
    for (const { path, tree } of SOURCES) {
      // Examples in the description of the API are made by hand.
      if (path.startsWith('src/daemon/routes/openapi')) continue;
      walk(tree, (node) => {
        if (!ts.isPropertyAssignment(node) || node.name.getText() !== 'type') return;
        if (node.initializer.getText() === "'lease-granted'") makers.push(path);
      });
    }
    expect(new Set(makers)).toEqual(new Set(['src/core/dispatch.ts']));
  });

  test('nobody says any, or leaves something for later', () => {
    const any: string[] = [];
    for (const { path, tree } of SOURCES) {
      walk(tree, (node) => {
        if (node.kind === ts.SyntaxKind.AnyKeyword)
          any.push(`${path}:${tree.getLineAndCharacterOfPosition(node.pos).line + 1}`);
      });
    }
    expect(any).toEqual([]);
    expect(
      SOURCES.filter(({ text }) => /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck)/.test(text)).map(({ path }) => path),
    ).toEqual([]);
  });

  test('nothing refers to the machine it was written on', () => {
    const folders = ['docs', 'examples', 'bin', 'scripts', 'test', 'src'].filter((folder) =>
      existsSync(join(ROOT, folder)),
    );
    const files = folders.flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
    );
    const texts = [...files, 'package.json', 'README.md'].filter(
      (path) => /\.(tsx?|m?js|json|md|ya?ml|sh)$/.test(path) && existsSync(join(ROOT, path)),
    );
    const place = new RegExp(`${['/work', '(main|shared)\\b'].join('/')}|${['..', 'shared', ''].join('/')}`);
    expect(texts.filter((path) => place.test(readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
  });
});

describe('sizes', () => {
  test(`no file has more than ${LONGEST_FILE} lines`, () => {
    const long = SOURCES.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 })).filter(
      ({ lines }) => lines > LONGEST_FILE,
    );
    expect(long).toEqual([]);
  });

  test(`no function has more than ${LONGEST_FUNCTION} lines`, () => {
    const long: string[] = [];
    for (const { path, tree } of SOURCES) {
      walk(tree, (node) => {
        if (!ts.isFunctionLike(node) || !('body' in node) || !node.body) return;
        const [from, to] = [node.getStart(), node.end].map((at) => tree.getLineAndCharacterOfPosition(at).line) as [
          number,
          number,
        ];
        if (to - from + 1 > LONGEST_FUNCTION && !TABLES.includes(path))
          long.push(`${path}:${from + 1} has ${to - from + 1} lines`);
      });
    }
    expect(long).toEqual([]);
  });
});

describe('the table of errors', () => {
  const documents = (path: string) => {
    expect(existsSync(join(ROOT, path)), `${path} is missing`).toBe(true);
    return readFileSync(join(ROOT, path), 'utf8');
  };

  test('is what docs/protocol.md has: code, status and exit', () => {
    const section =
      documents('docs/protocol.md')
        .split(/^## /m)
        .find((text) => text.startsWith('Errors\n')) ?? '';
    const rows = [...section.matchAll(/^\| `([a-z-]+)` \|([^|]*)\| (\d+) \|/gm)];
    const documented = new Map(
      rows.map(([, code, status, exit]) => [code, { status: status?.trim() ?? '', exit: Number(exit) }]),
    );
    expect([...documented.keys()].sort()).toEqual(Object.keys(ERRORS).sort());
    for (const [code, { status, exit }] of Object.entries(ERRORS)) {
      expect(documented.get(code)?.exit, code).toBe(exit);
      if (status !== null) expect(documented.get(code)?.status, code).toContain(String(status));
    }
  });

  test('has the exit codes that docs/cli.md has', () => {
    const rows = [...documents('docs/cli.md').matchAll(/^\| (\d+) \| `?([a-z-]+)`? \|/gm)];
    expect(rows.length).toBeGreaterThan(8);
    for (const [, exit, name] of rows) expect(ERRORS[name as keyof typeof ERRORS]?.exit, name).toBe(Number(exit));
  });
});
