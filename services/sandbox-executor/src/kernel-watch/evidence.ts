/** A piece of the `kernel` channel of one trial: whole lines of JSON. */
export interface Batch {
  readonly lines: string;
  readonly records: number;
}

/**
 * Takes batches. While a returned promise is pending, at most one more batch is collected and then nothing more is read
 * of that sandbox: its guest waits for the store. A rejection or an exception ends the record: the trial is then unobserved.
 */
export type OnRecords = (batch: Batch) => void | Promise<void>;

/** Published in full up to so many records and bytes (UTF-8), whichever comes first; beyond, one in `SAMPLE_EVERY`. */
export const RECORDS_FULL_MAX = 100_000;
export const EVIDENCE_BYTES_MAX = 16 * 1024 * 1024;
export const SAMPLE_EVERY = 128;
/** Room for the sample, and on top of it for records that carry something new: together the most a trial can publish. */
export const SAMPLED_BYTES_MAX = 2 * 1024 * 1024;
export const TELLING_BYTES_MAX = 1024 * 1024;
export const BATCH_BYTES_MAX = 64 * 1024;
export const BATCH_WAIT_MS = 200;
/** Held for a trial that nobody has attached to yet: the start of a warm sandbox fits many times over. */
const HELD_BYTES_MAX = 256 * 1024;

/** Messages of the guest's kernel that it could not deliver, and that could not be read. */
export interface Lost {
  readonly dropped: number;
  readonly malformed: number;
}
const NOTHING_LOST: Lost = { dropped: 0, malformed: 0 };

/** The published record of one trial: bounded whatever the guest does, given out in batches by size and time. */
export class Evidence {
  #seen = 0;
  #kept = 0;
  #leftOutFrom = 0;
  #bytes = 0;
  #pending: string[] = [];
  #pendingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sink: OnRecords | undefined;
  #taking = false;
  #failure: unknown;

  /** @param line is called only if the record is kept. `telling` records carry something new and are kept first of all. */
  add(telling: boolean, line: () => string): void {
    this.#seen += 1;
    if (!this.#wanted(telling)) {
      if (this.#leftOutFrom === 0) this.#leftOutFrom = this.#seen;
      return;
    }
    this.#kept += 1;
    this.#push(line());
  }

  /** From now on batches go to `sink`, first of all what was held for it. */
  deliverTo(sink: OnRecords): void {
    this.#sink = sink;
    this.flush();
  }

  /** Whether the sink is so far behind that nothing more should be read for it. */
  get behind(): boolean {
    return this.#taking && this.#pendingBytes >= BATCH_BYTES_MAX;
  }

  /** Gives out what there is, unless the sink still has its hands full. */
  flush(): void {
    if (!this.#taking) this.#give();
  }

  /**
   * Gives out the last of it, and says in last lines what was left out (`from` is the ordinal of the first record that
   * was, `leftOut` how many) and what never came. Nothing is given out any more.
   * @param atMs epoch milliseconds
   */
  end(atMs: number, lost: Lost = NOTHING_LOST): void {
    let n = this.#seen;
    const say = (record: object): void => this.#push(`${JSON.stringify({ n: (n += 1), at: atMs, ...record })}\n`);
    const { leftOut } = this;
    if (leftOut > 0) say({ kind: 'sampled', from: this.#leftOutFrom, leftOut });
    if (lost.dropped > 0 || lost.malformed > 0) say({ kind: 'lost', ...lost });
    this.#give();
    clearTimeout(this.#timer);
    this.#sink = undefined;
    this.#pending = [];
  }

  /** Acts seen, kept or not: the ordinal of the last one. */
  get seen(): number {
    return this.#seen;
  }

  get leftOut(): number {
    return this.#seen - this.#kept;
  }

  /** What the sink failed with, if it did. */
  get failure(): unknown {
    return this.#failure;
  }

  #push(text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes;
    this.#pending.push(text);
    this.#pendingBytes += bytes;
    if (this.#pendingBytes >= BATCH_BYTES_MAX) this.flush();
    else this.#schedule();
  }

  #give(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#sink || this.#pending.length === 0) return;
    const batch = { lines: this.#pending.join(''), records: this.#pending.length };
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#failure !== undefined) return;
    try {
      const taken = this.#sink(batch);
      if (taken) this.#await(taken);
    } catch (error) {
      this.#fail(error);
    }
  }

  #await(taken: Promise<void>): void {
    this.#taking = true;
    taken
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#taking = false;
        if (this.#pendingBytes >= BATCH_BYTES_MAX) this.#give();
        else if (this.#pendingBytes > 0) this.#schedule();
      });
  }

  #fail(error: unknown): void {
    this.#failure ??= error ?? new Error('the sink of kernel records failed');
  }

  #wanted(telling: boolean): boolean {
    const bytes = this.#bytes;
    if (!telling && !this.#sink && this.#pendingBytes >= HELD_BYTES_MAX) return false;
    if (this.#seen <= RECORDS_FULL_MAX && bytes < EVIDENCE_BYTES_MAX) return true;
    if (telling) return bytes < EVIDENCE_BYTES_MAX + SAMPLED_BYTES_MAX + TELLING_BYTES_MAX;
    return this.#seen % SAMPLE_EVERY === 0 && bytes < EVIDENCE_BYTES_MAX + SAMPLED_BYTES_MAX;
  }

  #schedule(): void {
    if (!this.#sink || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, BATCH_WAIT_MS);
    this.#timer.unref();
  }
}
