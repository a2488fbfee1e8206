import { concat } from './bytes.ts';
import { HASH_BYTES, hashChildren } from './merkle.ts';
import type { Hash } from './merkle.ts';
import type { SubtreeSource } from './proof.ts';

/** The tree in pieces as C2SP's `tlog-tiles` serves it: 256 hashes a tile, and bundles of the 256 entries below one. */

export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 2 ** TILE_HEIGHT;
export const TILE_LEVEL_MAX = 63;
/** The most bytes that an entry's length prefix can tell. */
export const ENTRY_BYTES_MAX = 65_535;
const PREFIX_BYTES = 2;

/** A tile of hashes, or the bundle of entries below the tile of the same index at level 0. */
export interface Tile {
  readonly level: number | 'entries';
  /** Place within the level, from 0. */
  readonly index: number;
  /** Number of hashes or entries: 256 when the tile is full. */
  readonly width: number;
}

/** An index in groups of three digits, all but the last with an x: 1234067 is `x001/x234/067`. */
const indexPath = (index: number): string => {
  let path = String(index % 1_000).padStart(3, '0');
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000))
    path = `x${String(rest % 1_000).padStart(3, '0')}/${path}`;
  return path;
};

/** `tile/<L>/<N>[.p/<W>]`, without a leading slash. */
export const tilePath = ({ level, index, width }: Tile): string =>
  `tile/${level}/${indexPath(index)}${width === TILE_WIDTH ? '' : `.p/${width}`}`;

const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** Reads a path in its one spelling; undefined for any other. */
export const parseTilePath = (path: string): Tile | undefined => {
  const [, place, digits, partial] = PATH.exec(path) ?? [];
  if (place === undefined || digits === undefined) return undefined;
  const tile: Tile = {
    level: place === 'entries' ? place : Number(place),
    index: Number(digits.replaceAll(/[x/]/g, '')),
    width: partial === undefined ? TILE_WIDTH : Number(partial),
  };
  if (typeof tile.level === 'number' && tile.level > TILE_LEVEL_MAX) return undefined;
  // Leading groups of zeros and a partial tile of 256 would be second spellings.
  return Number.isSafeInteger(tile.index) && tilePath(tile) === path ? tile : undefined;
};

/** Number of hashes that a tree of `size` leaves has at a level of tiles. */
const hashesAt = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** level);

/** How wide a tile is in a tree of `size` leaves; 0 when the tree does not reach it. */
export const tileWidth = ({ level, index }: Pick<Tile, 'level' | 'index'>, size: number): number =>
  Math.max(0, Math.min(TILE_WIDTH, hashesAt(level === 'entries' ? 0 : level, size) - index * TILE_WIDTH));

/**
 * The tiles, of hashes only, that a tree of `size` leaves has and the tree of `before` leaves had not, or had narrower.
 * Lower levels first. With `before` 0 they are all tiles of the tree.
 */
export const newTiles = function* (before: number, size: number): Generator<Tile & { readonly level: number }> {
  for (let level = 0; hashesAt(level, size) > 0; level += 1) {
    const [had, has] = [hashesAt(level, before), hashesAt(level, size)];
    if (had === has) continue;
    for (let index = Math.floor(had / TILE_WIDTH); index * TILE_WIDTH < has; index += 1)
      yield { level, index, width: Math.min(TILE_WIDTH, has - index * TILE_WIDTH) };
  }
};

/** Where the root of a full subtree comes from: the hashes `from` to `to` of a tile, to be hashed into one. */
export interface TileSlice {
  readonly tile: Tile & { readonly level: number };
  readonly from: number;
  readonly to: number;
}

/** The tile, as wide as the tree of `size` leaves has it, that holds the full subtree of 2^level leaves at `index`. */
export const sliceOf = (level: number, index: number, size: number): TileSlice => {
  const tileLevel = Math.floor(level / TILE_HEIGHT);
  const hashes = 2 ** (level % TILE_HEIGHT);
  const first = index * hashes;
  const tileIndex = Math.floor(first / TILE_WIDTH);
  const tile = { level: tileLevel, index: tileIndex };
  const from = first - tileIndex * TILE_WIDTH;
  return { tile: { ...tile, width: tileWidth(tile, size) }, from, to: from + hashes };
};

const foldPairs = (hashes: readonly Hash[]): readonly Hash[] =>
  hashes.flatMap((left, at) => {
    const right = hashes[at + 1];
    return at % 2 === 0 && right !== undefined ? [hashChildren(left, right)] : [];
  });

/** The hash of a slice. @throws Error when the tile's bytes do not hold it */
export const hashSlice = (bytes: Uint8Array, { from, to }: Pick<TileSlice, 'from' | 'to'>): Hash => {
  if (bytes.length < to * HASH_BYTES) throw new Error(`a tile of ${bytes.length} bytes holds no hash ${to - 1}`);
  let level: readonly Hash[] = Array.from({ length: to - from }, (_, at) =>
    bytes.subarray((from + at) * HASH_BYTES, (from + at + 1) * HASH_BYTES),
  );
  while (level.length > 1) level = foldPairs(level);
  const [root] = level;
  if (root === undefined) throw new Error('a slice of a tile holds at least one hash');
  return root;
};

/**
 * Subtrees of the tree of `size` leaves from its tiles. Whoever gives the tiles is not believed: what is made of them is
 * to be checked against a signed root.
 * @param read gives at least `width` hashes of a tile, 32 bytes each; a cache is the reader's own affair
 */
export const subtreesFromTiles =
  (size: number, read: (tile: Tile & { readonly level: number }) => Uint8Array | Promise<Uint8Array>): SubtreeSource =>
  async (level, index) => {
    const slice = sliceOf(level, index, size);
    return hashSlice(await read(slice.tile), slice);
  };

/** Entries as a bundle: each with its length as a big-endian uint16 before it. @throws RangeError for one too large */
export const encodeEntryBundle = (entries: readonly Uint8Array[]): Uint8Array =>
  concat(
    ...entries.flatMap((entry) => {
      if (entry.length > ENTRY_BYTES_MAX) throw new RangeError(`an entry has at most ${ENTRY_BYTES_MAX} bytes`);
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry];
    }),
  );

/** The `width` entries of a bundle; undefined when the bytes are not exactly that many. */
export const decodeEntryBundle = (bytes: Uint8Array, width: number): readonly Uint8Array[] | undefined => {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const [high, low] = [bytes[at], bytes[at + 1]];
    if (high === undefined || low === undefined || entries.length === width) return undefined;
    const begin = at + PREFIX_BYTES;
    at = begin + high * 256 + low;
    if (at > bytes.length) return undefined;
    entries.push(bytes.subarray(begin, at));
  }
  return entries.length === width ? entries : undefined;
};
