import type { Secret } from './catalogue/keys.ts';
import { KeyAutomaton, KeyGuard } from './key-guard.ts';

/** Shorter ones are words that local servers ask for, such as `ollama`: looked for, they would be found everywhere. */
const SECRET_CHARS_MIN = 12;
const ALIGNMENTS = [0, 1, 2] as const;

export type SecretEncoding = 'plain' | 'hex' | 'base64';

/** A key stands in a text, written plainly or in some other way. */
export interface SecretHit {
  /** The secret's name, never its value. */
  readonly name: string;
  readonly encoding: SecretEncoding;
  /** Its letters in reverse, before or after they were encoded. */
  readonly reversed: boolean;
}

interface Needle extends SecretHit {
  readonly text: string;
}

const reverse = (text: string): string => [...text].reverse().join('');

/** What lists and dumps put between, and white space, are not looked at; case neither; base64 has two alphabets. */
const squeeze = (text: string): string =>
  text
    .replace(/[\s"',:]+/g, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .toLowerCase();

/** Whole characters of base64 that `text` decides alone, whatever stands before and behind it. */
const base64Within = (text: string, alignment: number): string =>
  Buffer.from('\0'.repeat(alignment) + text, 'utf8')
    .toString('base64')
    .slice(Math.ceil((alignment * 8) / 6), Math.floor(((alignment + Buffer.byteLength(text)) * 8) / 6));

const encodingsOf = (text: string): { encoding: SecretEncoding; text: string }[] => [
  { encoding: 'plain', text },
  { encoding: 'hex', text: Buffer.from(text, 'utf8').toString('hex') },
  ...ALIGNMENTS.map((alignment) => ({ encoding: 'base64' as const, text: base64Within(text, alignment) })),
];

const needlesOf = (secret: Secret): Needle[] => {
  const value = secret.reveal();
  if (value.length < SECRET_CHARS_MIN) return [];
  const forward = encodingsOf(value).map((each) => ({ ...each, reversed: false }));
  const inner = encodingsOf(reverse(value)).map((each) => ({ ...each, reversed: true }));
  const outer = [...forward, ...inner].map((each) => ({ ...each, text: reverse(each.text), reversed: true }));
  const all = [...forward, ...inner, ...outer].map((each) => ({
    ...each,
    name: secret.name,
    text: squeeze(each.text),
  }));
  // Reversed twice is as it was: what reads the same is one, and the plainest of its names.
  return all.filter(({ text }, index) => all.findIndex((other) => other.text === text) === index);
};

const unescaped = (text: string): string =>
  text
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    .replace(/\\(?:x|u00)([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));

/** A text as it is, and as it reads once and twice unescaped, where that makes a difference. */
const readingsOf = (text: string): string[] => {
  const once = unescaped(text);
  return [...new Set([text, once, once === text ? text : unescaped(once)])].map(squeeze);
};

/** Looks for keys in what goes to a model and comes from it, also encoded as hex, base64 or for a URL, or reversed. */
export class SecretSearch {
  readonly #needles: readonly Needle[];
  readonly #plain: readonly { readonly name: string; readonly value: string }[];
  #automaton: KeyAutomaton | undefined;

  constructor(secrets: Iterable<Secret>) {
    const all = [...secrets];
    this.#needles = all.flatMap(needlesOf);
    this.#plain = all
      .map((secret) => ({ name: secret.name, value: secret.reveal() }))
      .toSorted((a, b) => b.value.length - a.value.length);
  }

  /** Each secret at most once for each way in which it is written. */
  find(text: string): SecretHit[] {
    if (this.#needles.length === 0) return [];
    const readings = readingsOf(text);
    const hits = new Map<string, SecretHit>();
    for (const { text: sought, name, encoding, reversed } of this.#needles) {
      const key = `${name} ${encoding} ${reversed}`;
      if (!hits.has(key) && readings.some((reading) => reading.includes(sought)))
        hits.set(key, { name, encoding, reversed });
    }
    return [...hits.values()];
  }

  /** Looks for the same in a text that is shown while it comes. */
  guard(): KeyGuard {
    return new KeyGuard((this.#automaton ??= new KeyAutomaton(this.#needles)));
  }

  /** A message of ours or of a provider without any key in it, short ones and encoded ones included. */
  redact(text: string): string {
    const masked = this.#plain.reduce((left, { name, value }) => left.replaceAll(value, `[key ${name}]`), text);
    const hidden = this.find(masked);
    return hidden.length === 0 ? masked : `[withheld: it holds the key ${hidden.map(({ name }) => name).join(', ')}]`;
  }
}

/** Which of the secrets stand in a text, in whatever way they are written. */
export const matches = (text: string, secrets: Iterable<Secret>): SecretHit[] => new SecretSearch(secrets).find(text);
