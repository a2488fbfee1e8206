const ACODE = 65;
/** Of an answer, what is looked through for numbers and letters. */
const READ_CHARS_MAX = 1_048_576;

/** A sign counts only where nothing is before it: `3-4` holds 3 and 4. No part of it can be read in two ways. */
const NUMBER = /(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+|(?=\.\d))(?:\.\d+)?(?:[eE][-+]?\d{1,3})?/g;
const MINUS_SIGN = /\u2212/g;

const valueOf = (text: string): number | undefined => {
  const value = Number(text.replaceAll(',', ''));
  return text !== '' && Number.isFinite(value) ? value : undefined;
};

/** A text that is a number, with `,` between thousands if there are any, and a unit of money or per cent around it. */
export const numberOf = (text: string): number | undefined => {
  const bare = text
    .trim()
    .replace(MINUS_SIGN, '-')
    .replace(/^[$€£]\s?/, '')
    .replace(/\s?[%$€£]$/, '');
  return /^[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][-+]?\d{1,3})?$/.test(bare) && /\d/.test(bare)
    ? valueOf(bare)
    : undefined;
};

/** Numbers in a text, in their order. Linear in its length: digits are looked at once. */
export const numbersIn = (text: string): number[] => {
  const found: number[] = [];
  for (const [match] of text.slice(-READ_CHARS_MAX).replace(MINUS_SIGN, '-').matchAll(NUMBER)) {
    const value = valueOf(match);
    if (value !== undefined) found.push(value);
  }
  return found;
};

/** Letters of choices, as a target has them: `B`, `A,C`, `A C`. Sorted, each once; undefined when they are none. */
export const lettersOf = (text: string, choices: number): string | undefined => {
  const parts = text
    .trim()
    .toUpperCase()
    .split(/[\s,]+/);
  const letters = parts.every((part) => part.length === 1) ? parts : [];
  const inRange = letters.length > 0 && letters.every((each) => each.charCodeAt(0) - ACODE < choices && each >= 'A');
  return inRange ? [...new Set(letters)].sort().join(',') : undefined;
};

const MARK = /\banswers?(?:\s{1,9}(?:is|are)\b|\s{0,9}:)/gi;
/** One letter that is no part of a word, behind what may stand around letters in a list of them. */
const LETTER = /^[\s*:_()[\],&.-]{0,20}(?:and\b[\s*:_()[\],&.-]{0,20})?([a-z])(?![\w'\u2019])/i;
const ALONE = /^\W{0,20}([a-z])\W{0,20}$/i;

const listedAt = (text: string): string[] => {
  const letters: string[] = [];
  for (let rest = text; letters.length < 26;) {
    const match = LETTER.exec(rest);
    if (match === null) return letters;
    letters.push((match[1] ?? '').toUpperCase());
    rest = rest.slice(match[0].length);
    // Letters of one answer have commas, spaces or "and" between them; a new sentence is no longer the answer.
    if (/^[.*_]*\s*(\n|$)/.test(rest.slice(0, 40)) || /^[).\]]*\s*[.:]/.test(rest.slice(0, 40))) return letters;
  }
  return letters;
};

/**
 * The letters that an answer chooses: behind the last `ANSWER:` (as the prompt asks for), or the only letter there is.
 * Undefined when it names none of the choices.
 */
export const chosenIn = (answer: string, choices: number): string | undefined => {
  const read = answer.slice(-READ_CHARS_MAX);
  const mark = [...read.matchAll(MARK)].at(-1);
  const letters =
    mark === undefined
      ? [ALONE.exec(read.length <= 100 ? read : '')?.[1] ?? '']
      : listedAt(read.slice(mark.index + mark[0].length).slice(0, 500));
  return lettersOf(letters.join(','), choices);
};

export type JsonRead = { readonly ok: true; readonly value: unknown } | { readonly ok: false };
const FENCE = /```[a-z]*[ \t]*\n([\s\S]*?)\n?```/gi;

/** Deeper JSON is no answer: whoever goes into it would run out of stack. */
const DEPTH_MAX = 200;

/** Without recursion, because what is measured may be as deep as a text is long. */
const isDeeper = (value: unknown, depthMax: number): boolean => {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthMax) return true;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
};

const parsed = (text: string): JsonRead => {
  try {
    const value = JSON.parse(text) as unknown;
    return isDeeper(value, DEPTH_MAX) ? { ok: false } : { ok: true, value };
  } catch {
    return { ok: false };
  }
};

/** The JSON that an answer is, or that its only code block is. */
export const jsonIn = (answer: string): JsonRead => {
  if (answer.length > READ_CHARS_MAX) return { ok: false };
  const whole = parsed(answer);
  if (whole.ok) return whole;
  const blocks = [...answer.matchAll(FENCE)];
  return blocks.length === 1 ? parsed(blocks[0]?.[1] ?? '') : { ok: false };
};

/** Whether two values are the same JSON, whatever the order of their keys. */
export const sameJson = (one: unknown, other: unknown): boolean => {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [keys, others] = [Object.keys(one), Object.keys(other)];
  return (
    keys.length === others.length &&
    keys.every(
      (key) =>
        Object.hasOwn(other, key) &&
        sameJson((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]),
    )
  );
};
