import type { EvaluationId, StopScope } from '@crucible/events';
import { covers } from './stops.ts';

/** Whom all that is said of one emergency stop is for. */
export interface StopAudience {
  readonly scope: StopScope;
  /** The team it is for and the one that pulled it; none named for everybody. */
  readonly teams: readonly string[];
}

/** Who looks: a team at all that is its own, or at one evaluation of its own. */
export interface StopViewer {
  readonly team: string;
  readonly evaluationId?: EvaluationId | undefined;
}

/**
 * The teams that may see a stop. One of the whole platform is everybody's.
 * @param pulledBy team of whoever engaged it, who must be able to release it
 * @param ownerOf the team of an evaluation; undefined when that is not known, and then it is nobody else's to see
 */
export const teamsOfStop = (
  scope: StopScope,
  pulledBy: string,
  ownerOf: (evaluationId: EvaluationId) => string | undefined,
): readonly string[] => {
  if (scope.kind === 'platform') return [];
  const whose = scope.kind === 'team' ? scope.team : (ownerOf(scope.evaluationId) ?? pulledBy);
  return [...new Set([whose, pulledBy])];
};

/** Whether a viewer sees what is said of a stop. At one evaluation only that which takes it in. */
export const seesStop = ({ team, evaluationId }: StopViewer, { scope, teams }: StopAudience): boolean =>
  evaluationId === undefined ? teams.length === 0 || teams.includes(team) : covers(scope, { evaluationId, team });
