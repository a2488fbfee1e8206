import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashLeaf, newTiles, rootAt, subtreesFromTiles } from '@crucible/transparency';
import type { Hash } from '@crucible/transparency';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { treeHash } from '../testing/tiled-log-client.ts';
import { TileDamaged } from './level-file.ts';
import { TreeFiles } from './tree-files.ts';

let home: string;
let opened: TreeFiles[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'crucible-tree-'));
  opened = [];
});
afterEach(() => {
  for (const tree of opened) tree.close();
  rmSync(home, { recursive: true, force: true });
});

const directory = (): string => join(home, 'tiles');
const leaf = (position: number): Hash => new Uint8Array(hashLeaf(Buffer.from(`event ${position}`)));
const open = (): TreeFiles => {
  const tree = new TreeFiles(directory());
  opened.push(tree);
  return tree;
};
const fill = (tree: TreeFiles, to: number, leafOf = leaf): TreeFiles => {
  for (let position = tree.size + 1; position <= to; position += 1) tree.add(position, leafOf(position));
  return tree;
};
const made = (size: number): TreeFiles => {
  const tree = fill(open(), size);
  tree.adopt();
  return tree;
};
const rootOf = async (tree: TreeFiles, size: number): Promise<string> =>
  Buffer.from(
    await rootAt(
      size,
      subtreesFromTiles(size, (tile) => tree.read(tile)),
    ),
  ).toString('hex');
const expected = (size: number): string =>
  treeHash(Array.from({ length: size }, (_, at) => leaf(at + 1))).toString('hex');

describe('the tree on disk', () => {
  it.each([1, 2, 255, 256, 257, 511, 512, 700, 66_000])('has the root of RFC 6962 over %i leaves', async (size) => {
    const tree = made(size);
    expect(await rootOf(tree, size)).toBe(expected(size));
    expect(tree.leaves(size, 1)).toEqual([leaf(size)]);
    for (const tile of newTiles(0, size)) expect(tree.read(tile).length).toBe(tile.width * 32);
    expect(readdirSync(directory()).length).toBe(size < 256 ? 1 : size < 65_536 ? 2 : 3);
  });

  it('can be read at each size that was flushed, as it grows', async () => {
    const tree = made(0);
    for (const size of [3, 200, 256, 300, 600, 1_024]) {
      fill(tree, size).flush();
      expect(await rootOf(tree, size)).toBe(expected(size));
    }
    expect(await rootOf(tree, 256)).toBe(expected(256));
  });

  it('takes an event once and only in order', () => {
    const tree = made(5);
    for (const position of [1, 5, 7, 100]) tree.add(position, leaf(999));
    expect(tree.size).toBe(5);
    fill(tree, 6).flush();
    expect(tree.leaves(1, 6)).toEqual(Array.from({ length: 6 }, (_, at) => leaf(at + 1)));
  });

  it('says what it cannot give', () => {
    const tree = made(300);
    expect(() => tree.read({ level: 0, index: 1, width: 45 })).toThrow(TileDamaged);
    expect(() => tree.read({ level: 2, index: 0, width: 1 })).toThrow(TileDamaged);
  });
});

describe('the tree of an earlier life', () => {
  it('is compared, replaced, and was the same', async () => {
    made(1_000);
    const tree = fill(open(), 1_200);
    expect(tree.readable).toBe(1_000);
    expect(await rootOf(tree, 1_000)).toBe(expected(1_000));
    tree.adopt();
    expect(tree.difference).toBeNull();
    expect(tree.readable).toBe(1_200);
    expect(await rootOf(tree, 1_200)).toBe(expected(1_200));
    expect(readdirSync(home)).toEqual(['tiles']);
  });

  it('that differs is said so, and is what is read until the new one is adopted', async () => {
    made(600);
    const tree = fill(open(), 600, (position) => leaf(position === 301 || position === 400 ? 0 : position));
    expect(tree.difference).toBe('the kept tree has another event 301');
    expect(await rootOf(tree, 600)).toBe(expected(600));
    tree.adopt();
    expect(await rootOf(tree, 600)).not.toBe(expected(600));
  });

  it('that was longer is said so', () => {
    made(600);
    const tree = fill(open(), 590);
    expect(tree.difference).toBeNull();
    tree.adopt();
    expect(tree.difference).toBe('the kept tree has 600 events and the log 590');
  });

  it('survives a start that never came to an end', async () => {
    made(600);
    fill(open(), 100, () => leaf(0)).flush();
    const tree = open();
    expect(tree.readable).toBe(600);
    expect(await rootOf(tree, 600)).toBe(expected(600));
  });

  it('survives an end between the two renames of an exchange', async () => {
    made(600);
    renameSync(directory(), `${directory()}.old`);
    const tree = open();
    expect(await rootOf(tree, 600)).toBe(expected(600));
    expect(existsSync(`${directory()}.old`)).toBe(false);
  });

  it('may be rubbish', async () => {
    made(600);
    writeFileSync(join(directory(), 'level-0'), Buffer.alloc(31));
    writeFileSync(join(directory(), 'level-1'), '');
    const tree = fill(open(), 600);
    expect(tree.readable).toBe(0);
    tree.adopt();
    expect(await rootOf(tree, 600)).toBe(expected(600));
    expect(readFileSync(join(directory(), 'level-0')).length).toBe(600 * 32);
  });

  it('may be something else under the same names, or be cut while it is read', async () => {
    made(600);
    rmSync(join(directory(), 'level-0'));
    mkdirSync(join(directory(), 'level-0'));
    expect(fill(open(), 600).readable).toBe(0);
    rmSync(join(directory(), 'level-0'), { recursive: true });
    spawnSync('mkfifo', [join(directory(), 'level-0')]);
    fill(open(), 600).adopt();
    const cut = fill(open(), 100);
    writeFileSync(join(directory(), 'level-0'), Buffer.alloc(32));
    fill(cut, 600).adopt();
    expect(cut.difference).toBe('the kept tree has another event 257');
    expect(await rootOf(cut, 600)).toBe(expected(600));
  });
});
