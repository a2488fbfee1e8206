import { noBudget, subjects, trialIdOf } from '@crucible/events';
import type { EvaluationId, NewEvent, StopScope, TrialPlace } from '@crucible/events';
import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedLog, simulatedId } from '../testing/simulated-log.ts';
import { Schedule } from './schedule.ts';

const digest = 'ab'.repeat(32);
const start = 1_700_000_000_000;
const [a, b] = [simulatedId(2, 1), simulatedId(2, 2)] as [EvaluationId, EvaluationId];
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

let log: SimulatedLog;
let schedule: Schedule;
beforeEach(() => {
  log = new SimulatedLog();
  schedule = new Schedule(2);
});

const write = (subject: string, event: NewEvent, nowMs = start): void => {
  const position = log.append(subject, event, log.lastOf(subject), { nowMs, seen: 0 });
  schedule.apply(log.entries[(position ?? 0) - 1] as Parameters<Schedule['apply']>[0]);
};
const submit = (evaluationId: EvaluationId, samples: number): void => {
  const suite = { name: 's', version: '1.0.0', title: 't', digest, bytes: 1, capability: null };
  const data = {
    evaluationId,
    suite,
    subject: { kind: 'program' as const },
    budget: noBudget,
    epochReducer: 'mean',
    samples,
    epochs: 1,
    concurrencyMax: 2,
    attemptsMax: 3,
    requestDigest: digest,
  };
  write(subjects.evaluation(evaluationId), { type: 'crucible.evaluation.submitted.v2', data });
};
const admit = (evaluationId: EvaluationId): void =>
  write(subjects.evaluation(evaluationId), {
    type: 'crucible.evaluation.admitted.v1',
    data: { evaluationId, concurrency: 2 },
  });
const dispatch = (evaluationId: EvaluationId, place: TrialPlace): void => {
  const trialId = trialIdOf(place);
  const data = { evaluationId, trialId, sampleId: 's', ...place, suiteDigest: digest, pool: 'default' };
  write(subjects.trial(evaluationId, trialId), { type: 'crucible.trial.dispatched.v1', data });
};
const finish = (evaluationId: EvaluationId, place: TrialPlace, outcome: 'passed' | 'errored', nowMs = start): void => {
  const trialId = trialIdOf(place);
  const subject = subjects.trial(evaluationId, trialId);
  write(subject, {
    type: 'crucible.trial.started.v2',
    data: {
      evaluationId,
      trialId,
      executorId: 'e',
      runtime: 'r',
      image: 'i',
      limits,
      kernelObserved: true,
      sandboxId: null,
      origin: null,
      profile: null,
      preflight: null,
    },
  });
  const rest = {
    exitCode: 0,
    signal: null,
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
  const reason = outcome === 'passed' ? ('exit' as const) : ('engine-failure' as const);
  write(
    subject,
    {
      type: 'crucible.trial.finished.v2',
      data: { evaluationId, trialId, outcome, reason, verdict: 'contained', ...rest },
    },
    nowMs,
  );
};
const stopId = simulatedId(3, 1);
const engage = (scope: StopScope): void =>
  write(subjects.platform('stop'), { type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason: 'r' } });
const release = (): void =>
  write(subjects.platform('stop'), { type: 'crucible.stop.released.v1', data: { stopId, reason: 'r' } });
const first: TrialPlace = { sampleIndex: 0, epoch: 1, attempt: 1 };
const second: TrialPlace = { ...first, attempt: 2 };

describe('schedule', () => {
  it('grants no more than the platform has', () => {
    submit(a, 1);
    expect(new Schedule(1).next(start)).toBeNull();
    expect(schedule.next(start)).toEqual({ type: 'admit', evaluationId: a, concurrency: 2, expectedSequence: 1 });
  });

  it('waits for a retry until it is due, and meanwhile says when', () => {
    submit(a, 1);
    admit(a);
    dispatch(a, first);
    finish(a, first, 'errored');
    expect(schedule.next(start + 999)).toBeNull();
    expect(schedule.nextDueMs(start + 999)).toBe(start + 1_000);
    expect(schedule.next(start + 1_000)).toEqual({ type: 'dispatch', evaluationId: a, place: second });
  });

  it('names no time for a retry that is due and waits for room, so that nobody polls', () => {
    submit(a, 1);
    admit(a);
    submit(b, 2);
    admit(b);
    dispatch(a, first);
    finish(a, first, 'errored');
    dispatch(b, first);
    dispatch(b, { ...first, sampleIndex: 1 });
    expect(schedule.next(start + 5_000)).toBeNull();
    expect(schedule.nextDueMs(start + 5_000)).toBeNull();
  });

  it('does not wait for a time that only a wrong clock could have set', () => {
    submit(a, 1);
    admit(a);
    dispatch(a, first);
    finish(a, first, 'errored', start + 10 * 365 * 86_400_000);
    expect(schedule.next(start)).toMatchObject({ type: 'dispatch', place: second });
    expect(schedule.nextDueMs(start)).toBeNull();
  });

  it('passes over an evaluation it is told to, and goes on with those behind it', () => {
    submit(a, 1);
    admit(a);
    submit(b, 1);
    expect(schedule.next(start)).toMatchObject({ type: 'admit', evaluationId: b });
    admit(b);
    expect(schedule.next(start)).toMatchObject({ type: 'dispatch', evaluationId: a });
    expect(schedule.next(start, (id) => id === a)).toMatchObject({ type: 'dispatch', evaluationId: b });
    expect(schedule.next(start, () => true)).toBeNull();
  });

  it('counts a retry that a cancel overtook once, dispatched behind the cancel or not at all', () => {
    submit(a, 1);
    admit(a);
    dispatch(a, first);
    finish(a, first, 'errored');
    write(subjects.evaluation(a), {
      type: 'crucible.evaluation.cancel-requested.v1',
      data: { evaluationId: a, reason: 'r' },
    });
    expect(schedule.nextDueMs(start)).toBeNull();
    expect(schedule.next(start + 60_000)).toMatchObject({
      type: 'complete',
      completion: { trials: { total: 1, errored: 1, withdrawn: 0 } },
    });
    dispatch(a, second);
    finish(a, second, 'passed');
    expect(schedule.next(start + 60_000)).toMatchObject({
      type: 'complete',
      completion: { trials: { total: 1, passed: 1, errored: 0, withdrawn: 0 } },
    });
  });

  it('lists what the queue should hold', () => {
    submit(a, 3);
    admit(a);
    dispatch(a, first);
    dispatch(a, { ...first, sampleIndex: 1 });
    finish(a, first, 'passed');
    expect([...schedule.awaitingExecutor()]).toEqual([{ evaluationId: a, trialId: '1-1-1', position: 4 }]);
    expect(schedule.inFlight).toBe(1);
  });

  it('forgets what has ended', () => {
    submit(a, 1);
    admit(a);
    dispatch(a, first);
    finish(a, first, 'passed');
    const action = schedule.next(start);
    if (action?.type !== 'complete') throw new Error('not complete');
    write(subjects.evaluation(a), {
      type: 'crucible.evaluation.completed.v1',
      data: { evaluationId: a, status: 'completed', ...action.completion },
    });
    expect(schedule.submissionOf(a)).toBeUndefined();
    expect(schedule.next(start)).toBeNull();
  });

  it('dispatches nothing that a stop takes in, and goes on with it after the release', () => {
    submit(a, 2);
    admit(a);
    engage({ kind: 'evaluation', evaluationId: a });
    expect(schedule.next(start)).toBeNull();
    release();
    expect(schedule.next(start)).toMatchObject({ type: 'dispatch', place: first });
  });

  it('gives the room of what a stop holds back to others', () => {
    submit(a, 2);
    admit(a);
    dispatch(a, first);
    dispatch(a, { ...first, sampleIndex: 1 });
    submit(b, 1);
    admit(b);
    expect(schedule.next(start)).toBeNull();
    engage({ kind: 'evaluation', evaluationId: a });
    expect(schedule.next(start)).toMatchObject({ type: 'dispatch', evaluationId: b });
  });

  it('wakes for no retry that a stop holds back', () => {
    submit(a, 1);
    admit(a);
    dispatch(a, first);
    finish(a, first, 'errored');
    engage({ kind: 'platform' });
    expect(schedule.nextDueMs(start)).toBeNull();
    expect(schedule.next(start + 60_000)).toBeNull();
    release();
    expect(schedule.next(start + 60_000)).toMatchObject({ type: 'dispatch', place: second });
  });

  it('withdraws what a cancel ends, stopped or not', () => {
    submit(a, 1);
    admit(a);
    dispatch(a, first);
    engage({ kind: 'platform' });
    write(subjects.evaluation(a), {
      type: 'crucible.evaluation.cancel-requested.v1',
      data: { evaluationId: a, reason: 'r' },
    });
    expect(schedule.next(start)).toMatchObject({ type: 'withdraw', trialId: '0-1-1' });
  });

  it('withdraws behind a pause that is told of a trial before it begins, and keeps its place in the queue', () => {
    submit(a, 1);
    admit(a);
    dispatch(a, first);
    finish(a, first, 'errored');
    const second = { ...first, attempt: 2 };
    const trialId = trialIdOf(second);
    dispatch(a, second);
    const [queued] = [...schedule.awaitingExecutor()];
    write(subjects.trial(a, trialId), {
      type: 'crucible.trial.pause-carried.v1',
      data: { evaluationId: a, trialId, fromTrialId: trialIdOf(first) },
    });
    expect([...schedule.awaitingExecutor()]).toEqual([queued]);
    write(subjects.evaluation(a), {
      type: 'crucible.evaluation.cancel-requested.v1',
      data: { evaluationId: a, reason: 'r' },
    });
    const expectedSequence = log.lastOf(subjects.trial(a, trialId));
    expect(expectedSequence).toBeGreaterThan(queued?.position ?? Infinity);
    expect(schedule.next(start)).toMatchObject({ type: 'withdraw', trialId, expectedSequence });
  });

  it('begins nothing more once a budget is used up, no retry either, and ends with what ran', () => {
    submit(a, 3);
    admit(a);
    dispatch(a, first);
    finish(a, first, 'errored');
    dispatch(a, { ...first, sampleIndex: 1 });
    const trialId = trialIdOf({ ...first, sampleIndex: 1 });
    const reached = { turn: 1, scope: 'evaluation', kind: 'calls', limit: 5, spent: 5, asked: 1 } as const;
    write(subjects.trial(a, trialId), {
      type: 'crucible.trial.budget-reached.v1',
      data: { evaluationId: a, trialId, ...reached },
    });
    expect(schedule.nextDueMs(start)).toBeNull();
    const withdrawal = schedule.next(start + 60_000);
    expect(withdrawal).toMatchObject({ type: 'withdraw', trialId });
    expect(withdrawal?.type === 'withdraw' && withdrawal.reason).toContain('budget of the evaluation allows 5 calls');
    write(subjects.trial(a, trialId), {
      type: 'crucible.trial.withdrawn.v1',
      data: { evaluationId: a, trialId, reason: 'r' },
    });
    expect(schedule.next(start + 60_000)).toMatchObject({
      type: 'complete',
      completion: { trials: { total: 3, errored: 1, withdrawn: 2 } },
    });
  });
});
