import type { EvaluationPage } from '@crucible/domain';
import { getHistory, getSnapshot } from '../api.ts';
import type { LiveMessage } from '../live.ts';
import { entryOf, History } from '../timeline/history.ts';
import type { HistoryEntry } from '../timeline/history.ts';
import { kindOf, timeOf } from '../timeline/kinds.ts';
import type { Kind } from '../timeline/kinds.ts';
import { pageOf } from '../trial-cells.ts';

/** So many events are read between two frames, so that a long history does not hold the page up. */
const sliceEntries = 250;
/** So often at most, and so long apart, it asks for what it is missing at the present end. */
const triesMax = 5;
const retryMs = 400;

/** They are many, and are wanted later than the page itself. */
const soonMs = 500;

const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** What the timeline shows of the events. The arrays grow at their ends; a new object says that they did. */
export interface Moments {
  readonly count: number;
  readonly entries: readonly HistoryEntry[];
  readonly kinds: readonly Kind[];
  /** Milliseconds since 1970, never descending. */
  readonly timesMs: readonly number[];
}

/** The events of one evaluation from its first to the present, and its page as of any of them. */
export class HistoryStore {
  moments = $state.raw<Moments>({ count: 0, entries: [], kinds: [], timesMs: [] });
  status = $state<'idle' | 'loading' | 'ready' | 'failed'>('idle');
  error = $state.raw<unknown>(null);
  isFull = $state(false);
  /** The server's answer for a linked moment, shown until the events are here. */
  linked = $state.raw<{ readonly at: number; readonly page: EvaluationPage } | null>(null);
  /** Why the server has nothing for a linked moment: it lies before the submission, or ahead of the log. */
  linkedError = $state.raw<{ readonly at: number; readonly error: unknown } | null>(null);

  readonly #id: string;
  readonly #history = new History();
  readonly #abort = new AbortController();
  /** What the stream brought while earlier events were still on their way. */
  #early: HistoryEntry[] = [];
  #wanted = 0;
  readonly #kinds: Kind[] = [];
  readonly #timesMs: number[] = [];

  constructor(evaluationId: string) {
    this.#id = evaluationId;
  }

  close(): void {
    this.#abort.abort();
  }

  /** Loads them when the page has had time for what it was opened for. Returns what takes that back. */
  loadSoon(): () => void {
    const timer = setTimeout(() => this.load(), soonMs);
    return () => clearTimeout(timer);
  }

  /** Loads all events up to the present. Without effect once it has begun, but for a new try after a failure. */
  load(): void {
    if (this.status === 'loading' || this.status === 'ready') return;
    this.status = 'loading';
    this.error = null;
    void this.#loadAll().catch((error: unknown) => {
      if (this.#abort.signal.aborted) return;
      this.error = error;
      this.status = 'failed';
    });
  }

  /** Asks the server for a moment that was linked to. */
  async link(at: number): Promise<void> {
    if (this.linked?.at === at || this.linkedError?.at === at) return;
    try {
      this.linked = { at, page: pageOf(await getSnapshot(this.#id, at, this.#abort.signal)) };
    } catch (error) {
      if (!this.#abort.signal.aborted) this.linkedError = { at, error };
    }
  }

  /** Takes what the page's stream brings. */
  onMessages(messages: readonly LiveMessage[]): void {
    const entries: HistoryEntry[] = [];
    for (const { event, data, position } of messages) {
      this.#wanted = Math.max(this.#wanted, position);
      if (event !== 'snapshot') entries.push(entryOf(position, data));
      // A new snapshot may have leapt over events that the stream then never brings.
      else if (this.status === 'ready' && position > this.#history.position) this.status = 'idle';
    }
    if (this.status === 'ready') this.#take(entries);
    else if (this.status === 'loading') this.#early.push(...entries);
    else if (this.#history.entries.length > 0) this.load();
  }

  /** The page as it was behind the last event at or before a position; null while or where there is none. */
  pageAt(position: number): EvaluationPage | null {
    return this.#history.pageAt(this.#history.indexAt(position));
  }

  /** Whether the events up to a position are here. */
  covers(position: number): boolean {
    return this.status === 'ready' || this.#history.position >= position;
  }

  indexAt(position: number): number {
    return this.#history.indexAt(position);
  }

  async #loadAll(): Promise<void> {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const reached = await this.#loadTail();
      if (reached >= this.#wanted || this.isFull) break;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
    this.#history.append(this.#early);
    this.#early = [];
    this.#publish();
    this.status = 'ready';
  }

  /** @returns the position of the log up to which nothing is missing */
  async #loadTail(): Promise<number> {
    for (let after = this.#history.position; ;) {
      const page = await getHistory(this.#id, after, this.#abort.signal);
      for (let index = 0; index < page.items.length; index += sliceEntries) {
        this.#history.append(
          page.items.slice(index, index + sliceEntries).map(({ position, event }) => entryOf(position, event)),
        );
        await breath();
        if (this.#abort.signal.aborted) return 0;
      }
      this.#publish();
      if (page.next === null || this.isFull) return page.position;
      after = page.next;
    }
  }

  #take(entries: readonly HistoryEntry[]): void {
    if (this.#history.append(entries) > 0) this.#publish();
  }

  #publish(): void {
    this.isFull = this.#history.isFull;
    const { entries } = this.#history;
    for (let index = this.#kinds.length; index < entries.length; index += 1) {
      const entry = entries[index] as HistoryEntry;
      this.#kinds.push(kindOf(entry));
      this.#timesMs.push(timeOf(entry, this.#timesMs[index - 1] ?? 0));
    }
    // Folding up to the end lays the kept pages, from which any step is then short.
    this.#history.pageAt(entries.length - 1);
    this.moments = { count: entries.length, entries, kinds: this.#kinds, timesMs: this.#timesMs };
  }
}
