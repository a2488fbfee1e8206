/** What all searches of one scoring may cost together: about a quarter of a second. */
const STEPS_MAX = 50_000_000;

/** Whether the read part of a text contains a target. */
export interface Search {
  readonly found: boolean;
  /** The text was longer than what may be read of it. */
  readonly cut: boolean;
}

/** Of each prefix of the target, how long its longest proper beginning is that is also its end. */
const bordersOf = (target: string): Int32Array => {
  const borders = new Int32Array(target.length);
  for (let at = 1, length = 0; at < target.length; at += 1) {
    while (length > 0 && target.charCodeAt(at) !== target.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (target.charCodeAt(at) === target.charCodeAt(length)) length += 1;
    borders[at] = length;
  }
  return borders;
};

/** Knuth, Morris and Pratt: at most two comparisons a character of text. */
const linearSearch = (text: string, target: string): boolean => {
  const borders = bordersOf(target);
  let matched = 0;
  for (let at = 0; at < text.length; at += 1) {
    while (matched > 0 && text.charCodeAt(at) !== target.charCodeAt(matched)) matched = borders[matched - 1] ?? 0;
    if (text.charCodeAt(at) === target.charCodeAt(matched)) matched += 1;
    if (matched === target.length) return true;
  }
  return false;
};

/** How much of a text each of so many searches may read, in characters. */
export const readableChars = (searches: number): number => Math.floor(STEPS_MAX / Math.max(1, searches));

/**
 * Searches hostile text for a suite's target in bounded time. JavaScript's own search is quick on most texts, but takes
 * the product of both lengths on a text and target of repeated letters, which would hold an executor for hours.
 * @param searches how many searches share the bound on steps
 */
export const contains = (text: string, target: string, searches = 1): Search => {
  const charsMax = readableChars(searches);
  const read = text.length > charsMax ? text.slice(0, charsMax) : text;
  const quick = read.length * target.length <= charsMax;
  return { found: quick ? read.includes(target) : linearSearch(read, target), cut: read.length < text.length };
};
