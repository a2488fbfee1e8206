import type { OutputLine, OutputSpan } from './output-buffer.ts';

/** One row on the screen: a line, or the part of a wrapped line that fits. All rows have the same height. */
export interface OutputRow {
  readonly line: OutputLine;
  readonly isFirst: boolean;
  readonly spans: readonly OutputSpan[];
}

/** Scripts whose characters take two columns, and surrogates, behind which most emoji are. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\ud800-\udfff\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;

const columnsOf = (line: OutputLine, columns: number): number =>
  line.spans.some((span) => wide.test(span.text)) ? Math.max(2, Math.floor(columns / 2)) : columns;

const isLowSurrogate = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;

/** The part of the spans between two offsets in characters; a pair of surrogates stays with the row it begins in. */
const sliced = (spans: readonly OutputSpan[], from: number, to: number): OutputSpan[] => {
  const parts: OutputSpan[] = [];
  let offset = 0;
  for (const span of spans) {
    const { length } = span.text;
    let start = Math.max(0, from - offset);
    let end = Math.min(length, to - offset);
    if (start > 0 && isLowSurrogate(span.text.charCodeAt(start))) start += 1;
    if (end < length && end > 0 && isLowSurrogate(span.text.charCodeAt(end))) end += 1;
    if (start < end) parts.push({ text: span.text.slice(start, end), classes: span.classes });
    offset += length;
  }
  return parts;
};

/**
 * Lines laid out in rows of equal height, so that a list of any length shows only the rows in sight.
 * Wrapping is done by counting columns of the monospaced font instead of by the browser, for the same reason.
 */
export class OutputLayout {
  readonly #lines: readonly OutputLine[];
  readonly #columns: number | null;
  /** Row at which each line begins; the last entry is the number of rows. */
  readonly #starts: Uint32Array;

  /** @param columns characters to a row; null for no wrapping */
  constructor(lines: readonly OutputLine[], columns: number | null) {
    this.#lines = lines;
    this.#columns = columns;
    this.#starts = new Uint32Array(lines.length + 1);
    let row = 0;
    lines.forEach((line, index) => {
      this.#starts[index] = row;
      row += columns === null ? 1 : Math.max(1, Math.ceil(line.chars / columnsOf(line, columns)));
    });
    this.#starts[lines.length] = row;
  }

  get rowCount(): number {
    return this.#starts[this.#lines.length] ?? 0;
  }

  /** The row at which the first line that began at or after a sequence stands. */
  rowOfSequence(sequence: number): number {
    const index = this.#lines.findIndex((line) => line.sequence >= sequence);
    return index < 0 ? this.rowCount : (this.#starts[index] ?? 0);
  }

  rows(from: number, to: number): OutputRow[] {
    const rows: OutputRow[] = [];
    for (let row = Math.max(0, from); row < Math.min(to, this.rowCount); row += 1) rows.push(this.#row(row));
    return rows;
  }

  #row(row: number): OutputRow {
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    const line = this.#lines[low] as OutputLine;
    const part = row - (this.#starts[low] ?? 0);
    if (this.#columns === null) return { line, isFirst: true, spans: line.spans };
    const columns = columnsOf(line, this.#columns);
    return { line, isFirst: part === 0, spans: sliced(line.spans, part * columns, (part + 1) * columns) };
  }
}
