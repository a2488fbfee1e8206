import { suiteSchema } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import type { EvaluationPage } from '@crucible/domain';
import type { ApiClient } from './api-client.ts';
import { getEvaluation, listTrials } from './evaluations.ts';

/** An evaluation with all of its trials, as the read model has them. */
export const getPage = async (client: ApiClient, id: string): Promise<EvaluationPage> => {
  const { evaluation, position } = await getEvaluation(client, id);
  const trials = await listTrials(client, id);
  return { evaluation, trials: new Map(trials.map((trial) => [trial.id, trial])), position };
};

/** The suite of an evaluation as it was submitted. */
export const getSuite = (client: ApiClient, id: string): Promise<Suite> =>
  client.get(`/api/v1/evaluations/${id}/suite`, suiteSchema);
