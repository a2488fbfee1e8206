import type { CallView } from '@crucible/api';
import type { Entry } from './entries.ts';

/** Entries of one page. */
export const pageEntries = 100;
/** Pages that are kept at once: what lies elsewhere is fetched again when somebody looks there. */
const pagesKeptMax = 16;

export interface Page {
  readonly entries: readonly Entry[];
  /** Time of the entry before its first one; null on the first page. */
  readonly beforeMs: number | null;
  /** Calls by the record they are told at: a reply of a model, a result of a tool. */
  readonly calls: ReadonlyMap<number, readonly CallView[]>;
}

export const pageOf = (index: number): number => Math.floor(index / pageEntries);

/** Turns of a page's entries, for whoever asks for their calls; null for none. */
export const turnsOf = (entries: readonly Entry[]): { readonly from: number; readonly to: number } | null => {
  const turns = entries.map(({ turn }) => turn);
  return turns.length === 0 ? null : { from: Math.min(...turns), to: Math.max(...turns) };
};

/** The record that a call is shown at: null for one that left none. */
const recordOf = (call: CallView): number | null => (call.kind === 'model' ? call.records.reply : call.records.result);

export const callsByRecord = (calls: readonly CallView[]): ReadonlyMap<number, readonly CallView[]> => {
  const found = new Map<number, CallView[]>();
  for (const call of calls) {
    const record = recordOf(call);
    if (record === null) continue;
    const beside = found.get(record);
    if (beside === undefined) found.set(record, [call]);
    else beside.push(call);
  }
  return found;
};

/** The part of a transcript that a page of the UI holds: some pages, those lately looked at. */
export class Pages {
  readonly #kept = new Map<number, Page>();

  get size(): number {
    return this.#kept.size;
  }

  get(page: number): Page | undefined {
    const found = this.#kept.get(page);
    if (found !== undefined) {
      this.#kept.delete(page);
      this.#kept.set(page, found);
    }
    return found;
  }

  put(page: number, content: Page): void {
    this.#kept.delete(page);
    this.#kept.set(page, content);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > pagesKeptMax && oldest !== undefined) this.#kept.delete(oldest);
  }

  clear(): void {
    this.#kept.clear();
  }

  entry(index: number): Entry | undefined {
    return this.#kept.get(pageOf(index))?.entries[index % pageEntries];
  }

  calls(index: number, n: number): readonly CallView[] {
    return this.#kept.get(pageOf(index))?.calls.get(n) ?? [];
  }

  /** Time of the entry before `index`; null before the first one, undefined where it is not here. */
  beforeMs(index: number): number | null | undefined {
    if (index === 0) return null;
    const page = this.#kept.get(pageOf(index));
    return index % pageEntries === 0 && page !== undefined ? page.beforeMs : this.entry(index - 1)?.at;
  }

  /** Pages that a stretch of entries is on and that are not here, whole. @param total entries there are */
  missing(from: number, to: number, total: number): number[] {
    const missing: number[] = [];
    for (let page = pageOf(Math.max(0, from)); page * pageEntries < Math.min(to, total); page += 1) {
      const whole = Math.min(pageEntries, total - page * pageEntries);
      if ((this.#kept.get(page)?.entries.length ?? -1) < whole) missing.push(page);
    }
    return missing;
  }
}

/** What is on its way. */
export class Loading {
  readonly #requests = new Map<number, AbortController>();

  /** @returns null where it is on its way already */
  begin(page: number): AbortController | null {
    if (this.#requests.has(page)) return null;
    const request = new AbortController();
    this.#requests.set(page, request);
    return request;
  }

  end(page: number, request: AbortController): void {
    if (this.#requests.get(page) === request) this.#requests.delete(page);
  }

  /** Gives up what is not of these pages. */
  keep(first: number, last: number): void {
    for (const [page, request] of this.#requests) {
      if (page >= first && page <= last) continue;
      request.abort();
      this.#requests.delete(page);
    }
  }
}
