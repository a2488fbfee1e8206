import { reduceEpochs, scoresBySample, summaryOf } from '@crucible/domain';
import type { EvaluationView, TrialView } from '@crucible/domain';
import { sampleIdIn } from './sample-name.ts';
import { scorerNames } from './scores.ts';
import type { Fields, Json, UsageBy } from './shapes.ts';
import { reducerIn } from './spec.ts';

const named = (scores: TrialView['scores']): TrialView['scores'] => {
  const names = scorerNames(scores);
  return scores.map(({ scorer, value }, at) => ({ scorer: names[at] ?? scorer, value, explanation: '' }));
};

/** Of a trial only what results are made of: what was proven of its sandbox is long, and there may be thousands. */
export const lean = (trial: TrialView): TrialView => ({
  ...trial,
  preflight: null,
  profile: null,
  limits: null,
  evidence: [],
  approvals: [],
  findings: [],
  scores: named(trial.scores),
});

type Status = 'started' | 'success' | 'cancelled';
const statuses: Readonly<Record<EvaluationView['status'], Status>> = {
  submitted: 'started',
  running: 'started',
  cancelling: 'started',
  completed: 'success',
  cancelled: 'cancelled',
};
export const statusOf = ({ status }: EvaluationView): Status => statuses[status];

const metric = (name: string, value: number | null): Readonly<Record<string, Json>> =>
  value === null ? {} : { [name]: { name, value, params: {} } };

const scorersIn = (trials: readonly TrialView[]): string[] => [
  ...new Set(trials.flatMap(({ scores }) => scores.map(({ scorer }) => scorer))),
];

const scoreOf = (evaluation: EvaluationView, trials: readonly TrialView[], scorer: string): Fields => {
  const { samples, accuracy, standardError, interval } = summaryOf(evaluation, trials, scorer);
  return {
    name: scorer,
    scorer,
    reducer: reducerIn(evaluation.epochReducer),
    scored_samples: samples,
    unscored_samples: Math.max(0, evaluation.samples - samples),
    params: {},
    metrics: { ...metric('accuracy', accuracy), ...metric('stderr', standardError) },
    ...(interval === null ? {} : { metadata: { bootstrap_interval: interval as unknown as Json } }),
  };
};

export const resultsOf = (evaluation: EvaluationView, trials: readonly TrialView[]): Fields => ({
  total_samples: evaluation.trials.total,
  completed_samples: evaluation.trials.passed + evaluation.trials.failed,
  scores: scorersIn(trials).map((scorer) => scoreOf(evaluation, trials, scorer)),
  // What trials come to is the mean of their scorers, which Inspect has no place for.
  metadata: { crucible_all_scorers: summaryOf(evaluation, trials) as unknown as Json },
});

/** One value a sample, all its epochs together. */
export const reductionsOf = (evaluation: EvaluationView, trials: readonly TrialView[]): Fields[] =>
  scorersIn(trials).map((scorer) => ({
    scorer,
    reducer: reducerIn(evaluation.epochReducer),
    samples: scoresBySample(trials, scorer).flatMap(({ sampleId, scores }) => {
      const value = reduceEpochs(evaluation.epochReducer, scores);
      return value === null ? [] : [{ value, history: [], sample_id: sampleIdIn(sampleId) }];
    }),
  }));

export const statsOf = (evaluation: EvaluationView, byModel: UsageBy, byRole: UsageBy): Fields => ({
  started_at: evaluation.startedAt ?? '',
  completed_at: evaluation.endedAt ?? '',
  model_usage: byModel as unknown as Json,
  role_usage: byRole as unknown as Json,
  connection_limit_history: [],
});
