import type { Checkpoint } from '@crucible/transparency';
import { emptyRange, rootOf, withLeaf } from '@crucible/transparency';
import type { CompactRange, Hash } from '@crucible/transparency';

/** A checkpoint signed earlier, with which the log must still agree. `from` says where it was kept. */
export interface Anchor {
  readonly checkpoint: Checkpoint;
  readonly from: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * The tree over the log as it is read, one leaf for each stored message whatever its bytes are. Once the log is seen to
 * differ from what was signed, the trail is broken and stays so: nothing is added and nothing may be signed.
 */
export class Trail {
  #range: CompactRange = emptyRange;
  #broken: string | null = null;
  readonly #anchors: Anchor[];

  constructor(anchors: readonly Anchor[]) {
    this.#anchors = anchors.toSorted((one, other) => one.checkpoint.size - other.checkpoint.size);
    this.#compareWithAnchors();
  }

  /** What is wrong with the log, or null. */
  get broken(): string | null {
    return this.#broken;
  }

  get size(): number {
    return this.#range.size;
  }

  /** Whether the log was found to agree with every anchor. */
  get agreed(): boolean {
    return this.#broken === null && this.#anchors.length === 0;
  }

  root(): Uint8Array {
    return rootOf(this.#range);
  }

  /** The next message of the log. A message that was seen before, as after a retry, changes nothing. */
  add(position: number, leaf: Hash): void {
    if (this.#broken !== null || position <= this.#range.size) return;
    if (position !== this.#range.size + 1) return this.break(`event ${this.#range.size + 1} is missing from the log`);
    this.#range = withLeaf(this.#range, leaf);
    this.#compareWithAnchors();
  }

  /**
   * Compares the log's length with what was signed and what was read of it: a log never gets shorter.
   * @param readBefore `size` as it was before the length was asked for
   */
  compareWithHead(head: number, readBefore: number): void {
    const anchored = this.#anchors.at(-1);
    if (anchored !== undefined && head < anchored.checkpoint.size) {
      this.break(`the log ends at ${head}, but ${anchored.from} covers ${anchored.checkpoint.size} events`);
    } else if (head < readBefore) {
      this.break(`the log ends at ${head}, but ${readBefore} events were read from it before`);
    }
  }

  break(reason: string): void {
    this.#broken ??= reason;
  }

  #compareWithAnchors(): void {
    for (let next = this.#anchors[0]; next?.checkpoint.size === this.#range.size; next = this.#anchors[0]) {
      const root = this.root();
      const { checkpoint, from } = next;
      if (hex(root) !== hex(checkpoint.root)) {
        const roots = `root ${hex(root)} instead of ${hex(checkpoint.root)}`;
        return this.break(`events 1 to ${checkpoint.size} are not those that ${from} was signed over: ${roots}`);
      }
      this.#anchors.shift();
    }
  }
}
