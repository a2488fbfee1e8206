import type { OutputChunk } from '@crucible/api';
import { displayable } from '@crucible/events';
import { AnsiReader, classesOf } from './ansi.ts';

/** A run of text of one look: ready to be a text node, with classes from a fixed set. */
export interface OutputSpan {
  readonly text: string;
  readonly classes: string;
}

export interface OutputLine {
  /** Sequence of the chunk the line began in. */
  readonly sequence: number;
  readonly stream: 'stdout' | 'stderr';
  readonly atMs: number;
  readonly spans: OutputSpan[];
  /** Characters on the line, of which a tab counts as it is shown. */
  chars: number;
  /** True when the line before was too long and goes on here. */
  readonly continued: boolean;
}

/** A place to read on from: chunks behind `after` follow `bytes` bytes of output. */
export interface OutputMark {
  readonly after: number;
  readonly bytes: number;
}

export interface OutputBounds {
  readonly linesMax: number;
  readonly charsMax: number;
  readonly lineCharsMax: number;
  /** Distance between two places to which a reader can go back. */
  readonly markBytes: number;
}

/** About 4 MB of strings and objects at worst; the whole output may be 64 MiB and is read in windows of this size. */
export const outputBounds: OutputBounds = {
  linesMax: 20_000,
  charsMax: 1_000_000,
  lineCharsMax: 2_000,
  markBytes: 128 * 1024,
};

const tab = '    ';

const bytesFrom = (base64: string): Uint8Array => {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  return bytes;
};

/** One of the two streams on its way to lines: what a chunk's end may cut in two is kept here. */
class LineWriter {
  readonly decoder = new TextDecoder('utf-8');
  readonly ansi = new AnsiReader();
  open: OutputLine | null = null;
  hasHeldReturn = false;
}

/**
 * A bounded window of what a trial printed, as lines. Chunks come in ascending order; one that is already in is dropped.
 * Who follows the end lets whole chunks go at the front; who reads a part stops when the window `isFull`, and begins the
 * next one at `last`, or an earlier one at one of `marks`.
 */
export class OutputBuffer {
  readonly #bounds: OutputBounds;
  #lines: OutputLine[] = [];
  #writers = { stdout: new LineWriter(), stderr: new LineWriter() };
  #chars = 0;
  #first: OutputMark;
  #lastSequence: number;
  #bytesRead: number;
  #marks: OutputMark[];

  constructor(
    start: OutputMark = { after: 0, bytes: 0 },
    marks: readonly OutputMark[] = [],
    bounds: OutputBounds = outputBounds,
  ) {
    this.#bounds = bounds;
    this.#first = start;
    this.#lastSequence = start.after;
    this.#bytesRead = start.bytes;
    this.#marks = marks.length > 0 ? [...marks] : [start];
  }

  get lines(): readonly OutputLine[] {
    return this.#lines;
  }

  /** Where the window begins; `bytes` is how much output lies before it. */
  get first(): OutputMark {
    return this.#first;
  }

  /** Where the window ends. */
  get last(): OutputMark {
    return { after: this.#lastSequence, bytes: this.#bytesRead };
  }

  get marks(): readonly OutputMark[] {
    return this.#marks;
  }

  get isFull(): boolean {
    return this.#lines.length >= this.#bounds.linesMax || this.#chars >= this.#bounds.charsMax;
  }

  /** @param keepsFront whether the window may exceed its bounds by this chunk rather than lose its first lines */
  append(chunk: OutputChunk, keepsFront: boolean): void {
    if (chunk.sequence <= this.#lastSequence) return;
    const bytes = bytesFrom(chunk.base64);
    const newestMark = this.#marks.at(-1);
    if (newestMark === undefined || this.#bytesRead - newestMark.bytes >= this.#bounds.markBytes) {
      this.#marks.push({ after: this.#lastSequence, bytes: this.#bytesRead });
    }
    this.#lastSequence = chunk.sequence;
    this.#bytesRead += bytes.byteLength;
    const writer = this.#writers[chunk.stream];
    this.#write(writer, chunk, writer.decoder.decode(bytes, { stream: true }));
    if (!keepsFront) this.#dropFront();
  }

  #write(writer: LineWriter, chunk: OutputChunk, decoded: string): void {
    let text = writer.hasHeldReturn ? `\r${decoded}` : decoded;
    // A return at the very end may be half of a line's end: it waits for the next chunk.
    writer.hasHeldReturn = text.endsWith('\r');
    if (writer.hasHeldReturn) text = text.slice(0, -1);
    for (const span of writer.ansi.push(text.replaceAll('\r\n', '\n'))) {
      const classes = classesOf(span.style);
      span.text.split('\n').forEach((piece, index) => {
        if (index > 0) this.#endLine(writer, chunk);
        if (piece !== '') this.#extend(writer, chunk, displayable(piece.replaceAll('\t', tab)), classes);
      });
    }
  }

  #endLine(writer: LineWriter, chunk: OutputChunk): void {
    if (writer.open === null) this.#begin(writer, chunk, false);
    writer.open = null;
  }

  #begin(writer: LineWriter, chunk: OutputChunk, continued: boolean): OutputLine {
    const line: OutputLine = {
      sequence: chunk.sequence,
      stream: chunk.stream,
      atMs: chunk.atMs,
      spans: [],
      chars: 0,
      continued,
    };
    this.#lines.push(line);
    writer.open = line;
    return line;
  }

  #extend(writer: LineWriter, chunk: OutputChunk, text: string, classes: string): void {
    const { lineCharsMax } = this.#bounds;
    let rest = text;
    let line = writer.open ?? this.#begin(writer, chunk, false);
    while (rest !== '') {
      if (line.chars >= lineCharsMax) line = this.#begin(writer, chunk, true);
      const piece = cut(rest, lineCharsMax - line.chars);
      rest = rest.slice(piece.length);
      const before = line.spans.at(-1);
      if (before?.classes === classes) line.spans[line.spans.length - 1] = { text: before.text + piece, classes };
      else line.spans.push({ text: piece, classes });
      line.chars += piece.length;
      this.#chars += piece.length;
    }
  }

  /** Whole chunks leave, so that the window's front is always a place to read on from. The newest chunk always stays. */
  #dropFront(): void {
    const { linesMax, charsMax } = this.#bounds;
    if (this.#lines.length <= linesMax && this.#chars <= charsMax) return;
    // A quarter at once: dropping line by line would shift the whole window for every chunk.
    const linesKept = linesMax * 0.75;
    const charsKept = charsMax * 0.75;
    let dropped = 0;
    while (dropped < this.#lines.length) {
      const isEnough = this.#lines.length - dropped <= linesKept && this.#chars <= charsKept;
      const line = this.#lines[dropped];
      if (line === undefined || line.sequence === this.#lastSequence) break;
      if (isEnough && line.sequence !== this.#lines[dropped - 1]?.sequence) break;
      this.#chars -= line.chars;
      dropped += 1;
    }
    if (dropped === 0) return;
    for (const writer of Object.values(this.#writers)) {
      if (writer.open !== null && this.#lines.indexOf(writer.open) < dropped) writer.open = null;
    }
    this.#lines = this.#lines.slice(dropped);
    const head = (this.#lines[0]?.sequence ?? this.#lastSequence) - 1;
    const mark = this.#marks.findLast((each) => each.after <= head);
    this.#first = { after: head, bytes: Math.max(mark?.bytes ?? 0, this.#first.bytes) };
  }
}

/** The first `charsMax` characters, never half of a surrogate pair, at least one. */
const cut = (text: string, charsMax: number): string => {
  if (text.length <= charsMax) return text;
  const last = text.charCodeAt(charsMax - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair && charsMax > 1 ? charsMax - 1 : charsMax);
};
