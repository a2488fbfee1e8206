import type { TrialView } from '@crucible/domain';
import type { Reason } from '@crucible/events';
import { msOf } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import type { LimitType } from './shapes.ts';

/** What Inspect calls the limits that end a trial. Those of programs have no name there. */
const types: Readonly<Partial<Record<Reason, LimitType>>> = {
  'turn-limit': 'turn',
  'message-limit': 'message',
  'token-limit': 'token',
  'cost-limit': 'cost',
  'time-limit': 'working',
  'wall-time': 'time',
  'call-limit': 'custom',
  'output-limit': 'custom',
  'out-of-memory': 'custom',
  'disk-full': 'custom',
  'pids-limit': 'custom',
  terminated: 'operator',
  stopped: 'operator',
};

/** Inspect's own number for a limit that nobody told. */
const UNTOLD = -1;

const ownLimit = (type: LimitType, trial: TrialView, { solver }: Suite): number | undefined => {
  const own = solver.kind === 'program' ? undefined : solver.limits;
  switch (type) {
    case 'turn':
      return own?.turns;
    case 'message':
      return own !== undefined && 'messages' in own ? own.messages : undefined;
    case 'token':
      return own?.tokens;
    case 'cost':
      return own?.cost;
    case 'working':
      return own?.time === undefined ? undefined : msOf(own.time) / 1_000;
    case 'time':
      return trial.limits === null ? undefined : trial.limits.wallTimeMsMax / 1_000;
    default:
      return undefined;
  }
};

/** The limit that ended a trial, in Inspect's units: seconds and US dollars. One of the evaluation or the platform is not told. */
export const limitOf = (
  trial: TrialView,
  suite: Suite,
): { readonly type: LimitType; readonly limit: number } | null => {
  const type = trial.reason === null ? undefined : types[trial.reason];
  return type === undefined ? null : { type, limit: ownLimit(type, trial, suite) ?? UNTOLD };
};
