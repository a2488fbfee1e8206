import { kernelGroupOf } from '@crucible/domain';
import type { KernelGroup, KernelRecord } from '@crucible/domain';

/** One line of what the guest printed, placed on the clock that the kernel's records are on. */
export interface GuestLine {
  readonly at: number;
  readonly stream: 'stdout' | 'stderr';
  /** Byte in its stream at which the line begins. */
  readonly offset: number;
  readonly text: string;
}

export type Side = 'guest' | KernelGroup;

/** One row for as long as it is kept: rows that come later and filters move its index, not this. */
export type Mark = { readonly record: number } | { readonly stream: GuestLine['stream']; readonly offset: number };

/** A place in both sides: an index into the guest's lines, or, negative, into the kernel's records. */
type Place = number;

/**
 * What the guest said and what the kernel saw, as one list by one clock. Both sides come in order of their own, so that
 * joining is a merge; a filter chooses among the places, and nothing is copied.
 */
export class TwoSides {
  readonly #lines: readonly GuestLine[];
  readonly #records: readonly KernelRecord[];
  readonly #places: Int32Array;

  constructor(
    lines: readonly GuestLine[],
    records: readonly KernelRecord[],
    hidden: ReadonlySet<Side> = new Set(),
    text = '',
  ) {
    this.#lines = lines;
    this.#records = records;
    const places = new Int32Array(lines.length + records.length);
    let length = 0;
    const wanted = text.toLowerCase();
    const showsGuest = !hidden.has('guest');
    const keep = (place: Place): void => {
      if (this.#shows(place, showsGuest, hidden, wanted)) places[length++] = place;
    };
    let record = 0;
    for (let line = 0; line < lines.length; line += 1) {
      // At the same instant the kernel saw it first: a line is printed by a call.
      while (record < records.length && (records[record] as KernelRecord).at <= (lines[line] as GuestLine).at)
        keep(-1 - record++);
      keep(line);
    }
    while (record < records.length) keep(-1 - record++);
    this.#places = places.subarray(0, length);
  }

  get count(): number {
    return this.#places.length;
  }

  line(index: number): GuestLine | undefined {
    const place = this.#places[index] ?? Number.NaN;
    return place >= 0 ? this.#lines[place] : undefined;
  }

  record(index: number): KernelRecord | undefined {
    const place = this.#places[index] ?? Number.NaN;
    return place < 0 ? this.#records[-1 - place] : undefined;
  }

  at(index: number): number {
    return (this.line(index) ?? this.record(index))?.at ?? 0;
  }

  /** What stays the same of a row; null where there is none. */
  markOf(index: number): Mark | null {
    const line = this.line(index);
    if (line !== undefined) return { stream: line.stream, offset: line.offset };
    const record = this.record(index);
    return record === undefined ? null : { record: record.n };
  }

  /** Row of exactly what was marked; -1 where it is not shown. */
  indexOf(mark: Mark): number {
    if ('record' in mark) {
      const index = this.indexOfRecord(mark.record);
      return this.record(index)?.n === mark.record ? index : -1;
    }
    const index = this.indexOfByte(mark.stream, mark.offset);
    return this.line(index)?.offset === mark.offset ? index : -1;
  }

  /** Row of the record with this number, or of the nearest one behind it; -1 where there is none. */
  indexOfRecord(n: number): number {
    return this.#places.findIndex((place) => place < 0 && (this.#records[-1 - place] as KernelRecord).n >= n);
  }

  /** Row of the line that holds a byte of a stream; -1 where there is none. */
  indexOfByte(stream: GuestLine['stream'], offset: number): number {
    return this.#places.findLastIndex((place) => {
      const line = place >= 0 ? this.#lines[place] : undefined;
      return line?.stream === stream && line.offset <= offset;
    });
  }

  #shows(place: Place, showsGuest: boolean, hidden: ReadonlySet<Side>, wanted: string): boolean {
    if (place >= 0) {
      return showsGuest && (wanted === '' || (this.#lines[place] as GuestLine).text.toLowerCase().includes(wanted));
    }
    const record = this.#records[-1 - place] as KernelRecord;
    if (hidden.has(kernelGroupOf(record))) return false;
    return wanted === '' || JSON.stringify(record).toLowerCase().includes(wanted);
  }
}
