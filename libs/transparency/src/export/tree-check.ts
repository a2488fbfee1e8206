import { equalBytes, toHex } from '../bytes.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { emptyRange, HASH_BYTES, rootOf, withLeaf, withSubtree } from '../merkle.ts';
import type { CompactRange, Hash } from '../merkle.ts';
import type { EventsFact } from './digest.ts';
import type { Complaint } from './evidence-check.ts';
import type { LeavesLine } from './format.ts';

/** How many leaf hashes are kept to tell which event is wrong: 32 MiB of them. */
const LEAVES_KEPT_MAX = 2 ** 20;

/** A checkpoint that somebody kept from earlier, and what it says. */
export interface Kept {
  readonly checkpoint: Checkpoint;
  readonly from: string;
}

/** The tree over the events as they come, and its roots against those that were signed. */
export class TreeCheck {
  #range: CompactRange = emptyRange;
  /** The tree under the last checkpoint that was right. */
  #good: CompactRange = emptyRange;
  #computed: Uint8Array[] = [];
  #noted: Hash[] = [];
  /** How many were noted, kept or not. */
  #notedCount = 0;
  readonly #leavesMax: number;
  readonly #kept: Kept[];
  #keptComplaint: Complaint | null = null;

  constructor(kept: readonly Kept[], leavesMax: number = LEAVES_KEPT_MAX) {
    this.#leavesMax = leavesMax;
    this.#kept = kept.toSorted((one, other) => one.checkpoint.size - other.checkpoint.size);
    this.#compareKept();
  }

  /** Number of events taken. */
  get size(): number {
    return this.#range.size;
  }

  /** Number of events that a right checkpoint covers. */
  get covered(): number {
    return this.#good.size;
  }

  /** Root over what is covered. */
  get root(): Hash {
    return rootOf(this.#good);
  }

  add({ first, leaves, subtrees }: EventsFact): Complaint | null {
    const expected = this.#range.size + 1;
    if (first > expected) return { position: expected, reason: `event ${expected} is missing: event ${first} follows` };
    if (first < expected) return { position: expected, reason: `event ${first} stands where event ${expected} should` };
    this.#range = subtrees.reduce((range, { level, root }) => withSubtree(range, level, root), this.#range);
    if (this.#range.size - this.#good.size <= this.#leavesMax) this.#computed.push(leaves);
    this.#compareKept();
    return null;
  }

  /** Leaf hashes that the maker noted since the last checkpoint. Nothing is believed of them yet. */
  note({ first, hashes }: LeavesLine): Complaint | null {
    const expected = this.#good.size + this.#notedCount + 1;
    if (first !== expected)
      return {
        position: expected,
        reason: `leaf hashes from event ${first} on stand where those of event ${expected} should`,
      };
    this.#notedCount += hashes.length;
    // More than may be kept are of no use in part: the root could not be made of them.
    if (this.#notedCount <= this.#leavesMax) this.#noted.push(...hashes);
    else this.#noted = [];
    return null;
  }

  /** A checkpoint whose signature was found good. */
  checkpoint(checkpoint: Checkpoint): Complaint | null {
    const { size, root } = checkpoint;
    if (size < this.#good.size)
      return {
        position: this.size,
        reason: `a checkpoint over ${size} events comes behind one over ${this.#good.size}`,
      };
    if (size !== this.size || !equalBytes(rootOf(this.#range), root)) return this.#pin(checkpoint);
    const differs = this.#firstDifference();
    if (differs !== null)
      return { position: differs, reason: `the leaf hash noted for event ${differs} is not that of the event` };
    this.#good = this.#range;
    this.#computed = [];
    this.#noted = [];
    this.#notedCount = 0;
    return this.#keptComplaint;
  }

  /** What is left to say when all events came. */
  end(): Complaint | null {
    const rolledBack = this.#kept.at(-1);
    if (rolledBack === undefined) return this.#keptComplaint;
    const { checkpoint, from } = rolledBack;
    const reason = `the log ends at ${this.size}, but ${from} covers ${checkpoint.size} events: this is an older copy, or its end was cut off`;
    return this.#keptComplaint ?? { position: this.size + 1, reason };
  }

  #compareKept(): void {
    for (let next = this.#kept[0]; next?.checkpoint.size === this.size; next = this.#kept[0]) {
      this.#kept.shift();
      if (equalBytes(rootOf(this.#range), next.checkpoint.root)) continue;
      const reason = `events 1 to ${this.size} are not those that ${next.from} was signed over`;
      // Told only if no checkpoint in the log finds the event itself.
      this.#keptComplaint ??= { position: Math.max(1, Math.min(this.size, this.#good.size + 1)), reason };
    }
  }

  *#computedLeaves(): Generator<Hash> {
    for (const leaves of this.#computed)
      for (let at = 0; at < leaves.length; at += HASH_BYTES) yield leaves.subarray(at, at + HASH_BYTES);
  }

  /** The first event whose leaf is not the one noted, as far as both are there. */
  #firstDifference(): number | null {
    if (this.#noted.length === 0) return null;
    let position = this.#good.size;
    for (const leaf of this.#computedLeaves()) {
      const noted = this.#noted[position - this.#good.size];
      position += 1;
      if (noted !== undefined && !equalBytes(noted, leaf)) return position;
    }
    return null;
  }

  /** Which event a checkpoint shows to be wrong: exactly, when the noted leaves are those that were signed. */
  #pin({ size, root }: Checkpoint): Complaint {
    const from = this.#good.size + 1;
    const roots = `the root over ${this.size} events is ${toHex(rootOf(this.#range))}, the checkpoint over ${size} has ${toHex(root)}`;
    const honest =
      this.#noted.length === this.#notedCount &&
      this.#good.size + this.#notedCount === size &&
      equalBytes(rootOf(this.#noted.reduce(withLeaf, this.#good)), root);
    if (!honest) {
      const which = from >= size ? `event ${from} is` : `an event from ${from} to ${Math.max(size, this.size)} is`;
      return { position: from, reason: `${which} not what was signed: ${roots}` };
    }
    const differs = this.#firstDifference();
    if (differs !== null) return { position: differs, reason: `event ${differs} is not what was signed: ${roots}` };
    const position = Math.min(size, this.size) + 1;
    const what = size > this.size ? `event ${position} is missing` : `event ${position} is one too many`;
    return { position, reason: `${what}: ${roots}` };
  }
}
