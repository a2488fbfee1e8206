import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { HASH_BYTES, TILE_WIDTH } from '@crucible/transparency';
import type { Hash } from '@crucible/transparency';

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

/** Thrown when a file holds less than it should: it was cut, or lies on a disk that lost it. */
export class TileDamaged extends Error {
  override readonly name = 'TileDamaged';
}

/** Hashes of a flat file, by their index. @throws TileDamaged when they are not all there */
export const readHashes = (file: number, first: number, count: number): Uint8Array => {
  const bytes = new Uint8Array(count * HASH_BYTES);
  for (let done = 0; done < bytes.length;) {
    const read = readSync(file, bytes, done, bytes.length - done, first * HASH_BYTES + done);
    if (read === 0) throw new TileDamaged(`no hash ${first + Math.floor(done / HASH_BYTES)} on disk`);
    done += read;
  }
  return bytes;
};

const writeWhole = (file: number, bytes: Uint8Array, at: number): void => {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, at + done);
};

/**
 * One level of tiles as a flat file of hashes, written a tile at a time; only the last tile is in memory. A failed write
 * changes nothing: the same hash may be given again.
 */
export class LevelFile {
  readonly file: number;
  readonly #last = new Uint8Array(TILE_BYTES);
  #count = 0;
  /** Hashes that are in the file. They are never written again: what is read later is what the disk has. */
  #written = 0;

  constructor(path: string) {
    this.file = openSync(path, 'w+', 0o600);
  }

  get count(): number {
    return this.#count;
  }

  /** The next hash. @throws what the file system throws */
  append(hash: Hash): void {
    const at = this.#count % TILE_WIDTH;
    this.#last.set(hash, at * HASH_BYTES);
    if (at === TILE_WIDTH - 1) this.#write(this.#count + 1);
    this.#count += 1;
  }

  /** Brings what is in memory only to the file. */
  flush(): void {
    if (this.#written < this.#count) this.#write(this.#count);
  }

  /** The full tile that was written last. */
  get lastFullTile(): Uint8Array {
    const full = this.#count - (this.#count % TILE_WIDTH);
    return this.#count % TILE_WIDTH === 0 ? this.#last : readHashes(this.file, full - TILE_WIDTH, TILE_WIDTH);
  }

  /** Hashes up to `count`, all of them in the last tile. */
  #write(count: number): void {
    const from = this.#written % TILE_WIDTH;
    const bytes = this.#last.subarray(from * HASH_BYTES, (from + count - this.#written) * HASH_BYTES);
    writeWhole(this.file, bytes, this.#written * HASH_BYTES);
    this.#written = count;
  }

  close(): void {
    closeSync(this.file);
  }
}
