import type { SubmitRequest } from '@crucible/api';
import type { Suite } from '@crucible/suite';
import { jsonSchemaProblems } from '@crucible/suite/load';
import { problem, ProblemException } from '../problem.ts';
import { pointerTo } from '../request.ts';

type SubjectKind = NonNullable<SubmitRequest['subject']>['kind'];

/** What a suite is run against, by its solver. */
const kindFor = ({ solver: { kind } }: Suite): SubjectKind => {
  switch (kind) {
    case 'program':
      return 'program';
    case 'agent-program':
      return 'agent';
    case 'generate':
    case 'chat':
    case 'agent':
      return 'model';
  }
};

const remedies: Readonly<Record<SubjectKind, (solver: string, name: string) => string>> = {
  program: (solver, name) =>
    `The solver "${solver}" of ${name} runs the suite's own programs, which no model takes the place of: leave subject out, or submit a suite for models.`,
  model: (solver, name) =>
    `The solver "${solver}" of ${name} asks a model: name one, as { "kind": "model", "model": "…" }.`,
  agent: (solver, name) =>
    `The solver "${solver}" of ${name} runs an agent: name the model that it may use, as { "kind": "agent", "model": "…" }.`,
};

/**
 * Refuses a subject that a suite cannot be run against. Whether the platform has the model is the executor's to know, who
 * alone has its configuration.
 * @throws ProblemException naming the field, with the remedy
 */
export const refuseForeignSubject = (suite: Suite, subject: SubmitRequest['subject']): void => {
  const wanted = kindFor(suite);
  if ((subject?.kind ?? 'program') === wanted) return;
  const detail = remedies[wanted](suite.solver.kind, suite.metadata.name);
  throw new ProblemException(problem(422, 'subject-mismatch', detail, [{ pointer: '/subject', detail }]));
};

/** Refuses a suite that came with the request and holds JSON Schemas that cannot be used. @throws ProblemException */
export const refuseUnusableSchemas = (suite: Suite): void => {
  const problems = jsonSchemaProblems(suite);
  if (problems.length === 0) return;
  const errors = problems.map(({ path, message }) => ({ pointer: pointerTo(['suite', ...path]), detail: message }));
  throw new ProblemException(problem(400, 'invalid-request', 'The request does not fit; see errors.', errors));
};
