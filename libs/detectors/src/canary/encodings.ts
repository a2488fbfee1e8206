export type Coding = 'plain' | 'hex' | 'base64';

/** How a text was written: its letters turned round or not, encoded or not, and what came out turned round or not. */
export interface Encoding {
  readonly coding: Coding;
  /** Base64: bytes before the text in its group of three. */
  readonly alignment: 0 | 1 | 2;
  readonly innerReversed: boolean;
  readonly outerReversed: boolean;
}

export interface Encoded extends Encoding {
  readonly text: string;
}

const ALIGNMENTS = [0, 1, 2] as const;
const AS_IS = { alignment: 0, innerReversed: false, outerReversed: false } as const;

export const reversed = (text: string): string => [...text].reverse().join('');

/** Whole characters of base64 that `text` decides alone, whatever stands before and behind it. */
const base64Within = (text: string, alignment: 0 | 1 | 2): string => {
  const encoded = Buffer.from('\0'.repeat(alignment) + text, 'latin1').toString('base64');
  return encoded.slice(firstWhole(alignment), Math.floor(((alignment + text.length) * 8) / 6));
};

/** Characters at the start of base64 that what stands before the text decides as well. */
export const firstWhole = (alignment: number): number => Math.ceil((alignment * 8) / 6);

const coded = (text: string, innerReversed: boolean): Encoded[] => {
  const inner = innerReversed ? reversed(text) : text;
  return [
    { ...AS_IS, innerReversed, coding: 'hex', text: Buffer.from(inner, 'latin1').toString('hex') },
    ...ALIGNMENTS.map((alignment): Encoded => ({
      ...AS_IS,
      innerReversed,
      alignment,
      coding: 'base64',
      text: base64Within(inner, alignment),
    })),
  ];
};

const plainBothWays = (text: string): Encoded[] => [
  { ...AS_IS, coding: 'plain', text },
  { ...AS_IS, coding: 'plain', innerReversed: true, text: reversed(text) },
];

/**
 * Every way in which a text may be written, as texts to look for; also with its case changed before it was encoded. The case
 * of what comes out is not looked at, so a text without letters gives the fewest.
 */
export const everyEncoding = (text: string): Encoded[] => [
  ...plainBothWays(text),
  ...[...new Set([text, text.toLowerCase(), text.toUpperCase()])]
    .flatMap((each) => [...coded(each, false), ...coded(each, true)])
    .flatMap((each) => [each, { ...each, outerReversed: true, text: reversed(each.text) }]),
];

const HEX = /^[0-9a-fA-F]$/;
const BASE64 = /^[A-Za-z0-9+/_-]$/;

/** The longest run around `from` in which every character is of the alphabet. */
const runAround = (text: string, from: number, alphabet: RegExp): { start: number; end: number } => {
  let start = from;
  let end = from;
  while (start > 0 && alphabet.test(text[start - 1] ?? '')) start -= 1;
  while (end < text.length && alphabet.test(text[end] ?? '')) end += 1;
  return { start, end };
};

/** A text that was written in some way, and where in it the part begins that it was found by; that may lie outside. */
export interface Undone {
  readonly text: string;
  readonly at: number;
}

/**
 * Undoes an encoding of a stretch of text.
 * @param at where in `text` the encoded form of something stands
 * @param plainChars how long that is when it is not encoded
 */
export const undo = (text: string, at: number, encoding: Encoded, plainChars: number): Undone => {
  const { coding, alignment, innerReversed, outerReversed } = encoding;
  const outer = outerReversed ? reversed(text) : text;
  const known = outerReversed ? text.length - at - encoding.text.length : at;
  const inner = coding === 'plain' ? { text: outer, at: known } : undoBytes(outer, known, coding, alignment);
  return innerReversed ? { text: reversed(inner.text), at: inner.text.length - inner.at - plainChars } : inner;
};

const undoBytes = (text: string, known: number, coding: 'hex' | 'base64', alignment: number): Undone => {
  const [group, bytes] = coding === 'hex' ? [2, 1] : [4, 3];
  const { start, end } = runAround(text, known, coding === 'hex' ? HEX : BASE64);
  // A group begins where the known part says, not where the run does: anything may stand before it, or nothing.
  const first = coding === 'hex' ? known : known - firstWhole(alignment);
  const missing = Math.max(0, start - first);
  const aligned = start + ((first + missing - start) % group);
  const decoded = Buffer.from('A'.repeat(missing) + text.slice(aligned, end), coding).toString('latin1');
  return { text: decoded, at: ((first + missing - aligned) / group) * bytes + alignment };
};
