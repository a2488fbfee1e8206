import { displayableLine } from '@crucible/events';
import { RE2JS } from 're2js';

/** What one pattern may cost. */
const CHARS_MAX = 1_000;
const PROGRAM_SIZE_MAX = 1_000;

export interface Pattern {
  readonly test: (text: string) => boolean;
  /** Where it holds first; -1 for nowhere. */
  readonly find: (text: string) => number;
}

/** Without repetition, and with nothing that the two engines read differently. */
const PLAIN = /^(?:[^\\*+{.[(]|\\[./\-|$^()[\]bdw]|\[[^\]\\[]*\]|\((?!\?)|\(\?:)*$/;

/** Groups and options of a plain pattern: what it may try multiplies with each. */
const CHOICES_MAX = 6;

/**
 * JavaScript's engine where it cannot go astray: without repetition it takes no more steps than the pattern is long at
 * each place of the text, and it is some ten times as fast.
 */
const plain = (source: string): Pattern => {
  const compiled = new RegExp(source);
  return { test: (text) => compiled.test(text), find: (text) => text.search(compiled) };
};

/**
 * Compiles RE2 syntax: linear in the text, whatever a guest writes. JavaScript's own engine backtracks and could be held
 * for years by one file name.
 * @throws Error with a readable message
 */
export const compilePattern = (source: string): Pattern => {
  if (source.length > CHARS_MAX) throw new Error(`pattern of ${source.length} characters, at most ${CHARS_MAX}`);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'unreadable';
    throw new Error(`not a pattern in RE2 syntax: ${displayableLine(why, 300)}`, { cause: error });
  }
  const size = compiled.programSize();
  if (size > PROGRAM_SIZE_MAX) {
    throw new Error(`pattern needs ${size} steps a character, at most ${PROGRAM_SIZE_MAX}: repeat less`);
  }
  if (PLAIN.test(source) && (source.match(/[(?]/g)?.length ?? 0) <= CHOICES_MAX) return plain(source);
  return {
    test: (text) => compiled.test(text),
    find: (text) => {
      const matcher = compiled.matcher(text);
      return matcher.find() ? matcher.start() : -1;
    },
  };
};
