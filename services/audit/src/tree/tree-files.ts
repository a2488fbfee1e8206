import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hashSlice, HASH_BYTES, TILE_WIDTH } from '@crucible/transparency';
import type { Hash, Tile } from '@crucible/transparency';
import { LevelFile, readHashes, TileDamaged } from './level-file.ts';

export type HashTile = Tile & { readonly level: number };

const levelPath = (directory: string, level: number): string => join(directory, `level-${level}`);
const ALL_OF_A_TILE = { from: 0, to: TILE_WIDTH };

/** The tree as an earlier life of this service left it: read, never written. */
class KeptTree {
  readonly #files: number[] = [];
  readonly leaves: number;
  #tile: { readonly index: number; readonly bytes: Uint8Array } | undefined;

  constructor(directory: string) {
    // A pipe under such a name would never open, and a folder cannot be read.
    for (let level = 0; statSync(levelPath(directory, level), { throwIfNoEntry: false })?.isFile(); level += 1)
      this.#files.push(openSync(levelPath(directory, level), 'r'));
    const [leaves] = this.#files;
    this.leaves = leaves === undefined ? 0 : Math.floor(fstatSync(leaves).size / HASH_BYTES);
  }

  /** The hash of a leaf by its index; undefined behind the last. Cheap when asked for in order. */
  leaf(index: number): Hash | undefined {
    if (index >= this.leaves) return undefined;
    const tile = Math.floor(index / TILE_WIDTH);
    if (this.#tile?.index !== tile) {
      const width = Math.min(TILE_WIDTH, this.leaves - tile * TILE_WIDTH);
      this.#tile = { index: tile, bytes: this.read(0, tile * TILE_WIDTH, width) };
    }
    const at = (index - tile * TILE_WIDTH) * HASH_BYTES;
    return this.#tile.bytes.subarray(at, at + HASH_BYTES);
  }

  read(level: number, first: number, count: number): Uint8Array {
    const file = this.#files[level];
    if (file === undefined) throw new TileDamaged(`no level ${level} on disk`);
    return readHashes(file, first, count);
  }

  close(): void {
    for (const file of this.#files) closeSync(file);
  }
}

/**
 * The hashes of the log's tree on disk, in C2SP's tiles: a flat file for each level, in constant memory. At every start
 * the tree is made anew beside the kept one from the log as it is read, and compared with it. Until `adopt` says that
 * the log is the one that was signed, the kept tree stays as it is and is the one that is read: should the log have been
 * changed, it tells where.
 */
export class TreeFiles {
  readonly #directory: string;
  readonly #kept: KeptTree;
  readonly #levels: LevelFile[] = [];
  #adopted = false;
  #sizeAtAdoption = 0;
  #difference: number | null = null;

  /** @param directory of the kept tree; its neighbours `.next` and `.old` are used as well */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
    // An exchange that was interrupted between its two renames.
    if (!existsSync(directory) && existsSync(`${directory}.old`)) renameSync(`${directory}.old`, directory);
    for (const other of [`${directory}.old`, `${directory}.next`]) rmSync(other, { recursive: true, force: true });
    mkdirSync(`${directory}.next`, { mode: 0o700 });
    this.#kept = new KeptTree(directory);
    this.#levels.push(new LevelFile(levelPath(`${directory}.next`, 0)));
  }

  /** Number of leaves that came in. */
  get size(): number {
    return this.#levels[0]?.count ?? 0;
  }

  /** Number of leaves of the tree that is read: until `adopt`, that of the kept one. */
  get readable(): number {
    return this.#adopted ? this.size : this.#kept.leaves;
  }

  /** What the kept tree had otherwise, in words; null when it was the same as far as it goes. */
  get difference(): string | null {
    if (this.#difference !== null) return `the kept tree has another event ${this.#difference}`;
    return this.#adopted && this.#kept.leaves > this.#sizeAtAdoption
      ? `the kept tree has ${this.#kept.leaves} events and the log ${this.#sizeAtAdoption}`
      : null;
  }

  /** The leaf of the event at a position. One that is there already changes nothing. @throws what the file system throws */
  add(position: number, leaf: Hash): void {
    const [leaves] = this.#levels;
    if (leaves !== undefined && position === leaves.count + 1) {
      if (!this.#adopted) this.#compare(position, leaf);
      leaves.append(leaf);
    }
    // Apart from the leaf itself, so that a write that failed half-way is made up for when the event comes again.
    for (let level = 0; level < this.#levels.length; level += 1) this.#raise(level);
  }

  /** Brings everything that came in to the files. */
  flush(): void {
    for (const level of this.#levels) level.flush();
  }

  /** The new tree takes the place of the kept one. */
  adopt(): void {
    if (this.#adopted) return;
    this.flush();
    rmSync(`${this.#directory}.old`, { recursive: true, force: true });
    if (existsSync(this.#directory)) renameSync(this.#directory, `${this.#directory}.old`);
    renameSync(`${this.#directory}.next`, this.#directory);
    rmSync(`${this.#directory}.old`, { recursive: true, force: true });
    this.#sizeAtAdoption = this.size;
    this.#adopted = true;
  }

  /** The hashes of a tile, as many as it says. @throws TileDamaged when the file does not hold them */
  read({ level, index, width }: HashTile): Uint8Array {
    return this.#read(level, index * TILE_WIDTH, width);
  }

  /** The hashes of the leaves of events, `first` being a position. @throws TileDamaged */
  leaves(first: number, count: number): readonly Hash[] {
    const bytes = this.#read(0, first - 1, count);
    return Array.from({ length: count }, (_, at) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
  }

  close(): void {
    this.#kept.close();
    for (const level of this.#levels) level.close();
  }

  #read(level: number, first: number, count: number): Uint8Array {
    if (!this.#adopted) return this.#kept.read(level, first, count);
    const file = this.#levels[level]?.file;
    if (file === undefined) throw new TileDamaged(`no level ${level} on disk`);
    return readHashes(file, first, count);
  }

  /** The file may get shorter while it is read: that is a difference like another, and no reason to stand still. */
  #keptLeaf(position: number): Hash | 'damaged' | undefined {
    try {
      return this.#kept.leaf(position - 1);
    } catch (error) {
      if (error instanceof TileDamaged) return 'damaged';
      throw error;
    }
  }

  #compare(position: number, leaf: Hash): void {
    if (this.#difference !== null) return;
    const kept = this.#keptLeaf(position);
    if (kept === 'damaged') this.#difference = position;
    else if (kept !== undefined && Buffer.compare(kept, leaf) !== 0) this.#difference = position;
  }

  /** Puts the root of a tile that has become full into the level above. */
  #raise(level: number): void {
    const below = this.#levels[level];
    if (below === undefined) return;
    const wanted = Math.floor(below.count / TILE_WIDTH);
    if (wanted === (this.#levels[level + 1]?.count ?? 0)) return;
    const above = (this.#levels[level + 1] ??= new LevelFile(
      levelPath(this.#adopted ? this.#directory : `${this.#directory}.next`, level + 1),
    ));
    above.append(hashSlice(below.lastFullTile, ALL_OF_A_TILE));
  }
}
