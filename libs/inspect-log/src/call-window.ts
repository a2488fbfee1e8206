import type { CallView } from '@crucible/api';

/** Calls are told in the log a moment after their words: so many records ahead they are looked for. */
const AHEAD_RECORDS = 200;

/** The record of the transcript that a call stands behind; null when none is known. */
const anchorOf = (call: CallView): number | null =>
  call.kind === 'tool' ? call.records.result : (call.records.reply ?? call.records.request);

/** Finds the calls that belong to a record, reading the calls of a trial once, page by page, beside its transcript. */
export class CallWindow {
  readonly #calls: AsyncIterator<CallView>;
  readonly #anchored = new Map<number, CallView[]>();
  #unanchored: CallView[] = [];
  #highest = 0;
  #isOver = false;

  constructor(calls: AsyncIterable<CallView>) {
    this.#calls = calls[Symbol.asyncIterator]();
  }

  /** Calls that stand behind this record, and those that were found too late for theirs, in the order of the log. */
  async at(record: number): Promise<CallView[]> {
    while (!this.#isOver && this.#highest <= record + AHEAD_RECORDS) await this.#read();
    const own = this.#anchored.get(record) ?? [];
    this.#anchored.delete(record);
    const late = [...this.#anchored.keys()].filter((each) => each < record);
    const found = [...late.flatMap((each) => this.#take(each)), ...this.#unanchored.splice(0), ...own];
    return found.sort((one, other) => one.position - other.position);
  }

  /** All that are left, page by page. */
  async *rest(): AsyncGenerator<CallView> {
    const left = [...[...this.#anchored.keys()].flatMap((each) => this.#take(each)), ...this.#unanchored.splice(0)];
    yield* left.sort((one, other) => one.position - other.position);
    for (;;) {
      const next = this.#isOver ? { done: true as const } : await this.#calls.next();
      if (next.done === true) return;
      yield next.value as CallView;
    }
  }

  #take(record: number): CallView[] {
    const found = this.#anchored.get(record) ?? [];
    this.#anchored.delete(record);
    return found;
  }

  async #read(): Promise<void> {
    const next = await this.#calls.next();
    if (next.done === true) {
      this.#isOver = true;
      return;
    }
    const anchor = anchorOf(next.value);
    if (anchor === null) {
      this.#unanchored.push(next.value);
      return;
    }
    this.#highest = Math.max(this.#highest, anchor);
    this.#anchored.set(anchor, [...(this.#anchored.get(anchor) ?? []), next.value]);
  }
}
