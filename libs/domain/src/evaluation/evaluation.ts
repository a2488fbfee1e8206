import type { CrucibleEvent, EventData } from '@crucible/events';
import { accept, refuse, unreachable } from '../decision.ts';
import type { Decision } from '../decision.ts';

type Submission = EventData<'crucible.evaluation.submitted.v2'>;
type Completion = EventData<'crucible.evaluation.completed.v1'>;

/** One evaluation as its own subject tells it; its trials have subjects of their own. */
export type Evaluation =
  | { readonly status: 'absent' }
  | { readonly status: 'submitted'; readonly submission: Submission }
  | { readonly status: 'running'; readonly submission: Submission; readonly concurrency: number }
  | { readonly status: 'cancelling'; readonly submission: Submission }
  | { readonly status: 'completed' | 'cancelled'; readonly submission: Submission };

export const absentEvaluation: Evaluation = { status: 'absent' };

export type EvaluationCommand =
  | { readonly type: 'submit'; readonly submission: Submission }
  | { readonly type: 'admit'; readonly concurrency: number }
  | { readonly type: 'request-cancel'; readonly reason: string }
  | { readonly type: 'complete'; readonly completion: Omit<Completion, 'evaluationId' | 'status'> };

export type EvaluationRefusal =
  | 'already-submitted'
  | 'same-key-other-request'
  | 'not-found'
  | 'not-submitted'
  | 'already-cancelling'
  | 'already-ended'
  | 'not-running';

/** What one command means for one evaluation. Pure and total: no clock, no randomness, no exception. */
export const decideEvaluation = (command: EvaluationCommand, state: Evaluation): Decision<EvaluationRefusal> => {
  switch (command.type) {
    case 'submit':
      if (state.status === 'absent')
        return accept({ type: 'crucible.evaluation.submitted.v2', data: command.submission });
      return refuse(
        state.submission.requestDigest === command.submission.requestDigest
          ? 'already-submitted'
          : 'same-key-other-request',
      );
    case 'admit':
      if (state.status !== 'submitted') return refuse('not-submitted');
      return accept({
        type: 'crucible.evaluation.admitted.v1',
        data: { evaluationId: state.submission.evaluationId, concurrency: command.concurrency },
      });
    case 'request-cancel':
      return decideCancel(command.reason, state);
    case 'complete':
      return decideComplete(command.completion, state);
    default:
      return unreachable(command);
  }
};

const decideCancel = (reason: string, state: Evaluation): Decision<EvaluationRefusal> => {
  switch (state.status) {
    case 'absent':
      return refuse('not-found');
    case 'cancelling':
      return refuse('already-cancelling');
    case 'completed':
    case 'cancelled':
      return refuse('already-ended');
    case 'submitted':
    case 'running':
      return accept({
        type: 'crucible.evaluation.cancel-requested.v1',
        data: { evaluationId: state.submission.evaluationId, reason },
      });
    default:
      return unreachable(state);
  }
};

const decideComplete = (
  completion: Omit<Completion, 'evaluationId' | 'status'>,
  state: Evaluation,
): Decision<EvaluationRefusal> => {
  if (state.status !== 'running' && state.status !== 'cancelling') return refuse('not-running');
  return accept({
    type: 'crucible.evaluation.completed.v1',
    data: {
      ...completion,
      evaluationId: state.submission.evaluationId,
      status: state.status === 'cancelling' ? 'cancelled' : 'completed',
    },
  });
};

export type EvaluationEvent = Extract<CrucibleEvent, { type: `crucible.evaluation.${string}` }>;
export const isEvaluationEvent = (event: CrucibleEvent): event is EvaluationEvent =>
  event.type.startsWith('crucible.evaluation.');

/** The state after an event. Never refuses: what is in the log has happened. */
export const evolveEvaluation = (state: Evaluation, event: EvaluationEvent): Evaluation => {
  if (event.type === 'crucible.evaluation.submitted.v2') return { status: 'submitted', submission: event.data };
  if (state.status === 'absent') return state;
  const { submission } = state;
  switch (event.type) {
    case 'crucible.evaluation.admitted.v1':
      return { status: 'running', submission, concurrency: event.data.concurrency };
    case 'crucible.evaluation.cancel-requested.v1':
      return { status: 'cancelling', submission };
    case 'crucible.evaluation.completed.v1':
      return { status: event.data.status, submission };
    default:
      return unreachable(event);
  }
};
