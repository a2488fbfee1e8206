import type { Problem } from '@crucible/api';
import { explainIssues } from '@crucible/suite';
import { z } from 'zod';
import { problem, ProblemException } from './problem.ts';

const ISSUES_SHOWN_MAX = 50;

type Issue = z.core.$ZodIssue;

/**
 * What a caller sent, as its schema says.
 * @throws ProblemException (400) that names every wrong field by its JSON pointer and says how to mend it
 */
export const parseRequest = <S extends z.ZodType>(schema: S, input: unknown): z.output<S> => {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ProblemException(
    problem(
      400,
      'invalid-request',
      'The request does not fit; see errors.',
      errorsOf(schema, parsed.error.issues, input),
    ),
  );
};

const errorsOf = (schema: z.ZodType, issues: readonly Issue[], input: unknown): Problem['errors'] =>
  explainIssues(schema, issues.flatMap(leaves), input)
    .slice(0, ISSUES_SHOWN_MAX)
    .map(({ path, message }) => ({ pointer: pointerTo(path), detail: message }));

const UNION_WITHOUT_WORDS = 'Invalid input';

/** Of a union that has no words of its own, the branch that the caller was writing is the one worth explaining. */
const leaves = (issue: Issue): Issue[] => {
  if (issue.code !== 'invalid_union' || issue.message !== UNION_WITHOUT_WORDS) return [issue];
  const meant = issue.errors.toSorted(
    (one, other) => strangeKeys(one) - strangeKeys(other) || depth(other) - depth(one) || one.length - other.length,
  )[0];
  if (meant === undefined) return [issue];
  return meant.flatMap((inner) => leaves({ ...inner, path: [...issue.path, ...inner.path] }));
};

/** How many of the caller's keys a branch does not know: the fewer, the likelier it was meant. */
const strangeKeys = (issues: readonly Issue[]): number =>
  issues.reduce(
    (sum, issue) => sum + (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys.length : 0),
    0,
  );
const depth = (issues: readonly Issue[]): number => Math.max(0, ...issues.map((issue) => issue.path.length));

/** RFC 6901. */
const pointerTo = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
