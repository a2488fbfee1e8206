import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex } from './bytes.ts';
import { emptyRange, hashLeaf, rootOf, withLeaf } from './merkle.ts';
import type { Hash } from './merkle.ts';
import { proveInclusion, rootAt, subtreesBetween, verifyInclusion } from './proof.ts';
import {
  decodeEntryBundle,
  encodeEntryBundle,
  newTiles,
  parseTilePath,
  subtreesFromTiles,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from './tiles.ts';
import type { Tile } from './tiles.ts';

describe('paths of tiles', () => {
  it.each([
    ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
    ['tile/0/000', { level: 0, index: 0, width: 256 }],
    ['tile/2/000.p/1', { level: 2, index: 0, width: 1 }],
    ['tile/0/273.p/112', { level: 0, index: 273, width: 112 }],
    ['tile/63/999', { level: 63, index: 999, width: 256 }],
    ['tile/entries/x001/000.p/255', { level: 'entries', index: 1_000, width: 255 }],
  ] as const)('are those of the specification: %s', (path, tile) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it.each([
    'tile/64/000',
    'tile/00/000',
    'tile/01/000',
    'tile/-1/000',
    'tile/0/0',
    'tile/0/1234',
    'tile/0/x000/001',
    'tile/0/x001/x002',
    'tile/0/001/002',
    'tile/0/x01/002',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/',
    'tile/0/../000',
    'tile/entry/000',
    '/tile/0/000',
    'tile/0/000/',
    'tile/0/x999/x999/x999/x999/x999/x999/999',
    '',
  ])('are refused in another spelling: %j', (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  it('read back as written', () => {
    const level = fc.oneof(fc.constant('entries' as const), fc.integer({ min: 0, max: 63 }));
    const width = fc.integer({ min: 1, max: 256 });
    fc.assert(
      fc.property(level, fc.maxSafeNat(), width, (at, index, wide) => {
        const tile = { level: at, index, width: wide };
        expect(parseTilePath(tilePath(tile))).toEqual(tile);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (path) => {
        const tile = parseTilePath(path);
        if (tile !== undefined) expect(tilePath(tile)).toBe(path);
      }),
    );
  });
});

describe('the tiles of a tree', () => {
  const counts = (tiles: readonly Tile[]) =>
    tiles
      .map(({ level, width }) => `${level}:${width}`)
      .reduce<Record<string, number>>((all, tile) => ({ ...all, [tile]: (all[tile] ?? 0) + 1 }), {});

  it('are those that the specification counts', () => {
    expect(counts([...newTiles(0, 70_000)])).toEqual({ '0:256': 273, '0:112': 1, '1:256': 1, '1:17': 1, '2:1': 1 });
    expect(counts([...newTiles(0, 256)])).toEqual({ '0:256': 1, '1:1': 1 });
    expect(counts([...newTiles(0, 0)])).toEqual({});
  });

  it('that are new from one size to another are those that differ', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 140_000 }), fc.integer({ min: 0, max: 3_000 }), (before, more) => {
        const had = new Set([...newTiles(0, before)].map(tilePath));
        const expected = [...newTiles(0, before + more)].map(tilePath).filter((path) => !had.has(path));
        expect([...newTiles(before, before + more)].map(tilePath)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('are as wide as the tree makes them', () => {
    expect(tileWidth({ level: 0, index: 273 }, 70_000)).toBe(112);
    expect(tileWidth({ level: 'entries', index: 273 }, 70_000)).toBe(112);
    expect(tileWidth({ level: 0, index: 274 }, 70_000)).toBe(0);
    expect(tileWidth({ level: 1, index: 1 }, 70_000)).toBe(17);
    expect(tileWidth({ level: 3, index: 0 }, 70_000)).toBe(0);
  });
});

describe('a tree read from its tiles', () => {
  const SIZE = 70_000;
  const leaves = Array.from({ length: SIZE }, (_, index) => hashLeaf(Buffer.from(String(index))));
  const rootBetween = (begin: number, end: number): Hash =>
    rootOf(leaves.slice(begin, end).reduce(withLeaf, emptyRange));
  const cut = ({ level, index, width }: Tile & { level: number }): Uint8Array => {
    const below = TILE_WIDTH ** level;
    const first = index * TILE_WIDTH;
    return concat(
      ...Array.from({ length: width }, (_, at) => rootBetween((first + at) * below, (first + at + 1) * below)),
    );
  };
  const tiles = new Map([...newTiles(0, SIZE)].map((tile) => [tilePath(tile), cut(tile)]));
  const source = subtreesFromTiles(SIZE, (tile) => {
    const bytes = tiles.get(tilePath(tile));
    if (bytes === undefined) throw new Error(`the tree has no ${tilePath(tile)}`);
    return bytes;
  });

  it('has the same roots and proofs as from its leaves', async () => {
    const root = rootBetween(0, SIZE);
    expect(toHex(await rootAt(SIZE, source))).toBe(toHex(root));
    for (const size of [1, 255, 256, 257, 65_536, 65_537])
      expect(toHex(await rootAt(size, source))).toBe(toHex(rootBetween(0, size)));
    for (const index of [0, 1, 255, 256, 65_535, 65_536, 69_999]) {
      const proof = await proveInclusion(index, SIZE, source);
      const leaf = leaves[index] ?? new Uint8Array();
      expect(verifyInclusion({ leaf, index, size: SIZE, root, proof })).toBe(true);
    }
  });

  it('asks for no more subtrees than a size has bits', () => {
    expect(subtreesBetween(0, 2 ** 40 - 1).length).toBe(40);
    expect(subtreesBetween(5, 5)).toEqual([]);
  });

  it('does not take a tile that is too short', async () => {
    await expect(async () => subtreesFromTiles(SIZE, () => new Uint8Array(32))(0, 1)).rejects.toThrow('holds no hash');
  });
});

describe('bundles of entries', () => {
  it('have the length of each entry before it, in two bytes, the larger first', () => {
    const bundle = encodeEntryBundle([Buffer.from('ab'), new Uint8Array(), new Uint8Array(258)]);
    expect(toHex(bundle.subarray(0, 8))).toBe('0002616200000102');
    expect(bundle.length).toBe(2 + 2 + 2 + 2 + 258);
  });

  it('read back as written, and not cut, longer or of another width', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 20 }), (entries) => {
        const bundle = encodeEntryBundle(entries);
        expect(decodeEntryBundle(bundle, entries.length)).toEqual(entries);
        expect(decodeEntryBundle(bundle, entries.length + 1)).toBeUndefined();
        if (entries.length === 0) return;
        expect(decodeEntryBundle(bundle, entries.length - 1)).toBeUndefined();
        expect(decodeEntryBundle(bundle.subarray(0, -1), entries.length)).toBeUndefined();
      }),
    );
    expect(decodeEntryBundle(Uint8Array.of(0), 1)).toBeUndefined();
  });

  it('hold the largest entry and none larger', () => {
    const largest = new Uint8Array(65_535).fill(7);
    expect(decodeEntryBundle(encodeEntryBundle([largest]), 1)).toEqual([largest]);
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow(RangeError);
  });
});
