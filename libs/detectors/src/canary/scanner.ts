import { everyEncoding, undo } from './encodings.ts';
import type { Encoded, Undone } from './encodings.ts';
import { Matcher } from './matcher.ts';
import { MARKER_CHARS, SEALED_CHARS } from './tag.ts';
import type { CanaryKey, CanaryName, Tag } from './tag.ts';

/** A distinctive text of a trial's own canary, to be noticed also without its marker. */
export interface Fragment {
  readonly name: CanaryName;
  readonly text: string;
}

/** Something of a canary in what was scanned. `offset`: the first byte of it, counted from the start of the stream. */
export type CanaryHit = { readonly offset: number; readonly encoded: boolean } & (
  | { readonly kind: 'tag'; readonly tag: Tag }
  | { readonly kind: 'fragment'; readonly name: CanaryName }
  /** The marker stood there so often without a tag that no more tags are read: somebody who knows it floods with it. */
  | { readonly kind: 'flood' }
);

/** A fragment is looked for by its first characters: as few tell it from anything else. */
const FRAGMENT_CHARS = 16;
/** What may stand between the characters of a tag: dots of a host name, hyphens. */
const SEPARATORS_MAX = 8;
/** A tag in the longest of its encodings, with separators. */
const REACH = 2 * (MARKER_CHARS + SEALED_CHARS + SEPARATORS_MAX);
const BUFFER_BYTES = 64 * 1024;
/** Scanned bytes that are kept before the place that scanning has come to. */
const BEHIND = REACH + 64;
const PENDING_MAX = 16;
/** Readings of what stands about a marker: some fifteen microseconds each. */
const READINGS_MAX = 30_000;
/** Of those, ones that need the key: some forty microseconds each. What was read before is remembered. */
const OPENINGS_MAX = 10_000;
const REMEMBERED_MAX = 64;
/** One fragment, told again and again, says nothing new. */
const TELLINGS_MAX = 16;

/** 1 for bytes that are looked at. White space is not, nor what lists and dumps put between: `["31", "32"]`, `31:32`. */
const LOOKED_AT = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte <= 0x20 || '"\',:'.includes(String.fromCharCode(byte)) ? 0 : 1,
);

type Sought = { readonly encoding: Encoded; readonly fragment: CanaryName | null };

/** What to look for, prepared once for a trial and used for each of its streams. */
export class CanarySearch {
  readonly key: CanaryKey;
  readonly matcher: Matcher;
  readonly sought: readonly Sought[];

  constructor(key: CanaryKey, own: readonly Fragment[] = []) {
    this.key = key;
    this.sought = [
      ...everyEncoding(key.marker).map((encoding) => ({ encoding, fragment: null })),
      ...own.flatMap(({ name, text }) =>
        everyEncoding(text.slice(0, FRAGMENT_CHARS)).map((encoding) => ({ encoding, fragment: name })),
      ),
    ];
    this.matcher = new Matcher(this.sought.map(({ encoding }) => encoding.text));
  }
}

interface Pending {
  readonly sought: number;
  /** Counted in bytes that are looked at. */
  readonly at: number;
}

/**
 * Looks for canaries in one stream of bytes, given in pieces of any size: what lies across them is found as well. Keeps
 * no more than 64 KiB of it.
 */
export class CanaryScanner {
  readonly #search: CanarySearch;
  readonly #onHit: (hit: CanaryHit) => void;
  /** Bytes that are looked at; the first is the `#base`-th of the stream. */
  readonly #kept: Buffer;
  #base = 0;
  #filled = 0;
  /** Where searching goes on, in `#kept`. */
  #from = 0;
  /** Bytes of the stream up to the piece in hand. */
  #before = 0;
  /** Markers whose tag has not all come yet. */
  #pending: Pending[] = [];
  #readings = 0;
  #openings = 0;
  readonly #opened = new Map<string, Tag>();
  readonly #tellings: Uint8Array;
  readonly #foundAt: Float64Array;
  /** Where pieces began: bytes looked at, and bytes of the stream, oldest first. */
  #pieces: { readonly kept: number; readonly stream: number }[] = [];

  constructor(search: CanarySearch, onHit: (hit: CanaryHit) => void, bufferBytes = BUFFER_BYTES) {
    this.#search = search;
    this.#onHit = onHit;
    this.#kept = Buffer.allocUnsafe(Math.max(bufferBytes, 4 * BEHIND));
    this.#tellings = new Uint8Array(search.sought.length);
    this.#foundAt = new Float64Array(search.sought.length).fill(-1);
  }

  push(bytes: Uint8Array): void {
    const room = this.#kept.byteLength - BEHIND - 64;
    for (let at = 0; at < bytes.byteLength; at += room) this.#take(bytes.subarray(at, at + room));
  }

  /** The stream is over. What had begun is judged by what is there. */
  end(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const each of pending) this.#read(each, true);
  }

  #take(piece: Uint8Array): void {
    if (this.#filled + piece.byteLength > this.#kept.byteLength) this.#slide();
    this.#pieces.push({ kept: this.#base + this.#filled, stream: this.#before });
    const kept = this.#kept;
    let filled = this.#filled;
    for (let index = 0; index < piece.byteLength; index += 1) {
      const byte = piece[index] as number;
      kept[filled] = byte;
      filled += LOOKED_AT[byte] as number;
    }
    this.#filled = filled;
    this.#waitingTags();
    this.#from = this.#search.matcher.search(kept, this.#from, filled, (sought, at) =>
      this.#hit(sought, this.#base + at, piece),
    );
    this.#before += piece.byteLength;
  }

  /** Makes room: of what was scanned only the last is still needed. */
  #slide(): void {
    const gone = Math.max(0, this.#from - BEHIND);
    this.#kept.copyWithin(0, gone, this.#filled);
    this.#base += gone;
    this.#from -= gone;
    this.#filled -= gone;
    const needless = this.#pieces.findLastIndex(({ kept }) => kept <= this.#base);
    this.#pieces = this.#pieces.slice(Math.max(0, needless));
  }

  #hit(index: number, at: number, piece: Uint8Array): void {
    const { encoding, fragment } = this.#search.sought[index] as Sought;
    // A search that begins again where a longer text may stand meets the shorter ones there a second time.
    if (at <= (this.#foundAt[index] as number)) return;
    this.#foundAt[index] = at;
    if (fragment === null) return this.#read({ sought: index, at }, false, piece);
    if ((this.#tellings[index] as number) >= TELLINGS_MAX) return;
    (this.#tellings[index] as number) += 1;
    this.#tell({ kind: 'fragment', name: fragment }, at, encoding, piece);
  }

  #waitingTags(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    for (const each of pending) this.#read(each, false);
  }

  /** Reads what stands about a marker; once more when more has come, if it may go on there. */
  #read(marker: Pending, last: boolean, piece?: Uint8Array): void {
    if (this.#flooded) return;
    this.#readings += 1;
    const { encoding } = this.#search.sought[marker.sought] as Sought;
    if (this.#flooded) return this.#tell({ kind: 'flood' }, marker.at, encoding, piece);
    const at = marker.at - this.#base;
    const start = Math.max(0, at - REACH);
    const end = Math.min(this.#filled, at + encoding.text.length + REACH);
    const text = this.#kept.toString('latin1', start, end);
    const tag = this.#tagAt(undo(text, at - start, encoding, MARKER_CHARS));
    if (tag !== null) return this.#tell({ kind: 'tag', tag }, marker.at, encoding, piece);
    const mayGoOn = at + encoding.text.length + REACH > this.#filled;
    if (mayGoOn && !last && this.#pending.length < PENDING_MAX) this.#pending.push(marker);
  }

  get #flooded(): boolean {
    return this.#readings > READINGS_MAX || this.#openings > OPENINGS_MAX;
  }

  /** What stands behind the marker. */
  #tagAt({ text, at }: Undone): Tag | null {
    const sealed = at < 0 ? '' : sealedAfter(text, at + MARKER_CHARS);
    return sealed.length < SEALED_CHARS ? null : (this.#opened.get(sealed) ?? this.#open(sealed));
  }

  #open(sealed: string): Tag | null {
    this.#openings += 1;
    const tag = this.#search.key.open(sealed);
    if (tag !== null && this.#opened.size < REMEMBERED_MAX) this.#opened.set(sealed, tag);
    return tag;
  }

  #tell(
    what: { kind: 'tag'; tag: Tag } | { kind: 'fragment'; name: CanaryName } | { kind: 'flood' },
    at: number,
    encoding: Encoded,
    piece?: Uint8Array,
  ): void {
    const encoded = encoding.coding !== 'plain' || encoding.innerReversed;
    this.#onHit({ ...what, offset: this.#offsetOf(at, piece), encoded });
  }

  /** Exact in the piece in hand; in an earlier one, as many bytes early as it had blanks before. */
  #offsetOf(at: number, piece: Uint8Array | undefined): number {
    const from = this.#pieces.findLast(({ kept }) => kept <= at) ?? { kept: at, stream: 0 };
    let left = at - from.kept;
    if (from.stream !== this.#before || piece === undefined) return from.stream + left;
    let index = 0;
    for (; index < piece.byteLength; index += 1) {
      const looked = LOOKED_AT[piece[index] as number] as number;
      if (looked === 1 && left === 0) break;
      left -= looked;
    }
    return from.stream + index;
  }
}

const isTagCharacter = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || (code >= 0x32 && code <= 0x37);

/** The sealed part that begins about here, in lower case; shorter when it is not all there. */
const sealedAfter = (text: string, from: number): string => {
  let sealed = '';
  let separators = 0;
  for (let at = from; at < text.length && sealed.length < SEALED_CHARS; at += 1) {
    const letter = (text[at] ?? '').toLowerCase();
    if (isTagCharacter(letter.charCodeAt(0))) sealed += letter;
    else if (LOOKED_AT[letter.charCodeAt(0) & 0xff] === 1 && (separators += 1) > SEPARATORS_MAX) break;
  }
  return sealed;
};

/** Everything of canaries in one short text, such as the arguments of a program. */
export const canariesIn = (search: CanarySearch, text: string): CanaryHit[] => {
  const hits: CanaryHit[] = [];
  const scanner = new CanaryScanner(search, (hit) => hits.push(hit), 0);
  scanner.push(Buffer.from(text, 'utf8'));
  scanner.end();
  return hits;
};
