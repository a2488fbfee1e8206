/** A text that is looked for, as `squeezed` makes it, and the name of the key that it stands for. */
export interface SoughtText {
  readonly text: string;
  readonly name: string;
}

const CAPITALS = { first: 0x41, last: 0x5a, toSmall: 0x20 } as const;
const LEFT_OUT = /[\s"',:]/;
const [DASH, UNDERLINE, PLUS, SLASH] = [...'-_+/'].map((letter) => letter.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
];

/** One UTF-16 unit as it is compared; empty where it is not looked at. */
const squeezedUnit = (unit: number): string => {
  const letter = String.fromCharCode(unit);
  return LEFT_OUT.test(letter) ? '' : letter.toLowerCase();
};
const asciiUnits: readonly number[] = Array.from({ length: 0x80 }, (_, unit) => {
  if (unit === DASH) return PLUS;
  if (unit === UNDERLINE) return SLASH;
  if (unit >= CAPITALS.first && unit <= CAPITALS.last) return unit + CAPITALS.toSmall;
  return squeezedUnit(unit) === '' ? -1 : unit;
});

/** Where every sought text is looked for at once, a unit at a time (Aho and Corasick). */
export class KeyAutomaton {
  /** Of the longest sought text. */
  readonly charsMax: number;
  readonly #next: Map<number, number>[] = [new Map()];
  readonly #fails: number[] = [0];
  readonly #depths: number[] = [0];
  readonly #names: (string | null)[] = [null];

  constructor(sought: readonly SoughtText[]) {
    this.charsMax = Math.max(0, ...sought.map(({ text }) => text.length));
    for (const { text, name } of sought) this.#add(text, name);
    this.#link();
  }

  get isEmpty(): boolean {
    return this.charsMax === 0;
  }

  step(from: number, unit: number): number {
    for (let state = from; ; state = this.#fails[state] as number) {
      const next = this.#next[state]?.get(unit);
      if (next !== undefined) return next;
      if (state === 0) return 0;
    }
  }

  /** How much of what was read last is the beginning of a sought text. */
  depth(state: number): number {
    return this.#depths[state] as number;
  }

  /** The key whose text has just been read to its end. */
  found(state: number): string | null {
    return this.#names[state] as string | null;
  }

  #add(text: string, name: string): void {
    let state = 0;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      let next = this.#next[state]?.get(unit);
      if (next === undefined) {
        next = this.#next.push(new Map()) - 1;
        this.#fails.push(0);
        this.#depths.push(at + 1);
        this.#names.push(null);
        this.#next[state]?.set(unit, next);
      }
      state = next;
    }
    this.#names[state] ??= name;
  }

  #link(): void {
    const line = [...(this.#next[0]?.values() ?? [])];
    for (const state of line)
      for (const [unit, next] of this.#next[state] ?? []) {
        const fail = this.step(this.#fails[state] as number, unit);
        this.#fails[next] = fail;
        // A text that ends here within a longer one is found here, too.
        this.#names[next] ??= this.#names[fail] ?? null;
        line.push(next);
      }
  }
}

type Take = (unit: number, at: number) => void;

/** Replaces escapes of one notation as they come by; knows where an escape begins that is not whole yet. */
class Unescape {
  readonly #first: number;
  readonly #begins: (text: string) => boolean;
  readonly #digitsAt: (text: string) => number | null;
  readonly #take: Take;
  #text = '';
  #ats: number[] = [];

  /**
   * @param first what every escape begins with
   * @param begins whether a text may become an escape
   * @param digitsAt where its two digits are, when it is whole
   */
  constructor(first: string, begins: (text: string) => boolean, digitsAt: (text: string) => number | null, take: Take) {
    this.#first = first.charCodeAt(0);
    this.#begins = begins;
    this.#digitsAt = digitsAt;
    this.#take = take;
  }

  get openAt(): number {
    return this.#ats[0] ?? Infinity;
  }

  readonly push: Take = (unit, at) => {
    if (this.#text === '' && unit !== this.#first) return this.#take(unit, at);
    const text = this.#text + String.fromCharCode(unit);
    if (!this.#begins(text)) {
      this.#flush();
      // What ended an escape that was none may begin one.
      return this.push(unit, at);
    }
    this.#text = text;
    this.#ats.push(at);
    const digits = this.#digitsAt(text);
    if (digits === null) return;
    const [first] = this.#ats as [number];
    this.#text = '';
    this.#ats = [];
    this.#take(Number.parseInt(text.slice(digits), 16), first);
  };

  #flush(): void {
    const [text, ats] = [this.#text, this.#ats];
    this.#text = '';
    this.#ats = [];
    for (let index = 0; index < text.length; index += 1) this.#take(text.charCodeAt(index), ats[index] as number);
  }
}

const percent = (take: Take): Unescape =>
  new Unescape(
    '%',
    (text) => /^%[0-9a-f]{0,2}$/i.test(text),
    (text) => (text.length === 3 ? 1 : null),
    take,
  );
const backslash = (take: Take): Unescape =>
  new Unescape(
    '\\',
    (text) => /^\\(?:|x[0-9a-f]{0,2}|u0{0,2}|u00[0-9a-f]{1,2})$/i.test(text),
    (text) => (/^\\(?:x|u00)[0-9a-f]{2}$/i.test(text) ? text.length - 2 : null),
    take,
  );

/** One way to read a text, and how far a key has come in it. */
class ReadingState {
  readonly #automaton: KeyAutomaton;
  #state = 0;
  /** Where in the text each of the units came from that were read last. */
  #ats: number[] = [];
  found: string | null = null;

  constructor(automaton: KeyAutomaton) {
    this.#automaton = automaton;
  }

  /** Where what may be a key begins. */
  get openAt(): number {
    const depth = this.#automaton.depth(this.#state);
    return depth === 0 ? Infinity : (this.#ats[this.#ats.length - depth] as number);
  }

  readonly push: Take = (unit, at) => {
    if (unit < asciiUnits.length) {
      const squeezed = asciiUnits[unit] as number;
      if (squeezed >= 0) this.#step(squeezed, at);
      return;
    }
    for (const letter of squeezedUnit(unit)) this.#step(letter.charCodeAt(0), at);
  };

  #step(unit: number, at: number): void {
    this.#state = this.#automaton.step(this.#state, unit);
    this.found ??= this.#automaton.found(this.#state);
    this.#ats.push(at);
    const { charsMax } = this.#automaton;
    if (this.#ats.length > 2 * charsMax + 16) this.#ats = this.#ats.slice(-charsMax);
  }
}

/**
 * Lets a text through as it comes, as far as no key stands in it or may be beginning there: in whatever way a whole text is
 * searched (`SecretSearch`), this finds the same. What may be the beginning of a key is held back until it is known to be
 * none; once there was a key, nothing more is let through.
 */
export class KeyGuard {
  readonly #readings: readonly ReadingState[];
  readonly #unescapes: readonly Unescape[];
  readonly #take: Take;
  readonly #isIdle: boolean;
  #held = '';
  #heldAt = 0;
  #found: string | null = null;

  constructor(automaton: KeyAutomaton) {
    const [plain, once, twice] = [0, 1, 2].map(() => new ReadingState(automaton)) as [
      ReadingState,
      ReadingState,
      ReadingState,
    ];
    const fourth = backslash(twice.push);
    const third = percent(fourth.push);
    const second = backslash((unit, at) => {
      once.push(unit, at);
      third.push(unit, at);
    });
    const first = percent(second.push);
    this.#take = (unit, at) => {
      plain.push(unit, at);
      first.push(unit, at);
    };
    this.#readings = [plain, once, twice];
    this.#unescapes = [first, second, third, fourth];
    this.#isIdle = automaton.isEmpty;
  }

  /** Name of the key that was found. */
  get found(): string | null {
    return this.#found;
  }

  /** @returns what may be shown now: none, some or all of what came so far */
  push(text: string): string {
    if (this.#isIdle) return text;
    if (this.#found !== null) return '';
    let at = this.#heldAt + this.#held.length;
    this.#held += text;
    for (let index = 0; index < text.length; index += 1, at += 1) {
      this.#take(text.charCodeAt(index), at);
      this.#found = this.#readings.find(({ found }) => found !== null)?.found ?? null;
      if (this.#found !== null) break;
    }
    const openAt = Math.min(...[...this.#readings, ...this.#unescapes].map((each) => each.openAt));
    const free = Math.min(this.#held.length, openAt - this.#heldAt);
    const shown = this.#held.slice(0, free);
    this.#held = this.#found === null ? this.#held.slice(free) : '';
    this.#heldAt += free;
    return this.#found === null ? shown : `${shown}[withheld: it holds the key ${this.#found}]`;
  }
}
