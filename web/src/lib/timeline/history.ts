import { reduceEvaluation, reducePageBy } from '@crucible/domain';
import type { EvaluationPage, Positioned } from '@crucible/domain';
import { decodeJson } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';

/** One of an evaluation's events. `event` is null where its bytes are none that this page can read. */
export interface HistoryEntry {
  readonly position: number;
  readonly event: CrucibleEvent | null;
}

/** The page's own copy of the log ends here; what lies behind is in the log all the same. */
export const historyEntriesMax = 200_000;
const snapshotsMax = 64;
const snapshotEntriesFirst = 500;

export const entryOf = (position: number, json: unknown): HistoryEntry => {
  const decoded = decodeJson(json);
  return { position, event: decoded.ok ? decoded.event : null };
};

const beginPage = ({ event, position }: HistoryEntry): EvaluationPage | null => {
  const evaluation = event === null ? undefined : reduceEvaluation(undefined, { event, position });
  return evaluation === undefined ? null : { evaluation, trials: new Map(), position };
};

/** The present page as of no event at all is none: an evaluation begins with its submission. */
type Moment = EvaluationPage | null;

/**
 * An evaluation's events in the order of the log, and its page as it was behind any of them. Pages are folded by the
 * projector's reducer from the nearest kept one; at most 64 are kept, evenly, so that memory is bounded and a step costs
 * no more than some hundred events.
 */
export class History {
  readonly #entries: HistoryEntry[] = [];
  /** Page behind entry `index`, at every multiple of the distance, in ascending order. */
  #kept: { readonly index: number; readonly page: Moment }[] = [];
  #distance = snapshotEntriesFirst;
  #last: { readonly index: number; readonly page: Moment } | null = null;

  get entries(): readonly HistoryEntry[] {
    return this.#entries;
  }

  /** Position of the last entry; 0 without any. */
  get position(): number {
    return this.#entries.at(-1)?.position ?? 0;
  }

  get isFull(): boolean {
    return this.#entries.length >= historyEntriesMax;
  }

  /** Takes what lies behind the last entry and drops the rest, so that repeats are harmless. @returns how many it took */
  append(entries: Iterable<HistoryEntry>): number {
    const before = this.#entries.length;
    for (const entry of entries) {
      if (this.isFull) break;
      if (entry.position > this.position) this.#entries.push(entry);
    }
    return this.#entries.length - before;
  }

  /** Index of the last entry at or before `position`; -1 before the first. */
  indexAt(position: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as HistoryEntry).position <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The page right behind entry `index`; null before the evaluation began. */
  pageAt(index: number): Moment {
    const target = Math.min(index, this.#entries.length - 1);
    if (target < 0) return null;
    let from = this.#nearest(target);
    const nextKept = (): number => (Math.floor(from.index / this.#distance) + 1) * this.#distance;
    for (let next = nextKept(); next <= target; next = nextKept()) {
      from = { index: next, page: this.#fold(from, next) };
      this.#keep(from);
    }
    this.#last = { index: target, page: this.#fold(from, target) };
    return this.#last.page;
  }

  #nearest(target: number): { readonly index: number; readonly page: Moment } {
    const kept = this.#kept.findLast(({ index }) => index <= target) ?? { index: -1, page: null };
    const last = this.#last;
    return last !== null && last.index <= target && last.index > kept.index ? last : kept;
  }

  #fold(from: { readonly index: number; readonly page: Moment }, to: number): Moment {
    let { page } = from;
    let index = from.index + 1;
    for (; page === null && index <= to; index += 1) page = beginPage(this.#entries[index] as HistoryEntry);
    if (page === null) return null;
    const readable = this.#entries.slice(index, to + 1).filter((entry): entry is Positioned => entry.event !== null);
    return reducePageBy(page, readable);
  }

  #keep(moment: { readonly index: number; readonly page: Moment }): void {
    if ((this.#kept.at(-1)?.index ?? -1) >= moment.index) return;
    this.#kept.push(moment);
    if (this.#kept.length <= snapshotsMax) return;
    this.#distance *= 2;
    this.#kept = this.#kept.filter(({ index }) => index % this.#distance === 0);
  }
}
