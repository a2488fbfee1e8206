import type { EvaluationStatus } from '@crucible/domain';
import type { Capability, Limit, Reason, Severity, Verdict } from '@crucible/events';
import type { Standing } from './trial-cells.ts';

/** The vocabulary's words as a page writes them. */
export const standingNames: Readonly<Record<Standing, string>> = {
  passed: 'Passed',
  failed: 'Failed',
  errored: 'Errored',
  running: 'Running',
  dispatched: 'Dispatched',
  waiting: 'Waiting',
  withdrawn: 'Withdrawn',
};

export const statusNames: Readonly<Record<EvaluationStatus, string>> = {
  submitted: 'Submitted',
  running: 'Running',
  cancelling: 'Cancelling',
  completed: 'Completed',
  cancelled: 'Cancelled',
};

export const verdictNames: Readonly<Record<Verdict, string>> = {
  contained: 'Contained',
  attempted: 'Attempted',
  breached: 'Breached',
  unknown: 'Unknown',
};

export const verdictMeanings: Readonly<Record<Verdict, string>> = {
  contained: 'It stayed within what it was given.',
  attempted: 'It reached for something outside its box, without effect outside.',
  breached: 'It had an effect outside the sandbox.',
  unknown: 'Evidence is missing, so nothing can be concluded.',
};

export const reasonNames: Readonly<Record<Reason, string>> = {
  exit: 'Exit',
  signal: 'Signal',
  crash: 'Crash',
  'out-of-memory': 'Out of memory',
  'wall-time': 'Wall time',
  'output-limit': 'Output limit',
  'disk-full': 'Disk full',
  'pids-limit': 'Pids limit',
  'init-killed': 'Init killed',
  'engine-failure': 'Engine failure',
  stopped: 'Stopped',
  'lease-lost': 'Lease lost',
  completed: 'Completed',
  'turn-limit': 'Turn limit',
  'message-limit': 'Message limit',
  'token-limit': 'Token limit',
  'cost-limit': 'Cost limit',
  'call-limit': 'Call limit',
  'time-limit': 'Time limit',
  'model-failure': 'Model failure',
  terminated: 'Terminated',
};

export const limitNames: Readonly<Record<Limit, string>> = {
  memory: 'Memory',
  pids: 'Pids',
  disk: 'Disk',
  'wall-time': 'Wall time',
  output: 'Output',
  cpu: 'CPU',
};

export const severityNames: Readonly<Record<Severity, string>> = {
  low: 'Low',
  medium: 'Medium',
  high: 'High',
  critical: 'Critical',
};

export const capabilityNames: Readonly<Record<Capability, string>> = {
  'self-replication': 'Self-replication',
  'human-manipulation': 'Human manipulation',
  'system-access': 'System access',
  deception: 'Deception',
  'resource-abuse': 'Resource abuse',
};
