import { displayableLine } from '@crucible/events';
import { RE2JS } from 're2js';

/** What one pattern may cost: its compiled size, the text it reads, and their product (about 10 ns a step). */
export const patternBounds = {
  charsMax: 1_000,
  programSizeMax: 2_000,
  textCharsMax: 1_048_576,
  stepsMax: 50_000_000,
} as const;

/** A pattern that can be tried on hostile text: its time grows with the text's length and never faster. */
export interface Pattern {
  /** Characters of a text that `matches` looks at; the rest is not read. */
  readonly textCharsMax: number;
  readonly matches: (text: string) => boolean;
}
export type Compiled =
  { readonly ok: true; readonly pattern: Pattern } | { readonly ok: false; readonly problem: string };

const refused = (problem: string): Compiled => ({ ok: false, problem: displayableLine(problem, 300) });

/**
 * Compiles RE2 syntax. JavaScript's own engine backtracks, so a suite's pattern over a program's output could hold an
 * executor for years; RE2 has no look-around and no back-references, and takes linear time.
 * @param sharers how many patterns will read the same output: together they stay within the bound on steps
 */
export const compilePattern = (source: string, sharers = 1): Compiled => {
  if (source.length > patternBounds.charsMax)
    return refused(`is ${source.length} characters long, at most ${patternBounds.charsMax}`);
  try {
    const compiled = RE2JS.compile(source);
    const size = Math.max(1, compiled.programSize());
    if (size > patternBounds.programSizeMax) {
      return refused(`needs ${size} steps a character, at most ${patternBounds.programSizeMax}: repeat less`);
    }
    const textCharsMax = Math.min(
      patternBounds.textCharsMax,
      Math.floor(patternBounds.stepsMax / size / Math.max(1, sharers)),
    );
    return { ok: true, pattern: { textCharsMax, matches: (text) => compiled.test(text.slice(0, textCharsMax)) } };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'unreadable';
    return refused(`is not a regular expression in RE2 syntax: ${why}`);
  }
};
