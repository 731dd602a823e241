import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readImport } from '../../../src/daemon/import/import.ts';
import { fine, folderWith, problemsOf } from './support.ts';

const readFolder = (path: string) => readImport({ type: 'folder', where: 'locks', path });

describe('the repository of pool-resource', () => {
  test('each lock has its pool as tag; who has one, git knows; and what is written in it is not read', () => {
    const path = folderWith({
      ...{ 'aws/claimed/.gitkeep': '', 'aws/claimed/env-2': '', 'aws/unclaimed/env-1': 'password: hunter2' },
      ...{
        'lab/boards/unclaimed/north': '',
        'lab/boards/claimed/.gitkeep': '',
        '.git/refs/claimed/x': '',
        'README.md': '',
      },
    });
    const read = fine(readFolder(path));
    expect(read).toEqual({
      format: 'pool-resource',
      resources: [
        { name: 'env-1', tags: ['aws'] },
        { name: 'env-2', tags: ['aws'] },
        { name: 'north', tags: ['lab/boards'] },
      ],
      warnings: [
        "locks: aws/env-2 is claimed in Concourse (`git log -1 -- 'aws/claimed/env-2'` says by whom); here it is free",
        'locks: what is written in 1 of the files is not read, as it may be secret; where holders need it, it belongs into env',
      ],
    });
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });

  test('may be one pool, and its name is that of the folder', () => {
    const path = join(folderWith({ 'pool/claimed/a': '' }), 'pool');
    const { resources, warnings } = fine(readFolder(path));
    expect(resources).toEqual([{ name: 'a', tags: [basename(path)] }]);
    expect(warnings).toEqual([expect.stringContaining("`git log -1 -- 'claimed/a'`")]);
  });

  test('locks of one name are told apart by their pools; one that is in both states is one resource', () => {
    const path = folderWith({ 'a/claimed/x': '', 'a/unclaimed/x': '', 'b/unclaimed/x': '' });
    const { resources, warnings } = fine(readFolder(path));
    expect(resources.map(({ name }) => name)).toEqual(['a/x', 'b/x']);
    expect(warnings).toContain('locks: a/x is both claimed and unclaimed; it is one resource');
    expect(warnings).toContain('locks: 2 are called "x"; here they are a/x, b/x');
  });

  test.each([
    [
      'no pools',
      { 'src/main.c': '' },
      'locks: it has no POOL/claimed and POOL/unclaimed in it, as the repositories of pool-resource have',
    ],
    ['a lock with a comma', { 'a/unclaimed/x,y': '' }, 'locks: a name has no comma: "x,y"'],
    [
      'a pool with a space',
      { 'a b/unclaimed/x': '' },
      'locks: tags of x: a tag has neither spaces nor commas, found "a b"',
    ],
  ])('is told where it has %s', (_, files, problem) => {
    expect(readFolder(folderWith(files))).toMatchObject({ problems: [problem] });
  });

  test('is a folder', () => {
    expect(problemsOf('x', { format: 'pool-resource' })).toEqual([
      'file: expected a folder, with POOL/claimed and POOL/unclaimed in it',
    ]);
    expect(readImport({ type: 'folder', where: 'locks', path: '/nonexistent' })).toMatchObject({
      problems: [expect.stringMatching(/^locks: it cannot be read: ENOENT/)],
    });
  });
});
