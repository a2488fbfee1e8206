import type { Suite } from './suite.ts';

/** Models that one suite is run against at once, at the most. */
export const modelsAtOnceMax = 20;

/** Models that a suite names itself: who plays its user, who grades its answers; each with its place in the suite. */
export const namedModels = ({
  solver,
  scorers,
}: Pick<Suite, 'solver' | 'scorers'>): { readonly path: readonly (string | number)[]; readonly model: string }[] => [
  ...(solver.kind === 'chat' && solver.user !== undefined
    ? [{ path: ['solver', 'user', 'model'], model: solver.user.model }]
    : []),
  ...scorers.flatMap((scorer, index) =>
    scorer.kind === 'model-graded' ? [{ path: ['scorers', index, 'model'], model: scorer.model }] : [],
  ),
];
