import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { readImport } from '../../../src/daemon/import/import.ts';
import { fine, folderWith, imported, problemsOf } from './support.ts';

const SCHEMA = `
CREATE TABLE nodes(node_id INT NOT NULL PRIMARY KEY, ip_address TEXT, node_name TEXT NOT NULL, node_description TEXT);
CREATE TABLE subsystems(subsystem_id INT NOT NULL PRIMARY KEY, subsystem_name TEXT NOT NULL, node_id INT NOT NULL, kind TEXT,
  subsystem_description TEXT, is_busy INT);
CREATE TABLE auth(id INT NOT NULL PRIMARY KEY, user TEXT, password TEXT);
CREATE TABLE api_auth(id INT NOT NULL PRIMARY KEY, owner TEXT, token TEXT);`;
const ROWS = `
INSERT INTO nodes VALUES (0, '10.0.0.7', 'ci-1', 'rack 7'), (1, NULL, 'ci-2', NULL);
INSERT INTO subsystems VALUES (2, 'psu', 0, 'lab power', NULL, NULL), (0, 'uart', 0, 'serial', 'ttyUSB0', 1),
  (1, 'uart', 1, NULL, x'00ff', 0), (3, 'orphan', 9, NULL, NULL, 0);
INSERT INTO auth VALUES (0, 'ann', 'hunter2');
INSERT INTO api_auth VALUES (0, 'ci', 'hunter2');`;

function databaseWith(sql: string, mode = 'delete'): string {
  const path = join(folderWith({}), 'app.db');
  const db = new Database(path);
  db.pragma(`journal_mode = ${mode}`);
  db.exec(sql);
  db.close();
  return path;
}

const sourceOf = (path: string) => ({ type: 'bytes', where: 'app.db', bytes: readFileSync(path), path }) as const;

const EXPECTED = {
  format: 'enema',
  resources: [
    {
      ...{ name: 'ci-1/uart', description: 'ttyUSB0', endpoint: '10.0.0.7', tags: ['serial'] },
      properties: { node: 'ci-1', kind: 'serial', ip_address: '10.0.0.7', node_description: 'rack 7' },
    },
    { name: 'ci-2/uart', description: '', endpoint: '', properties: { node: 'ci-2' } },
    {
      ...{ name: 'psu', description: '', endpoint: '10.0.0.7' },
      properties: { node: 'ci-1', kind: 'lab power', ip_address: '10.0.0.7', node_description: 'rack 7' },
    },
    { name: 'orphan', description: '', endpoint: '', properties: {} },
  ],
  warnings: [
    'app.db: ci-1/uart is busy in Enema, which does not know by whom; here it is free',
    'app.db: 2 are called "uart"; here they are ci-1/uart, ci-2/uart',
  ],
};

describe('the database of Enema', () => {
  test.each(['delete', 'wal'])('gives subsystems with their nodes, and nothing of its users (%s)', (mode) => {
    const path = databaseWith(SCHEMA + ROWS, mode);
    const before = readFileSync(path);
    const read = fine(readImport(sourceOf(path)));
    expect(read).toEqual(EXPECTED);
    expect(JSON.stringify(read)).not.toContain('hunter2');
    expect(readdirSync(join(path, '..'))).toEqual(['app.db']);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('is not read while changes to it stand beside it', () => {
    const path = databaseWith(SCHEMA + ROWS, 'wal');
    const writer = new Database(path);
    try {
      writer.exec("UPDATE subsystems SET subsystem_name = 'other'");
      const beside = readdirSync(join(path, '..')).sort();
      expect(readImport(sourceOf(path))).toMatchObject({
        problems: ['app.db: app.db-wal beside it has changes that are not in it yet; stop Enema first'],
      });
      expect(readdirSync(join(path, '..')).sort()).toEqual(beside);
    } finally {
      writer.close();
    }
  });

  test.each([
    ['another database', databaseWith('CREATE TABLE x(y)'), 'it has no table nodes, so it is no app.db of Enema'],
    [
      'one with a view for a table',
      databaseWith('CREATE TABLE nodes(node_id); CREATE VIEW subsystems AS SELECT 1'),
      'it has no table subsystems, so it is no app.db of Enema',
    ],
    [
      'one without a column',
      databaseWith('CREATE TABLE nodes(node_id); CREATE TABLE subsystems(node_id)'),
      'no such column: subsystem_id',
    ],
  ])('%s is known as such', (_, path, problem) => {
    expect(readImport(sourceOf(path))).toMatchObject({ problems: [`app.db: ${problem}`] });
  });

  test('a broken one, and one that was cut off, is a mistake and no crash', () => {
    const whole = readFileSync(databaseWith(SCHEMA + ROWS));
    for (const bytes of [
      whole.subarray(0, 100),
      whole.subarray(0, 5000),
      Buffer.concat([whole.subarray(0, 100), Buffer.alloc(20_000, 7)]),
    ]) {
      expect(problemsOf(bytes, { where: 'app.db' })).toEqual([expect.stringMatching(/^app\.db: /)]);
    }
  });

  test('of a name that is none here, the name is told', () => {
    const path = databaseWith(`${SCHEMA} INSERT INTO subsystems VALUES (0, 'a,b', 0, NULL, NULL, 0);`);
    expect(readImport(sourceOf(path))).toMatchObject({ problems: ['app.db: a name has no comma: "a,b"'] });
  });
});

describe('what a running Enema answers', () => {
  const row = {
    ...{
      subsystem_id: 0,
      subsystem_name: 'uart',
      node_id: 0,
      kind: 'serial',
      subsystem_description: 'ttyUSB0',
      is_busy: 1,
    },
    ...{ ip_address: '10.0.0.7', node_name: 'ci-1', node_description: 'rack 7' },
  };

  test('for its subsystems gives the same, also with the NaN that is no JSON', () => {
    const text = JSON.stringify([row, { ...row, subsystem_name: 'psu', is_busy: null }]).replace(
      '"is_busy":null',
      '"is_busy": NaN',
    );
    const read = imported(text);
    expect(read).toMatchObject({
      format: 'enema',
      resources: [{ ...EXPECTED.resources[0], name: 'uart' }, { name: 'psu' }],
    });
    expect(read.warnings).toEqual([
      'file:1:37: ci-1/uart is busy in Enema, which does not know by whom; here it is free',
    ]);
  });

  test('for its nodes gives these, and says that there is more', () => {
    const nodes = [{ node_id: 0, ip_address: '10.0.0.7', node_name: 'ci-1', node_description: 'rack 7' }];
    expect(imported(JSON.stringify(nodes))).toEqual({
      format: 'enema',
      resources: [
        {
          ...{ name: 'ci-1', description: 'rack 7', endpoint: '10.0.0.7' },
          properties: { node: 'ci-1', ip_address: '10.0.0.7' },
        },
      ],
      warnings: ['file: these are nodes; what hangs on them, and is lent there, is in `GET /status`'],
    });
  });

  test('is told where it is wrong', () => {
    expect(problemsOf(JSON.stringify([{ subsystem_id: 1 }]))).toEqual([
      'file:1:2: expected a text for "subsystem_name", found none',
    ]);
  });
});
