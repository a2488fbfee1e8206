import { evaluationIdSchema, reasonSchema, trialIdSchema } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { absentTrial, decideTrial, deservesRetry, evolveTrial, retryDelayMs } from './trial.ts';
import type { Finish, Trial, TrialCommand, TrialEvent } from './trial.ts';

const place = {
  evaluationId: evaluationIdSchema.parse('017f22e2-79b0-7cc3-98c4-dc0c0c07398f'),
  trialId: trialIdSchema.parse('0-1-1'),
};
const dispatch = {
  ...place,
  sampleId: 's',
  sampleIndex: 0,
  epoch: 1,
  attempt: 1,
  suiteDigest: 'ab'.repeat(32),
  pool: 'default',
};
const limits = {
  cpuMillis: 1,
  memoryBytesMax: 1,
  pidsMax: 1,
  diskBytesMax: 1,
  wallTimeMsMax: 1,
  outputBytesMax: 1,
  tmpBytesMax: 1,
  filesOpenMax: 1,
  fileBytesMax: 1,
};
const start = {
  ...place,
  executorId: 'e',
  runtime: 'runsc',
  image: 'python',
  limits,
  kernelObserved: true,
  sandboxId: null,
  origin: null,
  profile: null,
  preflight: null,
};
const finish: Finish = {
  ...place,
  outcome: 'passed',
  reason: 'exit',
  exitCode: 0,
  signal: null,
  verdict: 'contained',
  findings: [],
  limitsHit: [],
  scores: [],
  durationMs: 1,
  memoryBytesPeak: null,
  evidence: [],
  error: null,
  usage: null,
  answer: null,
};

const states: Readonly<Record<Trial['status'], Trial>> = {
  absent: absentTrial,
  dispatched: { status: 'dispatched', dispatch },
  running: { status: 'running', dispatch, executorId: 'e' },
  withdrawn: { status: 'withdrawn', dispatch },
  finished: { status: 'finished', dispatch, finish },
};
const commands: Readonly<Record<TrialCommand['type'], TrialCommand>> = {
  dispatch: { type: 'dispatch', dispatch },
  withdraw: { type: 'withdraw', reason: 'because' },
  start: { type: 'start', start },
  finish: { type: 'finish', finish },
};
const table: Readonly<Record<TrialCommand['type'], Readonly<Record<Trial['status'], string>>>> = {
  dispatch: {
    absent: '+dispatched.v1',
    dispatched: 'already-dispatched',
    running: 'already-dispatched',
    withdrawn: 'already-dispatched',
    finished: 'already-dispatched',
  },
  withdraw: {
    absent: 'not-dispatched',
    dispatched: '+withdrawn.v1',
    running: 'already-taken',
    withdrawn: 'withdrawn',
    finished: 'already-finished',
  },
  start: {
    absent: 'not-dispatched',
    dispatched: '+started.v2',
    running: 'already-taken',
    withdrawn: 'withdrawn',
    finished: 'already-finished',
  },
  finish: {
    absent: 'not-running',
    dispatched: 'not-running',
    running: '+finished.v2',
    withdrawn: 'not-running',
    finished: 'already-finished',
  },
};
const cells = Object.entries(table).flatMap(([command, row]) =>
  Object.entries(row).map(([status, expected]) => [command, status, expected] as const),
);

describe('decideTrial', () => {
  it.each(cells)('%s while %s: %s', (command, status, expected) => {
    const decision = decideTrial(commands[command as TrialCommand['type']], states[status as Trial['status']]);
    if (!expected.startsWith('+')) expect(decision).toEqual({ accepted: false, refusal: expected });
    else
      expect(decision).toMatchObject({
        accepted: true,
        event: { type: `crucible.trial.${expected.slice(1)}`, data: place },
      });
  });
});

describe('evolveTrial', () => {
  const events: Readonly<Record<string, [type: string, data: object]>> = {
    dispatched: ['crucible.trial.dispatched.v1', dispatch],
    running: ['crucible.trial.started.v2', start],
    withdrawn: ['crucible.trial.withdrawn.v1', { ...place, reason: '' }],
    finished: ['crucible.trial.finished.v2', finish],
  };
  it.each(Object.keys(events))('an event makes it %s, whatever it was', (status) => {
    const [type, data] = events[status] ?? [];
    const event = { type, data } as CrucibleEvent as TrialEvent;
    for (const state of Object.values(states)) {
      const after = evolveTrial(state, event);
      if (state.status === 'absent' && status !== 'dispatched') expect(after).toBe(absentTrial);
      else expect(after).toEqual(states[status as Trial['status']]);
    }
  });
});

describe('retries', () => {
  it('are deserved by what says nothing about the subject and another attempt may mend, within the bound', () => {
    const final = [
      // Its subject came to an end, and those who judge it did not.
      'completed',
      'exit',
      'stopped',
      'terminated',
      ...reasonSchema.options.filter((each) => /^(?!output|pids).*-limit$/.test(each)),
    ];
    expect(final).toHaveLength(10);
    for (const reason of reasonSchema.options) {
      for (const outcome of ['passed', 'failed'] as const)
        expect(deservesRetry({ ...finish, outcome, reason }, 1, 3)).toBe(false);
      expect(deservesRetry({ ...finish, outcome: 'errored', reason }, 1, 3)).toBe(!final.includes(reason));
      expect(deservesRetry({ ...finish, outcome: 'errored', reason }, 3, 3)).toBe(false);
    }
  });

  it('wait twice as long each time, and half a minute at most', () => {
    expect([2, 3, 4, 5, 6, 7, 8, 100].map(retryDelayMs)).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
    ]);
  });
});
