import { displayableLine } from '@crucible/events';
import { narrow } from '@crucible/suite';
import type { Narrowing, NarrowingProblem, Suite } from '@crucible/suite';
import { problem, ProblemException } from '../problem.ts';

const NAMED_MAX = 8;

const told = (suite: Suite, found: NarrowingProblem): { readonly pointer: string; readonly detail: string } => {
  if (found.kind === 'too-few-epochs')
    return {
      pointer: '/suite/epochs',
      detail: `This suite reduces epochs by ${found.reducer}, which needs at least ${found.epochsMin}.`,
    };
  const unknown = found.unknown.slice(0, NAMED_MAX).map((id) => displayableLine(id, 60));
  const ids = found.ids.slice(0, NAMED_MAX).map((id) => displayableLine(id, 60));
  const more = found.ids.length > NAMED_MAX ? `, and ${found.ids.length - NAMED_MAX} more` : '';
  return {
    pointer: '/suite/samples',
    detail: `${suite.metadata.name} has no sample ${unknown.join(', ')}. It has ${ids.join(', ')}${more}.`,
  };
};

/** The part of a suite that a request asks for. @throws ProblemException naming the field, with the remedy */
export const narrowed = (suite: Suite, narrowing: Narrowing): Suite => {
  const made = narrow(suite, narrowing);
  if (made.ok) return made.suite;
  const error = told(suite, made.problem);
  throw new ProblemException(problem(422, 'no-such-part', error.detail, [error]));
};
