import type { BudgetKind } from '@crucible/domain';
import type { Reason } from '@crucible/events';

/** How a conversation ended by itself: not by its sandbox, which has reasons of its own. */
export interface Ending {
  readonly reason: Extract<
    Reason,
    | 'completed'
    | 'turn-limit'
    | 'message-limit'
    | 'token-limit'
    | 'cost-limit'
    | 'call-limit'
    | 'time-limit'
    | 'model-failure'
    | 'terminated'
    // Of a program that drives itself.
    | 'exit'
    | 'signal'
    | 'crash'
    | 'out-of-memory'
    | 'output-limit'
    | 'wall-time'
  >;
  /** What the subject submitted or said last; null when it gave nothing. */
  readonly answer: string | null;
  /** Says more than the reason, where there is more to say. */
  readonly why: string | null;
  /** Of a program that drove itself to its end. */
  readonly exitCode?: number;
  readonly signal?: string;
}

export const reasonOfBudget: Readonly<Record<BudgetKind, Ending['reason']>> = {
  tokens: 'token-limit',
  costMicroUsd: 'cost-limit',
  calls: 'call-limit',
  timeMs: 'time-limit',
};
