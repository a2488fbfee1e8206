import { randomUUID } from 'node:crypto';
import { strict } from '@crucible/domain';
import { InMemoryEventLog, InMemoryEvidence } from '@crucible/event-log';
import type { EventLog, Work } from '@crucible/event-log';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import type { CrucibleEvent, NewEvent } from '@crucible/events';
import { createLogger } from '@crucible/service-kit';
import { suiteSchema } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import type { TakenSandbox } from '../pool/index.ts';
import { Executor } from '../executor.ts';
import { fixedImages } from '../images/image.ts';
import { EngineError } from '../sandbox/engine-error.ts';
import type { Sandbox, SandboxEnd } from '../sandbox/port.ts';
import { Killer, killOrder } from '../stopping/killer.ts';
import { RunningTrials } from './running-trials.ts';
import { TrialLog } from './trial-log.ts';
import { TrialRunner } from './trial-runner.ts';
import type { TrialPorts } from './trial-runner.ts';

const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const trialId = trialIdSchema.parse('0-1-1');
const stopId = '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f80';

const anEnd: SandboxEnd = {
  reason: 'exit',
  exitCode: null,
  signal: 'SIGKILL',
  durationMs: 5,
  output: { bytes: 0, dropped: 0 },
  limitsHit: [],
  memoryBytesPeak: null,
  error: null,
};

/** One delivery of the same item, which remembers what became of it. */
const workWith = (fates: string[], delivery: number): Work => ({
  item: { evaluationId, trialId, position: 1 },
  message: { position: 1, subject: subjects.dispatch('default'), messageId: null, body: new Uint8Array() },
  delivery,
  done: () => Promise.resolve(void fates.push(`done ${delivery}`)),
  later: () => void fates.push(`later ${delivery}`),
});

describe('an item that comes again while it is in hand', () => {
  it('stays on the queue, so that a first taker who fails does not lose the trial', async () => {
    const bus = Promise.withResolvers<never>();
    const log = new InMemoryEventLog({ now: () => 0, newId: () => randomUUID() });
    const trials = Object.assign(new TrialLog(log), { load: () => bus.promise });
    const ports = { trials, running: new RunningTrials(new Killer('one')) } as unknown as TrialPorts;
    const identity = { executorId: 'one', runtime: 'runsc', images: fixedImages({}), profiles: new Map() };
    const runner = new TrialRunner(ports, identity, createLogger('sandbox-executor', 'silent'));
    const fates: string[] = [];

    const first = runner.take(workWith(fates, 1));
    await runner.take(workWith(fates, 2));
    bus.reject(new Error('the bus is away'));
    await expect(first).rejects.toThrow('the bus is away');
    expect(fates).toEqual(['later 2']);
  });
});

describe('an item that taking fails at again and again', () => {
  const origin = { source: 'scheduler', team: 'default', actor: 'service:scheduler', correlationId: evaluationId };
  const subject = subjects.trial(evaluationId, trialId);
  const dispatched: NewEvent = {
    type: 'crucible.trial.dispatched.v1',
    data: {
      evaluationId,
      trialId,
      sampleId: 's',
      sampleIndex: 0,
      epoch: 1,
      attempt: 1,
      suiteDigest: 'a'.repeat(64),
      pool: 'default',
    },
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
  const startedBy = (executorId: string): NewEvent => ({
    type: 'crucible.trial.started.v2',
    data: {
      evaluationId,
      trialId,
      executorId,
      runtime: 'runsc',
      image: 'python',
      limits,
      kernelObserved: true,
      sandboxId: null,
      origin: null,
      profile: null,
      preflight: null,
    },
  });
  const abandonAfter = async (...events: readonly NewEvent[]): Promise<CrucibleEvent | undefined> => {
    const log = new InMemoryEventLog({ now: () => 0, newId: () => randomUUID() });
    for (const event of events) await log.append({ subject, event, origin });
    const ports = { trials: new TrialLog(log) } as unknown as TrialPorts;
    const identity = { executorId: 'one', runtime: 'runsc', images: fixedImages({}), profiles: new Map() };
    const runner = new TrialRunner(ports, identity, createLogger('sandbox-executor', 'silent'));
    await runner.abandon({ evaluationId, trialId, position: 1 }, `TypeError: ${'x'.repeat(5_000)}`);
    await runner.abandon({ evaluationId, trialId, position: 1 }, 'once more');
    const written = (await log.readSubject(subject)).events.slice(events.length);
    expect(written.length).toBeLessThanOrEqual(1);
    return written[0]?.ok ? written[0].event : undefined;
  };

  it('takes back a trial that never began, with the reason', async () => {
    const event = await abandonAfter(dispatched);
    expect(event).toMatchObject({ type: 'crucible.trial.withdrawn.v1', source: '/crucible/sandbox-executor' });
    expect((event?.data as { reason: string }).reason).toMatch(/^no executor could begin it: TypeError: x/);
  });

  it('ends a trial that this executor began', async () => {
    const event = await abandonAfter(dispatched, startedBy('one'));
    expect(event).toMatchObject({
      type: 'crucible.trial.finished.v2',
      data: { outcome: 'errored', verdict: 'unknown' },
    });
  });

  it('leaves alone a trial that another executor runs, and one that never was', async () => {
    expect(await abandonAfter(dispatched, startedBy('two'))).toBeUndefined();
    expect(await abandonAfter()).toBeUndefined();
  });
});

describe('a trial that is taken', () => {
  const suite = suiteSchema.parse({
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 's', version: '1.0.0', title: 'S' },
    dataset: { samples: [{ id: 's', input: { language: 'python', source: 'pass' } }] },
    scorers: [{ kind: 'exit-code', equals: 0 }],
  });
  /** The same log, of which an append is answered only when something else has happened. */
  const delayed = (log: EventLog, meanwhile: () => void): EventLog => ({
    readSubject: (...wanted) => log.readSubject(...wanted),
    readAll: (...wanted) => log.readAll(...wanted),
    head: () => log.head(),
    follow: (options) => log.follow(options),
    append: async (request) => {
      const result = await log.append(request);
      if (request.event.type === 'crucible.trial.started.v2') meanwhile();
      return result;
    },
  });
  const runnerWith = async (
    pool: TrialPorts['pool'],
    running = new RunningTrials(new Killer('one')),
    appending?: () => void,
    run: () => Sandbox = () => expect.unreachable('a program was handed over'),
  ) => {
    const log = new InMemoryEventLog({ now: () => 0, newId: () => randomUUID() });
    const subject = subjects.trial(evaluationId, trialId);
    await log.append({
      subject,
      origin: { source: 'scheduler', team: 'default', actor: 'service:scheduler', correlationId: evaluationId },
      event: {
        type: 'crucible.trial.dispatched.v1',
        data: {
          evaluationId,
          trialId,
          sampleId: 's',
          sampleIndex: 0,
          epoch: 1,
          attempt: 1,
          suiteDigest: 'a'.repeat(64),
          pool: 'default',
        },
      },
    });
    const ports = {
      trials: new TrialLog(appending === undefined ? log : delayed(log, appending)),
      running,
      pool,
      watch: null,
      engine: { run },
      evidence: new InMemoryEvidence(),
      suites: { get: () => Promise.resolve(suite) },
      stops: { holdsBack: () => false },
      detection: { forTrial: () => ({ canaries: undefined, begin: () => undefined, end: () => new Map() }) },
    } as unknown as TrialPorts;
    const profiles = new Map([[strict.name, strict]]);
    const identity = {
      executorId: 'one',
      runtime: 'runsc',
      images: fixedImages({ python: 'crucible/python' }),
      profiles,
    };
    const runner = new TrialRunner(ports, identity, createLogger('sandbox-executor', 'silent'));
    const events = async () => (await log.readSubject(subject)).events.map((stored) => stored.ok && stored.event);
    const told = async (): Promise<number> => (await events()).length;
    return { runner, log, told, events };
  };

  it('is not started, and its item stays on the queue', async () => {
    const { runner, told } = await runnerWith({ take: () => Promise.reject(new EngineError('no engine')) });
    const fates: string[] = [];
    await expect(runner.take(workWith(fates, 1))).rejects.toThrow('no engine');
    expect([await told(), fates]).toEqual([1, []]);
  });

  it('gives its sandbox back unused when it was stopped while that was made', async () => {
    const running = new RunningTrials(new Killer('one'));
    const ends: string[] = [];
    const prepared = { containerId: 'c1', discard: () => Promise.resolve(void ends.push('discarded')) };
    const take = (): Promise<TakenSandbox> => {
      running.killAll(killOrder('lease-lost'));
      return Promise.resolve({ prepared, release: () => void ends.push('released') } as unknown as TakenSandbox);
    };
    const { runner, told } = await runnerWith({ take }, running);
    const fates: string[] = [];
    await runner.take(workWith(fates, 1));
    expect([await told(), fates, ends]).toEqual([1, ['later 1'], ['discarded', 'released']]);
  });

  it.each([
    [killOrder('stop', { stopId }), 'stopped', ''],
    [killOrder('lease-lost', { why: 'the bus was silent' }), 'lease-lost', 'the bus was silent: '],
  ])('is not handed its program when it was stopped while its start was written: %o', async (order, reason, why) => {
    const running = new RunningTrials(new Killer('one'));
    const ends: string[] = [];
    const prepared = { containerId: 'c1', profile: null, discard: () => Promise.resolve(void ends.push('discarded')) };
    const preflight = { probedAt: '2026-01-01T00:00:00.000Z', checks: [] };
    const taken = { prepared, preflight, origin: 'cold', release: () => void ends.push('released') };
    const take = () => Promise.resolve(taken as unknown as TakenSandbox);
    let killed: Promise<unknown[]> | undefined;
    const stop = (): void => void (killed = Promise.all(running.kill(() => true, order)));
    const { runner, events } = await runnerWith({ take }, running, stop);
    const fates: string[] = [];
    await runner.take(workWith(fates, 1));
    const [, started, finished] = await events();
    expect(started).toMatchObject({ type: 'crucible.trial.started.v2' });
    expect(finished).toMatchObject({
      type: 'crucible.trial.finished.v2',
      data: { reason, outcome: 'errored', scores: [], error: `${why}ended before its program was handed over` },
    });
    expect([fates, new Set(ends)]).toEqual([['done 1'], new Set(['discarded', 'released'])]);
    // Nothing of it ran that could be killed.
    expect(await killed).toEqual([null]);
  });

  it('ends by a lease that was lost, and says that its executor was shut down', async () => {
    const running = new RunningTrials(new Killer('one'), () => ({ isSeen: true, isGone: true, fire: () => 'sent' }));
    const prepared = { containerId: 'c1', profile: null, discard: () => Promise.resolve() };
    const preflight = { probedAt: '2026-01-01T00:00:00.000Z', checks: [] };
    const taken = { prepared, preflight, origin: 'warm', release: () => undefined } as unknown as TakenSandbox;
    const ended = Promise.withResolvers<SandboxEnd>();
    const begun = Promise.withResolvers<void>();
    const kill: Sandbox['kill'] = (reason) => ended.resolve({ ...anEnd, reason });
    const run = () => (begun.resolve(), { containerId: 'c1', processId: 1, ended: ended.promise, kill });
    const { runner, log, events } = await runnerWith({ take: () => Promise.resolve(taken) }, running, undefined, run);
    const facts = { executorId: 'one', capacity: 1, runtime: 'runsc', kernelObserved: false };
    const executor = new Executor(log, facts, () => randomUUID(), createLogger('sandbox-executor', 'silent'));
    const over = runner.take(workWith([], 1));
    await begun.promise;
    await executor.end(running);
    await over;
    const told = (await events()).map((event) => event && [event.type, event.data]);
    expect(told.slice(2)).toMatchObject([
      ['crucible.sandbox.kill-confirmed.v1', { cause: 'lease-lost', gone: true }],
      [
        'crucible.trial.finished.v2',
        {
          reason: 'lease-lost',
          verdict: 'unknown',
          error: 'the executor was shut down',
          findings: expect.arrayContaining(['evidence lost: the executor was shut down']) as unknown,
        },
      ],
    ]);
  });
});
