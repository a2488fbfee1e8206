import type { CallView, EvidenceRecord, RecordPage } from '@crucible/api';
import { getCalls, getRecords } from '../api.ts';
import { entryOf, wholeOf } from '../transcript/entries.ts';
import type { Entry, Part } from '../transcript/entries.ts';
import { callsByRecord, Loading, pageEntries, pageOf, Pages, turnsOf } from '../transcript/pages.ts';
import { Search } from '../transcript/search.ts';
import type { SearchState } from '../transcript/search.ts';

/** What is said in the trial; marks of whole turns are the platform's own. */
const everyKind = 'message,aside';
const withoutAsides = 'message';
const callsPerPage = 1_000;
const callPagesMax = 4;
const recordsPerSearch = 2_000;
const pollMs = 1_000;
/** Asked again so soon at the earliest, however many events come. */
const nudgeMs = 300;
const noCalls: ReadonlyMap<number, readonly CallView[]> = new Map();

/** A beginning that nobody has come for by then is asked for anew. */
const aheadMsMax = 5_000;

interface Ahead {
  readonly evaluationId: string;
  readonly trialId: string;
  readonly askedMs: number;
  readonly answer: Promise<RecordPage>;
}
let ahead: Ahead | null = null;

/** Asks for the beginning of a transcript that is about to be shown, while its page is still being made. */
export const askAhead = (evaluationId: string, trialId: string): void => {
  const range = { from: 0, limit: pageEntries, kind: everyKind };
  const answer = getRecords('transcript', evaluationId, trialId, range, new AbortController().signal);
  // Whoever comes for it is told.
  answer.catch(() => undefined);
  ahead = { evaluationId, trialId, askedMs: Date.now(), answer };
};

const takeAhead = (evaluationId: string, trialId: string): Promise<RecordPage> | null => {
  const asked = ahead;
  ahead = null;
  if (asked?.evaluationId !== evaluationId || asked.trialId !== trialId) return null;
  return Date.now() - asked.askedMs > aheadMsMax ? null : asked.answer;
};

/**
 * A trial's transcript, the part of it that somebody looks at: pages come as they come into sight and go again. A running
 * trial's end is asked for every second, and when its events say that there is more.
 */
export class TranscriptStore {
  /** Entries so far. */
  total = $state(0);
  /** Counts up when entries have come in. */
  version = $state(0);
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  error = $state.raw<unknown>(null);
  /** The trial is over and what it kept is all there. */
  isComplete = $state(false);
  hasAsides = $state(false);
  showsAsides = $state(true);
  search = $state.raw<SearchState | null>(null);

  readonly #evaluationId: string;
  readonly #trialId: string;
  readonly #pages = new Pages();
  readonly #loading = new Loading();
  #sight = { from: 0, to: 0 };
  #searching: Search | null = null;
  #closed = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #askedMs = 0;

  constructor(evaluationId: string, trialId: string) {
    this.#evaluationId = evaluationId;
    this.#trialId = trialId;
  }

  /** Begins. Returns what ends it. */
  open(): () => void {
    this.#closed = new AbortController();
    void this.#look();
    return () => {
      this.#closed.abort();
      clearTimeout(this.#timer);
      this.#searching?.stop();
      this.#loading.keep(-1, -1);
    };
  }

  entry(index: number): Entry | undefined {
    return this.#pages.entry(index);
  }

  beforeMs(index: number): number | null | undefined {
    return this.#pages.beforeMs(index);
  }

  calls(index: number, n: number): readonly CallView[] {
    return this.#pages.calls(index, n);
  }

  /** Says which entries are in sight, so that they are fetched; what was on its way for elsewhere is given up. */
  want(from: number, to: number): void {
    this.#sight = { from, to };
    const [first, last] = [pageOf(Math.max(0, from)), pageOf(Math.max(0, to - 1))];
    this.#loading.keep(first, last);
    for (let page = first; page <= last; page += 1) this.#pages.get(page);
    for (const page of this.#pages.missing(from, to, this.total)) void this.#load(page);
  }

  /** There is news of the trial. */
  nudge(): void {
    if (this.isComplete || this.#closed.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, this.#askedMs + nudgeMs - Date.now()));
  }

  retry(): void {
    this.status = 'loading';
    this.error = null;
    void this.#look();
  }

  toggleAsides(): void {
    this.showsAsides = !this.showsAsides;
    this.#pages.clear();
    this.total = 0;
    this.find('');
    this.retry();
  }

  /** Place of the record with this number, or of the one behind it. */
  async placeOf(n: number): Promise<number | null> {
    const page = await this.#records({ around: n, limit: 1 }, this.#closed.signal);
    return page.records.length === 0 ? null : page.index;
  }

  /** Begins to look for words; empty ones end it. */
  find(text: string): void {
    this.#searching?.stop();
    this.search = null;
    this.#searching =
      text === ''
        ? null
        : new Search(
            text,
            (from, signal) => this.#records({ from, limit: recordsPerSearch }, signal),
            (state) => (this.search = state),
          );
    this.findOn();
  }

  findOn(): void {
    this.#searching?.run().catch((error: unknown) => {
      if (!this.#closed.signal.aborted && this.#searching !== null) this.error = error;
    });
  }

  /** The whole of a text of which the page keeps the beginning only. */
  async whole(index: number, part: Part): Promise<string | null> {
    const { records } = await this.#records({ from: index, limit: 1 }, this.#closed.signal);
    const [record] = records;
    return record === undefined ? null : wholeOf(record, part);
  }

  /** Asks for the last page anew: it tells how many entries there are, and holds what came. */
  async #look(): Promise<void> {
    const { signal } = this.#closed;
    this.#askedMs = Date.now();
    await this.#load(pageOf(Math.max(0, this.total - 1)));
    if (signal.aborted || this.isComplete || this.status === 'failed') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), pollMs);
  }

  async #load(page: number): Promise<void> {
    const request = this.#loading.begin(page);
    if (request === null) return;
    try {
      await this.#fetch(page, request.signal);
    } catch (error) {
      if (request.signal.aborted) return;
      this.error = error;
      if (this.#pages.size === 0) this.status = 'failed';
    } finally {
      this.#loading.end(page, request);
    }
  }

  async #fetch(page: number, signal: AbortSignal): Promise<void> {
    const begin = page * pageEntries;
    const overlap = begin === 0 ? 0 : 1;
    const records: EvidenceRecord[] = [];
    const wanted = pageEntries + overlap;
    // Long messages make short answers: the page is whole when it is whole.
    for (;;) {
      const answer = await this.#records(
        { from: begin - overlap + records.length, limit: wanted - records.length },
        signal,
      );
      records.push(...answer.records);
      this.isComplete = answer.complete;
      this.hasAsides = (answer.kinds['aside'] ?? 0) > 0;
      this.total = answer.matching;
      if (answer.next === null || answer.records.length === 0 || records.length >= wanted) break;
    }
    const all = records.map(entryOf);
    const entries = all.slice(overlap);
    const beforeMs = overlap === 0 ? null : (all[0]?.at ?? null);
    const before = this.#pages.get(page);
    this.#pages.put(page, { entries, beforeMs, calls: before?.calls ?? noCalls });
    this.status = 'ready';
    this.version += 1;
    const { from, to } = this.#sight;
    for (const missing of this.#pages.missing(from, to, this.total)) if (missing !== page) void this.#load(missing);
    const calls = await this.#callsOf(entries, signal);
    this.#pages.put(page, { entries, beforeMs, calls });
    this.version += 1;
  }

  async #callsOf(entries: readonly Entry[], signal: AbortSignal): Promise<ReadonlyMap<number, readonly CallView[]>> {
    const turns = turnsOf(entries);
    if (turns === null) return noCalls;
    const calls: CallView[] = [];
    for (let after = 0, asked = 0; asked < callPagesMax; asked += 1) {
      const range = { fromTurn: turns.from, toTurn: turns.to, after, limit: callsPerPage };
      const answer = await getCalls(this.#evaluationId, this.#trialId, range, signal);
      calls.push(...answer.items);
      if (answer.next === null) break;
      after = answer.next;
    }
    return callsByRecord(calls);
  }

  #records(range: { from?: number; around?: number; limit: number }, signal: AbortSignal) {
    const kind = this.showsAsides ? everyKind : withoutAsides;
    if (range.from === 0 && range.limit === pageEntries && this.showsAsides) {
      const asked = takeAhead(this.#evaluationId, this.#trialId);
      if (asked !== null) return asked;
    }
    return getRecords('transcript', this.#evaluationId, this.#trialId, { ...range, kind }, signal);
  }
}
