import type { EvidenceChunk } from '@crucible/event-log';
import type { EvidenceRecord } from '@crucible/api';
import { messageCharsMax } from '@crucible/events';
import type { Channel } from '@crucible/events';

/** A line beyond this is no record of ours. */
export const lineBytesMax = 64 * 1024;
/** The same of a transcript, whose records hold whole messages: a character may take six bytes of JSON. */
export const transcriptLineBytesMax = 6 * messageCharsMax + 64 * 1024;
export const lineBytesMaxOf = (channel: Channel): number =>
  channel === 'transcript' ? transcriptLineBytesMax : lineBytesMax;
/** Records that are found again for one channel; about 40 bytes of memory each. What comes behind them is counted only. */
export const recordsIndexedMax = 400_000;
/** Arguments of tool calls are what a model made of them: deeper ones are in the record as the text that it sent. */
const DEPTH_MAX = 32;
const KINDS_MAX = 64;
const OTHER = 'other';
const NEWLINE = 10;
const decoder = new TextDecoder();

const isShallow = (value: unknown, depth: number): boolean =>
  typeof value !== 'object' || value === null
    ? true
    : depth < DEPTH_MAX && Object.values(value).every((each) => isShallow(each, depth + 1));

/** One line as a record, or undefined when it is none. Nothing here throws: the line may hold anything. */
export const recordOf = (line: Uint8Array, bytesMax = lineBytesMax): EvidenceRecord | undefined => {
  if (line.byteLength > bytesMax) return undefined;
  try {
    const value: unknown = JSON.parse(decoder.decode(line));
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value) && isShallow(value, 0);
    return isRecord ? (value as EvidenceRecord) : undefined;
  } catch {
    return undefined;
  }
};

/** Cuts a channel's bytes into lines, wherever its chunks were cut. Holds the beginning of one line at the most. */
export class Lines {
  readonly #bytesMax: number;
  #rest: Uint8Array = new Uint8Array(0);
  #skipping = false;

  constructor(bytesMax = lineBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** A line for every newline among the bytes; null for one that is too long. */
  *add(bytes: Uint8Array): Generator<Uint8Array | null> {
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      const piece = bytes.subarray(from, end);
      from = end + 1;
      const line = this.#rest.byteLength === 0 ? piece : Buffer.concat([this.#rest, piece]);
      const isTooLong = this.#skipping;
      this.#skipping = false;
      this.#rest = new Uint8Array(0);
      yield isTooLong ? null : line;
    }
    if (this.#skipping || from === bytes.byteLength) return;
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(from)]);
    if (this.#rest.byteLength <= this.#bytesMax) return;
    this.#rest = new Uint8Array(0);
    this.#skipping = true;
  }
}

/** Where the records of one channel are: enough to begin at any of them without reading those before. */
export class RecordIndex {
  /** By record: its `n`, never less than that of the one before; its kind; where its line begins and ends in the channel. */
  readonly ns: number[] = [];
  readonly kindOf: number[] = [];
  readonly begins: number[] = [];
  readonly ends: number[] = [];
  readonly kinds: string[] = [];
  readonly counts: number[] = [];
  /** By chunk: its sequence, and where it begins in the channel. */
  readonly sequences: number[] = [];
  readonly chunkBegins: number[] = [];
  unreadable = 0;
  readonly #lineBytesMax: number;
  readonly #lines: Lines;
  #bytes = 0;

  constructor(bytesMax = lineBytesMax) {
    this.#lineBytesMax = bytesMax;
    this.#lines = new Lines(bytesMax);
  }

  get lastSequence(): number {
    return this.sequences.at(-1) ?? 0;
  }

  add({ sequence, body }: EvidenceChunk): void {
    this.sequences.push(sequence);
    this.chunkBegins.push(this.#bytes);
    const end = this.#bytes + body.byteLength;
    let from = 0;
    for (const line of this.#lines.add(body)) {
      const newline = body.indexOf(NEWLINE, from);
      from = newline + 1;
      const lineEnd = this.#bytes + newline;
      if (line === null) this.unreadable += 1;
      else if (line.byteLength > 0) this.#record(line, lineEnd - line.byteLength, lineEnd);
    }
    this.#bytes = end;
  }

  #record(line: Uint8Array, begin: number, end: number): void {
    const record = recordOf(line, this.#lineBytesMax);
    if (record === undefined || this.ns.length >= recordsIndexedMax) {
      this.unreadable += 1;
      return;
    }
    const { n, kind } = record;
    const before = this.ns.at(-1) ?? 0;
    const own = typeof n === 'number' && Number.isSafeInteger(n) && n >= before ? n : before;
    const kindId = this.#kind(typeof kind === 'string' && /^[a-z][a-z-]{0,39}$/.test(kind) ? kind : OTHER);
    this.ns.push(own);
    this.kindOf.push(kindId);
    this.counts[kindId] = (this.counts[kindId] ?? 0) + 1;
    this.begins.push(begin);
    this.ends.push(end);
  }

  #kind(name: string): number {
    const known = this.kinds.indexOf(name);
    if (known !== -1) return known;
    if (this.kinds.length >= KINDS_MAX && name !== OTHER) return this.#kind(OTHER);
    return this.kinds.push(name) - 1;
  }

  /** Records of these kinds, by their places in the index; null for all of them. */
  matching(kinds: readonly string[] | null): readonly number[] | null {
    if (kinds === null) return null;
    const ids = new Set(kinds.map((kind) => this.kinds.indexOf(kind)));
    const found: number[] = [];
    for (let at = 0; at < this.kindOf.length; at += 1) if (ids.has(this.kindOf[at] as number)) found.push(at);
    return found;
  }

  /** The chunk that holds a byte of the channel. */
  chunkAt(byte: number): number {
    return firstWhere(this.chunkBegins.length, (at) => (this.chunkBegins[at] as number) > byte) - 1;
  }
}

/** The first of `length` places for which something holds that holds for all behind it too; `length` when for none. */
export const firstWhere = (length: number, holds: (at: number) => boolean): number => {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
};
