import { displayableLine } from '@crucible/events';
import { z } from 'zod';

/** One wrong field: where it is, as keys and indices from the root, and what to do about it. */
export interface FieldProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const PROBLEMS_MAX = 100;
const NEAR_EDITS_MAX = 2;

/** Edit distance in which two letters that changed places count as one slip. */
const editsBetween = (one: string, other: string): number => {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const edits = [(row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same];
      next.push(Math.min(...edits, swapped ? (before[j - 2] ?? 0) + 1 : Infinity));
    }
    before = row;
    row = next;
  }
  return row[other.length] ?? 0;
};

const plain = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');

/** The known word a mistyped one was probably meant to be. */
export const didYouMean = (word: string, known: readonly string[]): string | undefined => {
  const typed = plain(word.slice(0, 40));
  const near = known
    .map((each) => ({ each, edits: editsBetween(typed, plain(each)) }))
    .filter(({ each, edits }) => edits <= NEAR_EDITS_MAX && edits <= plain(each).length / 2)
    .sort((a, b) => a.edits - b.edits);
  return near[0]?.each;
};

const unwrapped = (schema: z.core.$ZodType): z.core.$ZodType => {
  const { def } = schema._zod as { def: { innerType?: z.core.$ZodType } };
  return def.innerType === undefined ? schema : unwrapped(def.innerType);
};

const stepInto = (schema: z.core.$ZodType, key: PropertyKey, input: unknown): z.core.$ZodType | undefined => {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodObject) return (inner.shape as Record<PropertyKey, z.core.$ZodType>)[key];
  if (inner instanceof z.ZodArray) return inner.element;
  if (inner instanceof z.ZodRecord) return inner.valueType as z.core.$ZodType;
  if (inner instanceof z.ZodUnion) return optionFor(inner, input);
  return undefined;
};

/** Which member of a union the author was writing: the one whose `kind` is given, else the one that shares most keys. */
const optionFor = (union: z.ZodUnion, input: unknown): z.ZodObject | undefined => {
  if (typeof input !== 'object' || input === null) return undefined;
  const options = union.options.map(unwrapped).filter((option) => option instanceof z.ZodObject);
  const sameKind = options.find((option) => 'kind' in input && option.shape['kind']?.safeParse(input.kind).success);
  const shared = (option: z.ZodObject): number => Object.keys(input).filter((key) => key in option.shape).length;
  return sameKind ?? options.toSorted((a, b) => shared(b) - shared(a))[0];
};

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input);

const knownKeys = (schema: z.core.$ZodType, path: readonly PropertyKey[], input: unknown): string[] => {
  let at: z.core.$ZodType | undefined = schema;
  path.forEach((key, index) => {
    at = at && stepInto(at, key, valueAt(input, path.slice(0, index)));
    const union = at && unwrapped(at);
    if (union instanceof z.ZodUnion) at = optionFor(union, valueAt(input, path.slice(0, index + 1))) ?? union;
  });
  const object = at && unwrapped(at);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
};

const shown = (value: unknown): string => displayableLine(String(value), 40);
const kindOf = (value: unknown): string =>
  value === null
    ? 'nothing'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'a map'
        : `the ${typeof value} ${shown(value)}`;
const words: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  object: 'a map of fields',
  record: 'a map',
  array: 'a list',
  boolean: 'true or false',
};
const nouns: Readonly<Record<string, string>> = { string: 'characters', array: 'items', record: 'entries' };
const bound = (side: 'most' | 'least', value: number | bigint, origin: string): string =>
  nouns[origin] === undefined ? `must be at ${side} ${value}` : `must have at ${side} ${value} ${nouns[origin]}`;

const choice = (values: readonly unknown[], given: unknown): string => {
  const known = values.map(String);
  if (given === undefined) return `is missing: must be ${known.join(' or ')}`;
  const near = typeof given === 'string' ? didYouMean(given, known) : undefined;
  return `must be ${known.length > 1 ? 'one of ' : ''}${known.join(', ')}, not ${kindOf(given)}${near ? `; did you mean ${near}?` : ''}`;
};

/** What the branches of a union are, when what was given is none of their kinds. */
const kindsText = (branches: readonly (readonly z.core.$ZodIssue[])[], given: unknown): string => {
  const kinds = branches.flatMap((branch) =>
    branch.flatMap((issue) =>
      issue.code === 'invalid_type' && issue.path.length === 0 ? [words[issue.expected] ?? issue.expected] : [],
    ),
  );
  return kinds.length === 0
    ? 'is not what is expected here'
    : `must be ${[...new Set(kinds)].join(' or ')}, not ${kindOf(given)}`;
};

const messageOf = (issue: z.core.$ZodIssue, given: unknown): string => {
  switch (issue.code) {
    case 'invalid_type':
      if (given === undefined) return 'is missing';
      return `must be ${words[issue.expected] ?? issue.expected}, not ${kindOf(given)}${issue.expected === 'string' && typeof given !== 'object' ? ': put it in quotes' : ''}`;
    case 'invalid_value':
      return choice(issue.values, given);
    case 'too_big':
      return issue.message.startsWith('Too big') ? bound('most', issue.maximum, issue.origin) : issue.message;
    case 'too_small':
      if (!issue.message.startsWith('Too small')) return issue.message;
      return issue.minimum === 1 && issue.origin !== 'number'
        ? 'must not be empty'
        : bound('least', issue.minimum, issue.origin);
    case 'invalid_union':
      if (given === undefined && issue.message === UNION_WITHOUT_WORDS) return 'is missing';
      if (issue.message === UNION_WITHOUT_WORDS && !('options' in issue)) return kindsText(issue.errors, given);
      return 'options' in issue && issue.options !== undefined ? choice(issue.options, given) : issue.message;
    case 'invalid_key':
      return `${issue.issues[0]?.message ?? 'is not a name that is allowed here'}`;
    default:
      return issue.message;
  }
};

const UNION_WITHOUT_WORDS = 'Invalid input';
const isRootType = ({ code, path }: z.core.$ZodIssue): boolean => code === 'invalid_type' && path.length === 0;

/** How many of the author's keys a branch does not know: the fewer, the likelier it was meant. */
const strangeKeys = (issues: readonly z.core.$ZodIssue[]): number =>
  issues.reduce(
    (sum, issue) => sum + (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys.length : 0),
    0,
  );
const depth = (issues: readonly z.core.$ZodIssue[]): number => Math.max(0, ...issues.map(({ path }) => path.length));

/**
 * Of a union that has no words of its own, the complaints of the branch that the author was writing: one of the kind that
 * was given, with the fewest strange keys.
 */
export const meantIssues = (issue: z.core.$ZodIssue): z.core.$ZodIssue[] => {
  if (issue.code !== 'invalid_union' || issue.message !== UNION_WITHOUT_WORDS || issue.errors.length === 0)
    return [issue];
  const ofKind = issue.errors.filter((branch) => !branch.some(isRootType));
  const [meant] = (ofKind.length > 0 ? ofKind : issue.errors).toSorted(
    (one, other) => strangeKeys(one) - strangeKeys(other) || depth(other) - depth(one) || one.length - other.length,
  );
  if (meant === undefined || ofKind.length === 0) return [issue];
  return meant.flatMap((inner) => meantIssues({ ...inner, path: [...issue.path, ...inner.path] }));
};

const tidy = (path: readonly PropertyKey[]): (string | number)[] =>
  path.map((key) => (typeof key === 'symbol' ? String(key) : key));

/**
 * A schema's complaints in words an author can act on, one a wrong field, at most 100.
 * @param input what was parsed: tells a missing field from a wrong one
 */
export const explainIssues = (
  schema: z.core.$ZodType,
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
): FieldProblem[] =>
  issues
    .slice(0, PROBLEMS_MAX)
    .flatMap(meantIssues)
    .flatMap((issue): FieldProblem[] => {
      const path = tidy(issue.path);
      if (issue.code !== 'unrecognized_keys') {
        return [{ path, message: displayableLine(messageOf(issue, valueAt(input, issue.path)), 500) }];
      }
      const known = knownKeys(schema, issue.path, input);
      return issue.keys.slice(0, PROBLEMS_MAX).map((key) => {
        const near = didYouMean(key, known);
        const hint = near
          ? `did you mean ${near}?`
          : known.length > 0
            ? `known here: ${known.join(', ')}`
            : 'remove it';
        return { path: [...path, key], message: `is not a field of this format; ${hint}` };
      });
    })
    .slice(0, PROBLEMS_MAX);

const keyText = (key: string | number, index: number): string => {
  if (typeof key === 'number') return `[${key}]`;
  if (!/^[A-Za-z_$][\w$-]{0,99}$/.test(key)) return `[${JSON.stringify(key)}]`;
  return index === 0 ? key : `.${key}`;
};

/** A path as authors read it: `dataset.samples[3].files["a.txt"]`. */
export const fieldOf = (path: readonly (string | number)[]): string => displayableLine(path.map(keyText).join(''), 200);
