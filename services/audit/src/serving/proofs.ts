import { proveInclusion, subtreesFromTiles } from '@crucible/transparency';
import type { Hash, SubtreeSource } from '@crucible/transparency';
import type { HashTile } from '../tree/tree-files.ts';

/** Roots of subtrees that are remembered: neighbours in the log share most of their paths. */
const SUBTREES_MAX = 20_000;

/** Makes inclusion proofs in the tree of one size, from its tiles. */
export class Proofs {
  readonly #size: number;
  readonly #source: SubtreeSource;
  readonly #known = new Map<string, Hash>();

  constructor(size: number, read: (tile: HashTile) => Uint8Array) {
    this.#size = size;
    const source = subtreesFromTiles(size, read);
    this.#source = async (level, index) => {
      const key = `${level}/${index}`;
      const known = this.#known.get(key);
      if (known !== undefined) return known;
      if (this.#known.size >= SUBTREES_MAX) this.#known.clear();
      const root = await source(level, index);
      this.#known.set(key, root);
      return root;
    };
  }

  /** The path of the event at a position. @throws RangeError behind the tree's end, TileDamaged */
  of(position: number): Promise<readonly Hash[]> {
    return proveInclusion(position - 1, this.#size, this.#source);
  }
}
