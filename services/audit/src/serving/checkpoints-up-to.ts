import type { Checkpoints, StoredCheckpoint } from '@crucible/event-log';
import type { Sealed } from '../sealing/sealer.ts';

const READ_AT_ONCE = 500;

/** The size that a note claims, whoever signed it; 0 where none can be read. */
export const claimedSize = (note: string): number => {
  const digits = note.split('\n', 2)[1] ?? '';
  return /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
};

/** The published checkpoints in their order up to a given one, let go as the log is passed that they are over. */
export class CheckpointsUpTo {
  readonly #checkpoints: Pick<Checkpoints, 'read'>;
  readonly #last: Sealed;
  #waiting: StoredCheckpoint[] = [];
  #after = 0;
  #ended = false;
  /** The given one where it is not among the published. */
  #own: StoredCheckpoint | undefined;

  constructor(checkpoints: Pick<Checkpoints, 'read'>, last: Sealed) {
    this.#checkpoints = checkpoints;
    this.#last = last;
  }

  /** The size of the one that comes next; 0 as long as it is not known, infinite behind the last. */
  get nextSize(): number {
    const [next] = this.#waiting;
    if (next !== undefined) return claimedSize(next.note);
    return this.#ended ? Number.POSITIVE_INFINITY : 0;
  }

  /** Those that come next and are over at most `size` events. */
  async *until(size: number): AsyncGenerator<StoredCheckpoint> {
    for (;;) {
      if (this.#waiting.length === 0) await this.#read();
      const [next] = this.#waiting;
      if (next === undefined || claimedSize(next.note) > size) return;
      this.#waiting.shift();
      if (this.#isLast(next)) {
        this.#waiting = [];
        this.#ended = true;
      }
      yield next;
    }
  }

  /** Place of the given one among the published: it is looked for where it is not known. */
  async sequence(): Promise<number> {
    if (this.#last.sequence !== null) return this.#last.sequence;
    for (let after = 0; ;) {
      const read = await this.#checkpoints.read(after, READ_AT_ONCE);
      const found = read.find((each) => this.#isLast(each));
      if (found !== undefined) return found.sequence;
      after += read.length;
      // Kept by us alone: it would be the next.
      if (read.length < READ_AT_ONCE) return after + 1;
    }
  }

  async #read(): Promise<void> {
    if (this.#ended) return;
    const read = await this.#checkpoints.read(this.#after, READ_AT_ONCE);
    this.#waiting = [...read];
    this.#after += read.length;
    // A bus that was brought back from an older copy lacks it; we kept it ourselves.
    if (read.length > 0) return;
    this.#own = { sequence: this.#last.sequence ?? this.#after + 1, note: this.#last.note };
    this.#waiting = [this.#own];
  }

  #isLast(checkpoint: StoredCheckpoint): boolean {
    if (checkpoint === this.#own) return true;
    const { sequence, note } = checkpoint;
    return this.#last.sequence === null ? note === this.#last.note : sequence === this.#last.sequence;
  }
}
