import { displayableLine } from '@crucible/events';
import type { z } from 'zod';
import { knownFields } from './format.ts';

export type Path = readonly (string | number)[];

/** One wrong field: where it is, and what to do about it. */
export interface FieldProblem {
  readonly path: Path;
  readonly message: string;
}

const PROBLEMS_MAX = 100;
const NAME_CHARS_MAX = 40;

const plain = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');

/** The known word that a mistyped one was probably meant to be: one that shares most of its pairs of letters. */
const didYouMean = (word: string, known: readonly string[]): string | undefined => {
  const pairs = (text: string): Set<string> =>
    new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2)));
  const typed = pairs(plain(word.slice(0, NAME_CHARS_MAX)));
  const alike = known.map((each) => {
    const other = pairs(plain(each));
    const shared = [...typed].filter((pair) => other.has(pair)).length;
    return { each, likeness: (2 * shared) / Math.max(1, typed.size + other.size) };
  });
  const best = alike.toSorted((a, b) => b.likeness - a.likeness)[0];
  return best !== undefined && best.likeness >= 0.5 ? best.each : undefined;
};

const shown = (value: unknown): string =>
  value === null
    ? 'nothing'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'a map'
        : `the ${typeof value} ${displayableLine(String(value), NAME_CHARS_MAX)}`;

const words: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  object: 'a map of fields',
  array: 'a list',
  boolean: 'true or false',
};

const valueAt = (input: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input);

const knownAt = (path: Path): readonly string[] => {
  const last = path.at(-1);
  if (path.length === 0) return knownFields.file;
  return last === 'limits' || last === 'price' ? knownFields[last] : knownFields.entry;
};

export const KEY_REMEDY =
  'must be { env: NAME } with the name of an environment variable, or { file: PATH }; the key itself never stands here';

const messageOf = (issue: z.core.$ZodIssue, given: unknown): string => {
  switch (issue.code) {
    case 'invalid_type':
      return given === undefined
        ? 'is missing'
        : `must be ${words[issue.expected] ?? issue.expected}, not ${shown(given)}`;
    case 'invalid_value': {
      const choices = issue.values.map(String);
      const near = typeof given === 'string' ? didYouMean(given, choices) : undefined;
      if (given === undefined) return `is missing: must be one of ${choices.join(', ')}`;
      return `must be one of ${choices.join(', ')}, not ${shown(given)}${near ? `; did you mean ${near}?` : ''}`;
    }
    case 'too_big':
      return `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : ''}`;
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`;
    default:
      return issue.message;
  }
};

/** A schema's complaints in words an operator can act on, one a wrong field. */
export const explainIssues = (issues: readonly z.core.$ZodIssue[], input: unknown): FieldProblem[] =>
  issues
    .flatMap((issue): FieldProblem[] => {
      const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
      const key = path.indexOf('key');
      if (key >= 0) return [{ path: path.slice(0, key + 1), message: KEY_REMEDY }];
      if (issue.code !== 'unrecognized_keys')
        return [{ path, message: displayableLine(messageOf(issue, valueAt(input, path)), 500) }];
      return issue.keys.map((name) => {
        const near = didYouMean(name, knownAt(path));
        const hint = near ? `did you mean ${near}?` : `known here: ${knownAt(path).join(', ')}`;
        return { path: [...path, name], message: `is not a field of this format; ${hint}` };
      });
    })
    .slice(0, PROBLEMS_MAX);

/** A path as operators read it: `models[3].limits.timeout`. */
export const fieldOf = (path: Path): string =>
  displayableLine(
    path.map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`)).join(''),
    200,
  );
