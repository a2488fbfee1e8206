import type { Problem } from '@crucible/api';

/** A refusal or failure of the platform as a page shows it. `status` is 0 when no answer came at all. */
export class ApiProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = 'ApiProblem';
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }
}

export type FieldError = NonNullable<Problem['errors']>[number];

/** What went wrong, in words for a person. */
export const explained = (error: unknown): string => {
  if (error instanceof ApiProblem) return error.problem.detail ?? error.problem.title;
  return error instanceof Error ? error.message : 'Something unexpected went wrong.';
};

export const statusOf = (error: unknown): number | null => (error instanceof ApiProblem ? error.status : null);

/** Which problem it is, by RFC 9457's `type`; empty for what is no answer of the platform. */
export const problemTypeOf = (error: unknown): string => (error instanceof ApiProblem ? error.problem.type : '');

/** A JSON pointer (RFC 6901) of a path, without the fragment sign. */
export const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Errors sorted to the fields of a form: each field takes those at or below one of its pointers; the rest stay over. */
export const byField = <Field extends string>(
  errors: readonly FieldError[],
  fields: Readonly<Record<Field, readonly string[]>>,
): { readonly fields: Partial<Record<Field, string>>; readonly rest: readonly FieldError[] } => {
  const found: Partial<Record<Field, string>> = {};
  const rest: FieldError[] = [];
  const entries = Object.entries(fields) as [Field, readonly string[]][];
  for (const error of errors) {
    const pointer = error.pointer.replace(/^#/, '');
    const owner = entries.find(([, pointers]) =>
      pointers.some((each) => pointer === each || pointer.startsWith(`${each}/`)),
    );
    if (owner === undefined) rest.push(error);
    else found[owner[0]] = [found[owner[0]], error.detail].filter((text) => text !== undefined).join('; ');
  }
  return { fields: found, rest };
};
