import type { EventList, EventListQuery, EventSummary } from '@crucible/api';
import { isWhole, queryOf } from './filter.ts';
import type { EventFilter } from './filter.ts';

/**
 * A row of the list of events, newest first. `unlisted`: the platform was asked and named no event there, as where an
 * event is another team's.
 */
export type EventRow =
  | { readonly state: 'ready'; readonly position: number; readonly event: EventSummary }
  | { readonly state: 'loading' | 'unlisted'; readonly position: number | null };

type Ask = (query: Partial<EventListQuery>, signal: AbortSignal) => Promise<EventList>;

const pageRows = 200;
const pagesKeptMax = 60;
/** A reader who drags the scroll passes many pages: only where they rest is one asked for. */
const restMs = 50;

/** The events of one filter up to one head of the log, asked for as they come into sight. */
export interface EventSource {
  readonly count: number;
  /** False while more than `count` may fit the filter. */
  readonly isWhole: boolean;
  row(index: number): EventRow;
  /** Asks for what is missing among rows `from` to before `to`. */
  see(from: number, to: number): void;
  /** The row of a position, or of the next older one, or the oldest; -1 where that is not known yet or there is none. */
  indexOf(position: number): number;
  close(): void;
}

export interface SourceEdge {
  readonly ask: Ask;
  /** Told when rows have come. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

/** Every position between two: row and position follow from each other, and any page can be asked for first. */
class WholeLog implements EventSource {
  readonly isWhole = true;
  readonly count: number;
  readonly #from: number;
  readonly #to: number;
  readonly #edge: SourceEdge;
  /** By number of page, least lately seen first; null while it is on its way. */
  readonly #pages = new Map<number, ReadonlyMap<number, EventSummary> | null>();
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(filter: EventFilter, head: number, edge: SourceEdge) {
    this.#from = filter.from ?? 1;
    this.#to = Math.min(filter.to ?? head, head);
    this.count = Math.max(0, this.#to - this.#from + 1);
    this.#edge = edge;
  }

  row(index: number): EventRow {
    const position = this.#to - index;
    const page = this.#pages.get(Math.floor(index / pageRows));
    const event = page?.get(position);
    if (event !== undefined) return { state: 'ready', position, event };
    return { state: page ? 'unlisted' : 'loading', position };
  }

  see(from: number, to: number): void {
    clearTimeout(this.#timer);
    const missing: number[] = [];
    for (let page = Math.floor(from / pageRows); page * pageRows < Math.min(to, this.count); page += 1) {
      const known = this.#pages.get(page);
      if (known === undefined) missing.push(page);
      else {
        this.#pages.delete(page);
        this.#pages.set(page, known);
      }
    }
    if (missing.length === 0) return;
    this.#timer = setTimeout(() => missing.forEach((page) => void this.#load(page)), restMs);
  }

  indexOf(position: number): number {
    return this.count === 0 ? -1 : Math.min(this.count - 1, Math.max(0, this.#to - position));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #load(page: number): Promise<void> {
    if (this.#pages.has(page)) return;
    this.#pages.set(page, null);
    const to = this.#to - page * pageRows;
    const from = Math.max(this.#from, to - pageRows + 1);
    try {
      const range = { after: from - 1, before: to + 1, order: 'desc' as const, limit: pageRows };
      const { items } = await this.#edge.ask(range, this.#abort.signal);
      this.#pages.set(page, new Map(items.map((event) => [event.position, event])));
      for (const old of this.#pages.keys()) {
        if (this.#pages.size <= pagesKeptMax) break;
        this.#pages.delete(old);
      }
      this.#edge.onChange();
    } catch (error) {
      this.#pages.delete(page);
      if (!this.#abort.signal.aborted) this.#edge.onError(error);
    }
  }
}

/** Events that fit a filter: how many there are is known only at the end, so they are asked for one page behind another. */
class Fitting implements EventSource {
  readonly #filter: EventFilter;
  readonly #head: number;
  readonly #edge: SourceEdge;
  readonly #rows: EventSummary[] = [];
  readonly #abort = new AbortController();
  #isWhole = false;
  #isBusy = false;

  constructor(filter: EventFilter, head: number, edge: SourceEdge) {
    this.#filter = filter;
    this.#head = Math.min(filter.to ?? head, head);
    this.#edge = edge;
    void this.#load();
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }
  get count(): number {
    return this.#rows.length;
  }

  row(index: number): EventRow {
    const event = this.#rows[index];
    return event === undefined
      ? { state: 'loading', position: null }
      : { state: 'ready', position: event.position, event };
  }

  see(_from: number, to: number): void {
    if (to + pageRows / 2 > this.#rows.length) void this.#load();
  }

  indexOf(position: number): number {
    const index = this.#rows.findIndex((event) => event.position <= position);
    return index < 0 && this.#isWhole ? this.#rows.length - 1 : index;
  }

  close(): void {
    this.#abort.abort();
  }

  async #load(): Promise<void> {
    if (this.#isWhole || this.#isBusy || this.#abort.signal.aborted) return;
    this.#isBusy = true;
    try {
      const to = (this.#rows.at(-1)?.position ?? this.#head + 1) - 1;
      const range = queryOf(this.#filter, this.#filter.from ?? 1, to);
      const { items } = await this.#edge.ask({ ...range, order: 'desc', limit: pageRows }, this.#abort.signal);
      this.#rows.push(...items);
      this.#isWhole = items.length < pageRows;
      this.#edge.onChange();
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#edge.onError(error);
    } finally {
      this.#isBusy = false;
    }
  }
}

export const openSource = (filter: EventFilter, head: number, edge: SourceEdge): EventSource =>
  isWhole(filter) ? new WholeLog(filter, head, edge) : new Fitting(filter, head, edge);
