import { unreachable } from '../decision.ts';
import { usageAfter } from '../trial/turns.ts';
import type { TurnEvent } from '../trial/turns.ts';
import type { TrialView, WaitingApproval } from './views.ts';

type Requested = Extract<TurnEvent, { type: 'crucible.trial.approval-requested.v1' }>;

/** Requests of one trial that a view shows at once. One reply asks for at most so many tool calls. */
export const approvalsShownMax = 64;

const waiting = ({ data, time }: Requested): WaitingApproval => {
  const { approvalId, toolCallId, turn, tool, argumentsDigest, excerpt, record, expiresAt } = data;
  return { approvalId, toolCallId, turn, tool, argumentsDigest, excerpt, record, requestedAt: time, expiresAt };
};

const withRequest = (view: TrialView, event: Requested): TrialView => {
  const known = view.approvals.some(({ approvalId }) => approvalId === event.data.approvalId);
  if (known || view.approvals.length >= approvalsShownMax) return view;
  return { ...view, approvals: [...view.approvals, waiting(event)] };
};

/** A running trial's view after something was told of its conversation. One that is over has no more pauses and requests. */
export const onTurn = (before: TrialView, event: TurnEvent): TrialView => {
  const turn = 'turn' in event.data ? Math.max(before.turn, event.data.turn) : before.turn;
  const view = turn === before.turn ? before : { ...before, turn };
  const isOver = view.status === 'finished' || view.status === 'withdrawn';
  switch (event.type) {
    case 'crucible.trial.model-called.v2':
    case 'crucible.trial.tool-called.v1':
      return { ...view, usage: usageAfter(view.usage, event) };
    case 'crucible.trial.approval-requested.v1':
      return isOver ? view : withRequest(view, event);
    case 'crucible.trial.approval-decided.v1':
      return {
        ...view,
        approvals: view.approvals.filter(({ approvalId }) => approvalId !== event.data.approvalId),
      };
    case 'crucible.trial.pause-requested.v1':
    case 'crucible.trial.pause-carried.v1':
      return isOver || view.pause !== null ? view : { ...view, pause: 'asked' };
    case 'crucible.trial.paused.v1':
      return view.pause === null ? view : { ...view, pause: 'paused' };
    case 'crucible.trial.resumed.v1':
      return { ...view, pause: null };
    case 'crucible.trial.budget-reached.v1':
    case 'crucible.trial.message-sent.v1':
    case 'crucible.trial.termination-requested.v1':
      return view;
    default:
      return unreachable(event);
  }
};
