/** Of each pattern, so much is looked for first: none may be shorter. */
export const PATTERN_CHARS_MIN = 12;
const BLOCK = 3;
const HASH_SIZE = 1 << 16;

/** Letters lose their case; digits, `+`, `/`, `-` and `=` stay what they are. */
const fold = (byte: number): number => byte | 0x20;
const hashOf = (a: number, b: number, c: number): number =>
  ((fold(a) << 9) ^ (fold(b) << 4) ^ fold(c)) & (HASH_SIZE - 1);

/**
 * Looks for many texts at once, in time that does not grow with their number (Wu and Manber, 1994): the last three bytes of
 * a window say how far it may move on. Case is not looked at.
 */
export class Matcher {
  /** The longest pattern, in bytes. */
  readonly longest: number;
  readonly #patterns: readonly Uint8Array[];
  readonly #shifts = new Uint8Array(HASH_SIZE).fill(PATTERN_CHARS_MIN - BLOCK + 1);
  /** Patterns by the hash of the end of their first window. */
  readonly #buckets = new Map<number, number[]>();

  /** @throws RangeError when a pattern is too short */
  constructor(texts: readonly string[]) {
    this.#patterns = texts.map((text) => Buffer.from(text, 'latin1').map(fold));
    this.longest = Math.max(0, ...texts.map((text) => text.length));
    this.#patterns.forEach((pattern, index) => this.#learn(pattern, index));
  }

  #learn(pattern: Uint8Array, index: number): void {
    if (pattern.byteLength < PATTERN_CHARS_MIN) throw new RangeError('a pattern is too short to look for');
    for (let end = BLOCK - 1; end < PATTERN_CHARS_MIN; end += 1) {
      const hash = hashOf(pattern[end - 2] ?? 0, pattern[end - 1] ?? 0, pattern[end] ?? 0);
      const shift = PATTERN_CHARS_MIN - 1 - end;
      this.#shifts[hash] = Math.min(this.#shifts[hash] ?? 0, shift);
      if (shift === 0) this.#buckets.set(hash, [...(this.#buckets.get(hash) ?? []), index]);
    }
  }

  /**
   * Finds every pattern that lies in `bytes` between `from` and `to`.
   * @returns where to begin when more bytes have come: before it nothing can be found any more
   */
  search(bytes: Uint8Array, from: number, to: number, onHit: (pattern: number, at: number) => void): number {
    const shifts = this.#shifts;
    let undecided = to;
    let end = from + PATTERN_CHARS_MIN - 1;
    while (end < to) {
      const hash = hashOf(bytes[end - 2] as number, bytes[end - 1] as number, bytes[end] as number);
      const shift = shifts[hash] as number;
      if (shift > 0) {
        end += shift;
        continue;
      }
      const start = end - PATTERN_CHARS_MIN + 1;
      if (this.#try(hash, bytes, start, to, onHit)) undecided = Math.min(undecided, start);
      end += 1;
    }
    return Math.min(undecided, end - PATTERN_CHARS_MIN + 1);
  }

  /** Whether a pattern goes on beyond what is there. */
  #try(
    hash: number,
    bytes: Uint8Array,
    start: number,
    to: number,
    onHit: (pattern: number, at: number) => void,
  ): boolean {
    let goesOn = false;
    for (const index of this.#buckets.get(hash) ?? []) {
      const pattern = this.#patterns[index] as Uint8Array;
      const chars = Math.min(pattern.byteLength, to - start);
      let same = 0;
      while (same < chars && fold(bytes[start + same] as number) === pattern[same]) same += 1;
      if (same < chars) continue;
      if (chars === pattern.byteLength) onHit(index, start);
      else goesOn = true;
    }
    return goesOn;
  }
}
