import type { CrucibleEvent, EventData, Reason } from '@crucible/events';
import { accept, refuse, unreachable } from '../decision.ts';
import type { Decision } from '../decision.ts';

export type Dispatch = EventData<'crucible.trial.dispatched.v1'>;
export type Start = EventData<'crucible.trial.started.v2'>;
export type Finish = EventData<'crucible.trial.finished.v2'>;

export type Trial =
  | { readonly status: 'absent' }
  | { readonly status: 'dispatched'; readonly dispatch: Dispatch }
  | { readonly status: 'running'; readonly dispatch: Dispatch; readonly executorId: string }
  | { readonly status: 'withdrawn'; readonly dispatch: Dispatch }
  | { readonly status: 'finished'; readonly dispatch: Dispatch; readonly finish: Finish };

export const absentTrial: Trial = { status: 'absent' };

export type TrialCommand =
  | { readonly type: 'dispatch'; readonly dispatch: Dispatch }
  | { readonly type: 'withdraw'; readonly reason: string }
  | { readonly type: 'start'; readonly start: Start }
  | { readonly type: 'finish'; readonly finish: Finish };

export type TrialRefusal =
  'already-dispatched' | 'not-dispatched' | 'already-taken' | 'not-running' | 'withdrawn' | 'already-finished';

/** What one command means for one trial. A trial is taken once and ends once, whoever asks again. */
export const decideTrial = (command: TrialCommand, state: Trial): Decision<TrialRefusal> => {
  switch (command.type) {
    case 'dispatch':
      if (state.status !== 'absent') return refuse('already-dispatched');
      return accept({ type: 'crucible.trial.dispatched.v1', data: command.dispatch });
    case 'withdraw': {
      if (state.status !== 'dispatched') return refuse(notOpen(state));
      const { evaluationId, trialId } = state.dispatch;
      return accept({ type: 'crucible.trial.withdrawn.v1', data: { evaluationId, trialId, reason: command.reason } });
    }
    case 'start':
      if (state.status !== 'dispatched') return refuse(notOpen(state));
      return accept({ type: 'crucible.trial.started.v2', data: command.start });
    case 'finish':
      if (state.status !== 'running') return refuse(state.status === 'finished' ? 'already-finished' : 'not-running');
      return accept({ type: 'crucible.trial.finished.v2', data: command.finish });
    default:
      return unreachable(command);
  }
};

const notOpen = (state: Exclude<Trial, { status: 'dispatched' }>): TrialRefusal => {
  switch (state.status) {
    case 'absent':
      return 'not-dispatched';
    case 'running':
      return 'already-taken';
    case 'withdrawn':
      return 'withdrawn';
    case 'finished':
      return 'already-finished';
    default:
      return unreachable(state);
  }
};

/** The course of a trial: each of these moves it. What is said while it runs is a turn (`turns.ts`). */
const courseTypes = [
  'crucible.trial.dispatched.v1',
  'crucible.trial.withdrawn.v1',
  'crucible.trial.started.v2',
  'crucible.trial.finished.v2',
] as const;
export type TrialEvent = Extract<CrucibleEvent, { type: (typeof courseTypes)[number] }>;
const course: ReadonlySet<string> = new Set(courseTypes);
export const isTrialEvent = (event: CrucibleEvent): event is TrialEvent => course.has(event.type);

export const evolveTrial = (state: Trial, event: TrialEvent): Trial => {
  if (event.type === 'crucible.trial.dispatched.v1') return { status: 'dispatched', dispatch: event.data };
  if (state.status === 'absent') return state;
  const { dispatch } = state;
  switch (event.type) {
    case 'crucible.trial.withdrawn.v1':
      return { status: 'withdrawn', dispatch };
    case 'crucible.trial.started.v2':
      return { status: 'running', dispatch, executorId: event.data.executorId };
    case 'crucible.trial.finished.v2':
      return { status: 'finished', dispatch, finish: event.data };
    default:
      return unreachable(event);
  }
};

/**
 * Ends that another attempt would come to as well: people wanted it so, or what was granted is used up. Where the subject
 * came to its own end it was the judging that failed: to have the whole of it again is for people to decide.
 */
const final: ReadonlySet<Reason> = new Set([
  'completed',
  'exit',
  'stopped',
  'terminated',
  'turn-limit',
  'message-limit',
  'token-limit',
  'cost-limit',
  'call-limit',
  'time-limit',
]);

/** An errored trial says nothing about its subject, so another attempt is fair; a failed one is a result and stays. */
export const deservesRetry = (finish: Finish, attempt: number, attemptsMax: number): boolean =>
  finish.outcome === 'errored' && !final.has(finish.reason) && attempt < attemptsMax;

const RETRY_FIRST_MS = 1_000;
export const retryDelayMsMax = 30_000;

/** How long to wait before attempt `attempt` (2 or more), in milliseconds: doubling, bounded. */
export const retryDelayMs = (attempt: number): number =>
  Math.min(retryDelayMsMax, RETRY_FIRST_MS * 2 ** Math.max(0, attempt - 2));
