import { narrow } from '@crucible/suite';
import type { Narrowing, NarrowingProblem, Suite } from '@crucible/suite';
import { misuse } from './failure.ts';
import { safe } from './text.ts';

const NAMED_MAX = 8;

const failure = (suite: Suite, problem: NarrowingProblem): Error => {
  if (problem.kind === 'too-few-epochs') {
    const { epochs, reducer, epochsMin } = problem;
    return misuse(`--epochs ${epochs}: this suite reduces epochs by ${reducer}, which needs at least ${epochsMin}`);
  }
  const { unknown, ids } = problem;
  const some = ids.slice(0, NAMED_MAX).map((id) => safe(id, 60));
  const more = ids.length > NAMED_MAX ? `, and ${ids.length - NAMED_MAX} more` : '';
  return misuse(
    `--sample: ${safe(suite.metadata.name, 64)} has no sample ${unknown.map((id) => safe(id, 60)).join(', ')}`,
    `it has: ${some.join(', ')}${more}`,
  );
};

/**
 * A suite with less of its samples, or with other epochs. It is submitted as it is then: what ran is what its digest says.
 * @throws UsageFailure that names the option
 */
export const narrowed = (suite: Suite, narrowing: Narrowing): Suite => {
  const made = narrow(suite, narrowing);
  if (made.ok) return made.suite;
  throw failure(suite, made.problem);
};
