import type { EvaluationId, TrialId } from './ids.ts';
import type { Channel } from './vocabulary.ts';

/** The streams of the bus. Their names and subjects are a public contract: see docs/architecture.md. */
export const streams = {
  events: 'EVENTS',
  evidence: 'EVIDENCE',
  dispatch: 'DISPATCH',
  checkpoints: 'CHECKPOINTS',
} as const;

export const subjects = {
  events: 'crucible.events.>',
  everyEvaluation: 'crucible.events.evaluation.>',
  evaluation: (id: EvaluationId) => `crucible.events.evaluation.${id}`,
  /** One evaluation's own events, without its trials'. */
  evaluationsOnly: 'crucible.events.evaluation.*',
  /** All trials of all evaluations. */
  everyTrial: 'crucible.events.evaluation.*.trial.*',
  trialsOf: (id: EvaluationId) => `crucible.events.evaluation.${id}.trial.*`,
  trial: (id: EvaluationId, trial: TrialId) => `crucible.events.evaluation.${id}.trial.${trial}`,
  /** What people ask of one trial while it runs; only the gateway writes there, and the trial's own events stand elsewhere. */
  trialCommand: (id: EvaluationId, trial: TrialId) => `crucible.events.evaluation.${id}.trial.${trial}.command`,
  everyTrialCommand: 'crucible.events.evaluation.*.trial.*.command',
  trialCommandsOf: (id: EvaluationId) => `crucible.events.evaluation.${id}.trial.*.command`,
  platform: (topic: 'executor' | 'delivery' | 'evidence' | 'redrive' | 'stop') => `crucible.events.platform.${topic}`,
  /** Messages that a service could not handle; only that service writes there. */
  deadLetters: (service: string) => `crucible.events.platform.dead-letter.${service}`,
  everyDeadLetter: 'crucible.events.platform.dead-letter.*',
  /** What a team's people did beside evaluations: reads of evidence, exports. */
  team: (team: string) => `crucible.events.team.${team}`,
  evidence: (id: EvaluationId, trial: TrialId, channel: Channel) => `crucible.evidence.${id}.${trial}.${channel}`,
  everyEvidence: 'crucible.evidence.>',
  dispatch: (pool: string) => `crucible.dispatch.${pool}`,
  everyDispatch: 'crucible.dispatch.*',
  checkpoints: 'crucible.checkpoints',
  /** What a subject says, as it says it: core NATS only, for whoever looks on. Its record is the transcript. */
  live: (id: EvaluationId, trial: TrialId) => `crucible.live.evaluation.${id}.trial.${trial}`,
  everyLive: 'crucible.live.evaluation.*.trial.*',
  /** Fast path of a cancel; the event is its record. */
  controlCancel: (id: EvaluationId) => `crucible.control.cancel.${id}`,
  everyControlCancel: 'crucible.control.cancel.*',
  /** Fast path of an emergency stop: its body is a `crucible.stop.engaged.v1` event. The one on `platform.stop` is its record. */
  controlStop: 'crucible.control.stop',
} as const;
