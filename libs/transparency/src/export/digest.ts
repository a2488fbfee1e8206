import { fromUtf8 } from '../bytes.ts';
import { HASH_BYTES, hashChildren, hashLeaf, hashTextLeaf } from '../merkle.ts';
import type { Hash } from '../merkle.ts';
import { claimOf, isObject } from './claims.ts';
import type { Claim } from './claims.ts';
import { exportBounds } from './format.ts';
import { isEventLine, parseEvent, parseJson } from './parse.ts';
import type { EventText } from './parse.ts';

/**
 * The part of verification that needs nothing but the line: reading, hashing, comparing an event with its envelope. It
 * can be done anywhere and in any order; its facts are plain values that cross from one thread to another.
 */
export type Fact = EventsFact | ProvenFact | LineFact | WrongFact;

/** Events of following positions, each right in itself. */
export interface EventsFact {
  readonly kind: 'events';
  readonly first: number;
  readonly count: number;
  /** Leaf hashes, 32 bytes each. */
  readonly leaves: Uint8Array;
  /** Roots of the full subtrees that the leaves make up, from left to right. */
  readonly subtrees: readonly { readonly level: number; readonly root: Hash }[];
  readonly claims: readonly Claim[];
  readonly undecodable: number;
}

/** An event with its own proof. */
export interface ProvenFact {
  readonly kind: 'proven';
  readonly position: number;
  readonly leaf: Hash;
  readonly proof: readonly Hash[];
  readonly claims: readonly Claim[];
  readonly undecodable: number;
  readonly subject: string;
  /** The evaluation that the event's data name, if any. */
  readonly evaluationId: string | null;
}

/** A line of another kind, not looked at. */
export interface LineFact {
  readonly kind: 'line';
  readonly text: string;
}

/** A line that is wrong in itself. `position` is null where none could be read. */
export interface WrongFact {
  readonly kind: 'wrong';
  readonly position: number | null;
  readonly reason: string;
}

interface Judged {
  readonly leaf: Hash;
  readonly claim: Claim | null;
  readonly decodable: boolean;
  readonly evaluationId: string | null;
}

const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}...` : text);

/** What is wrong between an event and its envelope, or what there is to know of it. */
const judge = (event: EventText): Judged | string => {
  const { position, subject, messageId, body } = event;
  if (typeof body !== 'string') {
    if (body.length > exportBounds.eventBytesMax) return tooLarge;
    return { leaf: hashLeaf(body), claim: null, decodable: false, evaluationId: null };
  }
  const hashed = hashTextLeaf(body, exportBounds.eventBytesMax);
  if (hashed === undefined) return tooLarge;
  const json = parseJson(body);
  if (!isObject(json)) return { leaf: hashed.leaf, claim: null, decodable: false, evaluationId: null };
  const { id, subject: own, type, data } = json;
  if (typeof own === 'string' && own !== subject)
    return `it stands under the subject ${shown(subject)}, but its body was written for ${shown(own)}`;
  if (typeof id === 'string' && messageId !== null && id !== messageId)
    return `it stands under the message id ${shown(messageId)}, but its body has the id ${shown(id)}`;
  const claim = claimOf(position, subject, type, data);
  const decodable = typeof own === 'string' && typeof id === 'string' && claim !== undefined;
  const about = isObject(data) ? data['evaluationId'] : undefined;
  return { leaf: hashed.leaf, claim: claim ?? null, decodable, evaluationId: typeof about === 'string' ? about : null };
};
const tooLarge = `its body is larger than ${exportBounds.eventBytesMax} bytes`;

/** Events of following positions as they come in, their leaves already made into subtrees. */
class Run {
  readonly first: number;
  #count = 0;
  #leaves = new Uint8Array(64 * HASH_BYTES);
  readonly #subtrees: { level: number; root: Hash }[] = [];
  readonly #claims: Claim[] = [];
  #undecodable = 0;

  constructor(first: number) {
    this.first = first;
  }

  get next(): number {
    return this.first + this.#count;
  }

  add({ leaf, claim, decodable }: Judged): void {
    const at = this.#count * HASH_BYTES;
    if (at === this.#leaves.length) {
      const larger = new Uint8Array(at * 2);
      larger.set(this.#leaves);
      this.#leaves = larger;
    }
    this.#leaves.set(leaf, at);
    this.#merge(leaf, this.next - 1);
    this.#count += 1;
    if (claim !== null) this.#claims.push(claim);
    if (!decodable) this.#undecodable += 1;
  }

  /** Joins the leaf with what stands left of it as far as full subtrees go; `index` from 0. */
  #merge(leaf: Hash, index: number): void {
    let [level, place, root] = [0, index, leaf];
    for (let left = this.#subtrees.at(-1); place % 2 === 1 && left?.level === level; left = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      root = hashChildren(left.root, root);
      level += 1;
      place = (place - 1) / 2;
    }
    this.#subtrees.push({ level, root });
  }

  fact(): EventsFact {
    return {
      kind: 'events',
      first: this.first,
      count: this.#count,
      leaves: this.#leaves.slice(0, this.#count * HASH_BYTES),
      subtrees: this.#subtrees,
      claims: this.#claims,
      undecodable: this.#undecodable,
    };
  }
}

/** Facts of lines in their order. */
class Digest {
  readonly facts: Fact[] = [];
  readonly #breaks: ReadonlySet<number>;
  #run: Run | undefined;

  constructor(breaks: readonly number[]) {
    this.#breaks = new Set(breaks);
  }

  line(text: string): void {
    if (isEventLine(text)) return this.#event(text);
    this.#close();
    this.facts.push({ kind: 'line', text });
  }

  /** Nothing behind what is wrong will be looked at. */
  get stopped(): boolean {
    return this.facts.at(-1)?.kind === 'wrong';
  }

  wrong(position: number | null, reason: string): void {
    this.#close();
    this.facts.push({ kind: 'wrong', position, reason });
  }

  end(): readonly Fact[] {
    this.#close();
    return this.facts;
  }

  #event(text: string): void {
    const event = parseEvent(text);
    if (event.kind === 'malformed') return this.wrong(null, event.reason);
    const judged = judge(event);
    if (typeof judged === 'string') return this.wrong(event.position, judged);
    const { position, proof, subject } = event;
    if (proof !== undefined) {
      this.#close();
      const { leaf, claim, decodable, evaluationId } = judged;
      const claims = claim === null ? [] : [claim];
      const undecodable = decodable ? 0 : 1;
      this.facts.push({ kind: 'proven', position, leaf, proof, claims, undecodable, subject, evaluationId });
      return;
    }
    if (this.#run?.next !== position) this.#close();
    this.#run ??= new Run(position);
    this.#run.add(judged);
    if (this.#breaks.has(position)) this.#close();
  }

  #close(): void {
    if (this.#run !== undefined) this.facts.push(this.#run.fact());
    this.#run = undefined;
  }
}

const NEWLINE = 0x0a;

/** Lines of a block whose bytes are not all UTF-8: one by one up to the wrong one. */
const digestBytes = (block: Uint8Array, digest: Digest): void => {
  for (let at = 0; at < block.length;) {
    const newline = block.indexOf(NEWLINE, at);
    const end = newline < 0 ? block.length : newline;
    const text = fromUtf8(block.subarray(at, end));
    if (text === undefined) return digest.wrong(null, 'it is no UTF-8');
    digest.line(text);
    at = end + 1;
  }
};

/** A larger string does not fit where V8 makes its short-lived ones, and costs three times as much. */
const PIECE_BYTES = 98_304;

/** Whole lines of at most so many bytes, if they are that short, from `at` on. */
const pieceOf = (block: Uint8Array, at: number): Uint8Array => {
  const most = at + PIECE_BYTES;
  if (most >= block.length) return block.subarray(at);
  const last = block.lastIndexOf(NEWLINE, most - 1);
  const end = last >= at ? last : block.indexOf(NEWLINE, most);
  return end < 0 ? block.subarray(at) : block.subarray(at, end + 1);
};

const digestText = (text: string, digest: Digest): void => {
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    digest.line(text.slice(at, end));
    at = end + 1;
  }
};

/**
 * Facts of a block of whole lines. Never throws.
 * @param breaks positions behind which the root will be asked for
 */
export const digestBlock = (block: Uint8Array, breaks: readonly number[] = []): readonly Fact[] => {
  const digest = new Digest(breaks);
  for (let at = 0; at < block.length && !digest.stopped;) {
    const piece = pieceOf(block, at);
    const text = fromUtf8(piece);
    if (text === undefined) digestBytes(piece, digest);
    else digestText(text, digest);
    at += piece.length;
  }
  return digest.end();
};
