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
  explainIssues(schema, issues, input)
    .slice(0, ISSUES_SHOWN_MAX)
    .map(({ path, message }) => ({ pointer: pointerTo(path), detail: message }));

/** RFC 6901. */
export const pointerTo = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
