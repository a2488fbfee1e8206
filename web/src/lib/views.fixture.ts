import { evaluationIdSchema, noBudget, trialIdOf } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, NewEvent, TrialPlace } from '@crucible/events';
import { reduceEvaluation, reduceTrial } from '@crucible/domain';
import type { EvaluationView, Positioned, TrialEvent, TrialView } from '@crucible/domain';

export const idOf = (number: number): EvaluationId =>
  evaluationIdSchema.parse(`00000000-0000-7000-8000-${String(number).padStart(12, '0')}`);

/** An event with its place in the log; time goes by a second a position. */
export const at = <E extends CrucibleEvent = CrucibleEvent>(position: number, event: NewEvent): Positioned<E> => ({
  position,
  event: {
    specversion: '1.0',
    id: idOf(position),
    source: '/crucible/test',
    subject: 'test',
    time: new Date(position * 1_000).toISOString(),
    datacontenttype: 'application/json',
    team: 'default',
    actor: 'somebody',
    correlationid: idOf(0),
    ...event,
  } as unknown as E,
});

const digest = 'a'.repeat(64);

export const submitted = (evaluationId: EvaluationId, samples = 3, epochs = 1, name = 'suite'): NewEvent => ({
  type: 'crucible.evaluation.submitted.v2',
  data: {
    evaluationId,
    suite: { name, version: '1.0.0', title: name, digest, bytes: 1, capability: null },
    subject: { kind: 'program' },
    budget: noBudget,
    epochReducer: 'mean',
    samples,
    epochs,
    concurrencyMax: 1,
    attemptsMax: 3,
    requestDigest: digest,
  },
});

export const admitted = (evaluationId: EvaluationId): NewEvent => ({
  type: 'crucible.evaluation.admitted.v1',
  data: { evaluationId, concurrency: 1 },
});

export const dispatched = (evaluationId: EvaluationId, place: TrialPlace): NewEvent => ({
  type: 'crucible.trial.dispatched.v1',
  data: {
    evaluationId,
    trialId: trialIdOf(place),
    sampleId: `sample-${place.sampleIndex}`,
    ...place,
    suiteDigest: digest,
    pool: 'default',
  },
});

export const evaluationView = (positioned: Positioned): EvaluationView => {
  const view = reduceEvaluation(undefined, positioned);
  if (view === undefined) throw new Error('not a submission');
  return view;
};

export const trialView = (positioned: Positioned<TrialEvent>): TrialView => {
  const view = reduceTrial(undefined, positioned);
  if (view === undefined) throw new Error('not a dispatch');
  return view;
};
