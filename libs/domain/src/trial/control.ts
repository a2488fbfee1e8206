import type { ApprovalDecision, CrucibleEvent, EvaluationId, EventData, TrialId } from '@crucible/events';
import { accept, refuse, unreachable } from '../decision.ts';
import type { Decision } from '../decision.ts';
import { isTrialEvent } from './trial.ts';
import type { TrialEvent } from './trial.ts';
import { isTurnEvent } from './turns.ts';
import type { TurnEvent } from './turns.ts';

/** A request for approval and what became of it: the first decision in the log counts, whoever made it. */
export type Approval =
  | { readonly status: 'waiting'; readonly request: EventData<'crucible.trial.approval-requested.v1'> }
  | {
      readonly status: 'decided';
      readonly request: EventData<'crucible.trial.approval-requested.v1'>;
      readonly decision: ApprovalDecision;
      readonly by: string;
      readonly reason: string;
    };

export interface SentMessage {
  readonly eventId: string;
  readonly position: number;
  readonly by: string;
  readonly content: string;
}

/**
 * What people have asked of a trial and what became of it: folded from the trial's own subject and from that of the
 * people's commands, in the order of the log. The executor acts by it, the gateway decides by it.
 */
export interface Control {
  readonly status: 'absent' | 'dispatched' | 'running' | 'over';
  readonly isPauseAsked: boolean;
  /** The turn it is held before; null while it is not held. */
  readonly pausedAtTurn: number | null;
  readonly termination: { readonly by: string; readonly reason: string } | null;
  readonly approvals: ReadonlyMap<string, Approval>;
  readonly messages: readonly SentMessage[];
}

export const noControl: Control = {
  status: 'absent',
  isPauseAsked: false,
  pausedAtTurn: null,
  termination: null,
  approvals: new Map(),
  messages: [],
};

export type PersonalDecision = Exclude<ApprovalDecision, { kind: 'expired' }>;

export type ControlCommand =
  | { readonly type: 'pause' | 'resume' | 'terminate'; readonly reason: string }
  | { readonly type: 'send-message'; readonly content: string }
  | {
      readonly type: 'decide-approval';
      readonly approvalId: string;
      readonly decision: PersonalDecision;
      readonly reason: string;
    };

export type ControlRefusal =
  | 'not-found'
  | 'not-running'
  | 'already-pausing'
  | 'not-paused'
  | 'already-terminating'
  | 'too-many-messages'
  | 'no-such-approval'
  | 'already-decided'
  | 'approval-expired';

/** Messages that people may send to one trial: a bound on what its subject has to hear. */
export const messagesPerTrialMax = 200;

export interface TrialPlaceIds {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
}

/** What a person's command means for one trial. @param nowMs when it is decided: a request that has run out is denied */
export const decideControl = (
  command: ControlCommand,
  state: Control,
  place: TrialPlaceIds,
  nowMs: number,
): Decision<ControlRefusal> => {
  if (state.status === 'absent') return refuse('not-found');
  if (state.status !== 'running') return refuse('not-running');
  switch (command.type) {
    case 'pause':
      if (state.isPauseAsked) return refuse('already-pausing');
      return accept({ type: 'crucible.trial.pause-requested.v1', data: { ...place, reason: command.reason } });
    case 'resume':
      if (!state.isPauseAsked) return refuse('not-paused');
      return accept({ type: 'crucible.trial.resumed.v1', data: { ...place, reason: command.reason } });
    case 'terminate':
      if (state.termination !== null) return refuse('already-terminating');
      return accept({ type: 'crucible.trial.termination-requested.v1', data: { ...place, reason: command.reason } });
    case 'send-message':
      if (state.messages.length >= messagesPerTrialMax) return refuse('too-many-messages');
      return accept({ type: 'crucible.trial.message-sent.v1', data: { ...place, content: command.content } });
    case 'decide-approval':
      return decideApproval(command, state, place, nowMs);
    default:
      return unreachable(command);
  }
};

const decideApproval = (
  { approvalId, decision, reason }: Extract<ControlCommand, { type: 'decide-approval' }>,
  state: Control,
  place: TrialPlaceIds,
  nowMs: number,
): Decision<ControlRefusal> => {
  const approval = state.approvals.get(approvalId);
  if (approval === undefined) return refuse('no-such-approval');
  if (approval.status === 'decided') return refuse('already-decided');
  if (Date.parse(approval.request.expiresAt) <= nowMs) return refuse('approval-expired');
  return accept({
    type: 'crucible.trial.approval-decided.v1',
    data: { ...place, approvalId, decision, reason },
  });
};

const onCourse = (state: Control, event: TrialEvent): Control => {
  switch (event.type) {
    case 'crucible.trial.dispatched.v1':
      return { ...state, status: 'dispatched' };
    case 'crucible.trial.started.v2':
      return { ...state, status: 'running' };
    case 'crucible.trial.withdrawn.v1':
    case 'crucible.trial.finished.v2':
      return { ...state, status: 'over' };
    default:
      return unreachable(event);
  }
};

const withApproval = (state: Control, id: string, approval: Approval): Control => ({
  ...state,
  approvals: new Map([...state.approvals, [id, approval]]),
});

const onDecision = (state: Control, event: Extract<TurnEvent, { type: `${string}approval-decided.v1` }>): Control => {
  const { approvalId, decision, reason } = event.data;
  const approval = state.approvals.get(approvalId);
  if (approval?.status !== 'waiting') return state;
  const { request } = approval;
  return withApproval(state, approvalId, { status: 'decided', request, decision, by: event.actor, reason });
};

const onTurn = (state: Control, event: TurnEvent, position: number): Control => {
  switch (event.type) {
    case 'crucible.trial.model-called.v2':
    case 'crucible.trial.tool-called.v1':
    case 'crucible.trial.budget-reached.v1':
      return state;
    case 'crucible.trial.approval-requested.v1': {
      const { approvalId } = event.data;
      if (state.approvals.has(approvalId)) return state;
      return withApproval(state, approvalId, { status: 'waiting', request: event.data });
    }
    case 'crucible.trial.approval-decided.v1':
      return onDecision(state, event);
    case 'crucible.trial.pause-requested.v1':
    case 'crucible.trial.pause-carried.v1':
      return { ...state, isPauseAsked: true };
    case 'crucible.trial.paused.v1':
      // Told by an executor that had not heard yet that it may go on: it will, and is not held.
      return state.isPauseAsked ? { ...state, pausedAtTurn: event.data.turn } : state;
    case 'crucible.trial.resumed.v1':
      return { ...state, isPauseAsked: false, pausedAtTurn: null };
    case 'crucible.trial.message-sent.v1': {
      const message = { eventId: event.id, position, by: event.actor, content: event.data.content };
      return { ...state, messages: [...state.messages, message] };
    }
    case 'crucible.trial.termination-requested.v1':
      if (state.termination !== null) return state;
      return { ...state, termination: { by: event.actor, reason: event.data.reason } };
    default:
      return unreachable(event);
  }
};

/** The state after an event of the trial or a command about it, in the order of the log. Others change nothing. */
export const evolveControl = (
  state: Control,
  { event, position }: { readonly event: CrucibleEvent; readonly position: number },
): Control => {
  if (isTrialEvent(event)) return onCourse(state, event);
  return isTurnEvent(event) ? onTurn(state, event, position) : state;
};
