export type { EvaluationView, TrialView } from '@crucible/domain';
export type { Platform } from '@crucible/api';
