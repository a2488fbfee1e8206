import type { EvidenceRecord } from '@crucible/api';
import { wordsOf } from './entries.ts';

export interface SearchPage {
  readonly records: readonly EvidenceRecord[];
  /** Place of the first of them. */
  readonly index: number;
  readonly matching: number;
}
export type ReadFrom = (from: number, signal: AbortSignal) => Promise<SearchPage>;

/** A search stops here until more is asked for: nobody looks through more at a time, and memory stays bounded. */
export const foundPerRunMax = 500;
const foundMax = 20_000;

export interface SearchState {
  /** Places of entries, ascending. */
  readonly found: readonly number[];
  /** Entries that were looked through, from the first. */
  readonly searched: number;
  readonly total: number;
  readonly isRunning: boolean;
}

/**
 * Looks for words through a whole transcript, page by page from its beginning. Nothing of a page is kept but the places where
 * the words stand.
 */
export class Search {
  readonly #wanted: string;
  readonly #read: ReadFrom;
  readonly #tell: (state: SearchState) => void;
  readonly #abort = new AbortController();
  #found: number[] = [];
  #searched = 0;
  #total = 0;
  #isRunning = false;

  constructor(text: string, read: ReadFrom, tell: (state: SearchState) => void) {
    this.#wanted = text.toLowerCase();
    this.#read = read;
    this.#tell = tell;
  }

  /** Looks on until there is enough, or to the end. @throws what reading throws */
  async run(): Promise<void> {
    if (this.#isRunning || this.#abort.signal.aborted || this.#found.length >= foundMax) return;
    this.#isRunning = true;
    const enough = this.#found.length + foundPerRunMax;
    try {
      for (;;) {
        const page = await this.#read(this.#searched, this.#abort.signal);
        this.#abort.signal.throwIfAborted();
        this.#take(page);
        if (page.records.length === 0 || this.#searched >= this.#total || this.#found.length >= enough) return;
        this.#publish();
      }
    } finally {
      this.#isRunning = false;
      if (!this.#abort.signal.aborted) this.#publish();
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  #take({ records, index, matching }: SearchPage): void {
    records.forEach((record, offset) => {
      if (wordsOf(record).toLowerCase().includes(this.#wanted)) this.#found.push(index + offset);
    });
    this.#searched = index + records.length;
    this.#total = matching;
  }

  #publish(): void {
    this.#tell({
      found: [...this.#found],
      searched: this.#searched,
      total: this.#total,
      isRunning: this.#isRunning,
    });
  }
}

/** The next place behind (or before) the present one, around the ends; null where nothing was found. */
export const stepFound = (found: readonly number[], current: number, step: 1 | -1): number | null => {
  if (found.length === 0) return null;
  if (step === 1) return found.find((index) => index > current) ?? (found[0] as number);
  return found.findLast((index) => index < current) ?? (found.at(-1) as number);
};
