import { randomUUID } from 'node:crypto';
import { strict } from '@crucible/domain';
import { InMemoryEventLog } from '@crucible/event-log';
import type { Work } from '@crucible/event-log';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import type { CrucibleEvent, NewEvent } from '@crucible/events';
import { createLogger } from '@crucible/service-kit';
import { suiteSchema } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import type { TakenSandbox } from '../pool/index.ts';
import { EngineError } from '../sandbox/engine-error.ts';
import { Killer, killOrder } from '../stopping/killer.ts';
import { RunningTrials } from './running-trials.ts';
import { TrialLog } from './trial-log.ts';
import { TrialRunner } from './trial-runner.ts';
import type { TrialPorts } from './trial-runner.ts';

const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const trialId = trialIdSchema.parse('0-1-1');

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
    const identity = { executorId: 'one', runtime: 'runsc', images: {}, profiles: new Map() };
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
    const identity = { executorId: 'one', runtime: 'runsc', images: {}, profiles: new Map() };
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

describe('a trial whose sandbox cannot be had', () => {
  const suite = suiteSchema.parse({
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 's', version: '1.0.0', title: 'S' },
    dataset: { samples: [{ id: 's', input: { language: 'python', source: 'pass' } }] },
    scorers: [{ kind: 'exit-code', equals: 0 }],
  });
  const runnerWith = async (pool: TrialPorts['pool'], running = new RunningTrials(new Killer('one'))) => {
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
      trials: new TrialLog(log),
      running,
      pool,
      suites: { get: () => Promise.resolve(suite) },
      stops: { holdsBack: () => false },
      detection: { forTrial: () => ({ canaries: undefined }) },
    } as unknown as TrialPorts;
    const profiles = new Map([[strict.name, strict]]);
    const identity = { executorId: 'one', runtime: 'runsc', images: { python: 'crucible/python' }, profiles };
    const runner = new TrialRunner(ports, identity, createLogger('sandbox-executor', 'silent'));
    const told = async (): Promise<number> => (await log.readSubject(subject)).events.length;
    return { runner, told };
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
});
