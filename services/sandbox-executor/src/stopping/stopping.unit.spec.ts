import { randomUUID } from 'node:crypto';
import { BusUnavailable, InMemoryEventLog } from '@crucible/event-log';
import type { StoredEvent } from '@crucible/event-log';
import { envelop, evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import type { CrucibleEvent, StopScope } from '@crucible/events';
import { createLogger } from '@crucible/service-kit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RunningTrials } from '../trials/running-trials.ts';
import { Killer, killOrder } from './killer.ts';
import type { Aimed } from './shot.ts';
import { StopState } from './stop-state.ts';
import { Stopping } from './stopping.ts';

const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const otherId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e30');
const origin = { source: 'gateway', team: 'default', actor: 'user:ann', correlationId: evaluationId };
const [one, two, three] = [
  '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f81',
  '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f82',
  '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f83',
] as const;
const platform = { kind: 'platform' } as const;
const target = { evaluationId, team: 'red' };
const UNWRITTEN_MS = 31_000;

const newLog = (): InMemoryEventLog => new InMemoryEventLog({ now: () => Date.now(), newId: () => randomUUID() });
type Engaged = CrucibleEvent<'crucible.stop.engaged.v1'>;
/** A stop as it is told to executors before it is written. */
const said = (stopId: string, scope: StopScope = platform): Engaged =>
  envelop<'crucible.stop.engaged.v1'>(
    { type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason: 'a drill' } },
    { id: randomUUID(), nowMs: Date.now(), subject: subjects.platform('stop'), origin },
  );
const engage = (log: InMemoryEventLog, stopId: string, scope: StopScope = platform) =>
  log.append({
    subject: subjects.platform('stop'),
    event: { type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason: 'a drill' } },
    origin,
  });
const release = (log: InMemoryEventLog, stopId: string) =>
  log.append({
    subject: subjects.platform('stop'),
    event: { type: 'crucible.stop.released.v1', data: { stopId, reason: 'it is over' } },
    origin,
  });
const lastStop = async (log: InMemoryEventLog): Promise<StoredEvent> => {
  const last = (await log.readSubject(subjects.platform('stop'))).events.at(-1);
  if (last === undefined) throw new Error('no stop was ever written');
  return last;
};

describe('which stops are in force', () => {
  it('is known from the log, releases and all', async () => {
    const log = newLog();
    await engage(log, one);
    await engage(log, two, { kind: 'team', team: 'red' });
    await release(log, one);
    const state = new StopState(log);
    const told: string[] = [];
    await state.read(({ stopId }) => told.push(stopId));
    expect(told).toEqual([one, two]);
    expect([...state.inForce.keys()]).toEqual([two]);
    expect([state.stopsEverything, state.positionOf(two), state.positionOf(one)]).toEqual([false, 2, undefined]);
    expect(state.stopOf(target)?.stopId).toBe(two);
    expect(state.stopOf({ evaluationId, team: 'blue' })).toBeUndefined();
  });

  it('takes in what was only said, until it is forgotten', async () => {
    const state = new StopState(newLog());
    expect(state.hear(said(one)).map(({ stopId }) => stopId)).toEqual([one]);
    expect(state.hear(said(one))).toEqual([]);
    expect([state.stopsEverything, state.positionOf(one)]).toEqual([true, undefined]);
    expect(state.forgetUnwritten(one)).toBe(true);
    expect([state.stopsEverything, state.forgetUnwritten(one)]).toEqual([false, false]);
  });

  it('does not forget what was said and is written by now', async () => {
    const log = newLog();
    const state = new StopState(log);
    state.hear(said(one));
    await engage(log, one);
    // It was known before: nobody is killed for it a second time.
    await state.read(() => expect.unreachable('it was known'));
    expect(state.forgetUnwritten(one)).toBe(false);
    expect([state.stopsEverything, state.positionOf(one)]).toEqual([true, 1]);
  });

  it('does not take in what is said of a stop that was released', async () => {
    const log = newLog();
    await engage(log, one);
    await release(log, one);
    const state = new StopState(log);
    await state.read();
    expect(state.hear(said(one))).toEqual([]);
    expect(state.inForce.size).toBe(0);
  });
});

/** An executor's stop side with some trials, each with a sandbox of its own. */
const executor = async (log = newLog(), shot: Aimed = { isSeen: true, isGone: true, fire: () => 'sent' }) => {
  const running = new RunningTrials(new Killer('executor-1', { confirmMsMax: 20, engineAfterMs: 5 }), () => shot);
  const stopping = await Stopping.begin(
    { log, running, executorId: 'executor-1' },
    createLogger('sandbox-executor', 'silent'),
  );
  opened.push(stopping);
  const run = (id: string, of = evaluationId, team: string | undefined = 'red'): void => {
    const trialId = trialIdSchema.parse(id);
    running.begin(of, trialId);
    if (team !== undefined) running.belongsTo(of, trialId, team);
    running.attach(of, trialId, {
      containerId: id,
      processId: 1,
      ended: new Promise(() => undefined),
      kill: () => undefined,
    });
  };
  const isKilled = (id: string, of = evaluationId): boolean =>
    running.killed(of, trialIdSchema.parse(id)) !== undefined;
  return { log, running, stopping, run, isKilled };
};
/** What the executor has said about stops. */
const applied = async (log: InMemoryEventLog) =>
  (await log.readSubject(subjects.platform('executor'))).events.flatMap((stored) =>
    stored.ok && stored.event.type === 'crucible.stop.applied.v1' ? [stored.event.data] : [],
  );
const opened: Stopping[] = [];

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => {
  for (const stopping of opened.splice(0)) stopping.onModuleDestroy();
  vi.useRealTimers();
});

describe('an executor that comes', () => {
  it('holds back what is stopped before anything is told to it', async () => {
    const log = newLog();
    await engage(log, one, { kind: 'evaluation', evaluationId });
    const { stopping } = await executor(log);
    expect(stopping.holdsBack(target)).toBe(true);
    expect(stopping.holdsBack({ evaluationId: otherId, team: 'red' })).toBe(false);
    expect(stopping.next).toBe(2);
  });

  it('does not begin while it cannot know', async () => {
    const log = newLog();
    vi.spyOn(log, 'readAll').mockImplementation(() => {
      throw new BusUnavailable('away');
    });
    await expect(executor(log)).rejects.toThrow(BusUnavailable);
  });

  it('says of each stop in force that nothing of it runs, once over all its lives', async () => {
    const log = newLog();
    await engage(log, one);
    await engage(log, two, { kind: 'team', team: 'red' });
    await engage(log, three, { kind: 'team', team: 'blue' });
    await release(log, two);
    await log.append({
      subject: subjects.platform('executor'),
      event: {
        type: 'crucible.stop.applied.v1',
        data: { stopId: three, executorId: 'another', killed: 1, unconfirmed: 0, latencyMs: 3 },
      },
      origin,
    });
    for (let life = 0; life < 2; life += 1) await (await executor(log)).stopping.confirmAtStart();
    const ours = (await applied(log)).filter(({ executorId }) => executorId === 'executor-1');
    expect(ours).toEqual([
      { stopId: one, executorId: 'executor-1', killed: 0, unconfirmed: 0, latencyMs: 0 },
      { stopId: three, executorId: 'executor-1', killed: 0, unconfirmed: 0, latencyMs: 0 },
    ]);
  });
});

describe('a stop that is heard', () => {
  it('has killed when hearing it returns, and is told of behind its record', async () => {
    const { log, stopping, run, isKilled } = await executor();
    run('0-1-1');
    run('1-1-1');
    stopping.hear(said(one));
    expect([isKilled('0-1-1'), isKilled('1-1-1'), stopping.holdsBack(target)]).toEqual([true, true, true]);
    await vi.advanceTimersByTimeAsync(100);
    expect(await applied(log)).toEqual([]);
    await engage(log, one);
    stopping.onEvent(await lastStop(log));
    await vi.advanceTimersByTimeAsync(100);
    expect(await applied(log)).toMatchObject([{ stopId: one, executorId: 'executor-1', killed: 2, unconfirmed: 0 }]);
  });

  it('of one team kills that team’s trials, and those of others not', async () => {
    const { stopping, run, isKilled } = await executor();
    run('0-1-1', evaluationId, 'red');
    run('0-1-1', otherId, 'blue');
    stopping.hear(said(one, { kind: 'team', team: 'red' }));
    expect([isKilled('0-1-1'), isKilled('0-1-1', otherId)]).toEqual([true, false]);
    expect([stopping.holdsBack(target), stopping.holdsBack({ evaluationId: otherId, team: 'blue' })]).toEqual([
      true,
      false,
    ]);
  });

  it('of a team leaves alone what is nobody’s yet: it is asked about again before it begins', async () => {
    const { stopping, running } = await executor();
    running.begin(evaluationId, trialIdSchema.parse('0-1-1'));
    stopping.hear(said(one, { kind: 'team', team: '' }));
    expect(running.killed(evaluationId, trialIdSchema.parse('0-1-1'))).toBeUndefined();
    stopping.hear(said(two, { kind: 'evaluation', evaluationId }));
    expect(running.killed(evaluationId, trialIdSchema.parse('0-1-1'))).toMatchObject({ stopId: two });
  });

  it('that was not heard is learnt from the log, with the same end', async () => {
    const { log, stopping, run, isKilled } = await executor();
    run('0-1-1');
    await engage(log, one);
    stopping.onEvent(await lastStop(log));
    expect(isKilled('0-1-1')).toBe(true);
    await vi.advanceTimersByTimeAsync(100);
    expect(await applied(log)).toMatchObject([{ stopId: one, killed: 1 }]);
  });

  it('counts what a cancel has not brought to its end as well', async () => {
    const { log, stopping, running, run } = await executor(newLog(), {
      isSeen: true,
      isGone: false,
      fire: () => 'sent',
    });
    run('0-1-1');
    running.killEvaluation(evaluationId, killOrder('cancel'));
    await engage(log, one);
    stopping.onEvent(await lastStop(log));
    await vi.waitFor(async () => expect(await applied(log)).toMatchObject([{ killed: 0, unconfirmed: 1 }]));
  });

  it('a second time is answered again where something was left alive, and else not', async () => {
    const tough = { isSeen: true, isGone: false, fire: () => 'sent' as const };
    const { log, stopping, run } = await executor(newLog(), tough);
    run('0-1-1');
    await engage(log, one);
    stopping.onEvent(await lastStop(log));
    await vi.waitFor(async () => expect(await applied(log)).toMatchObject([{ unconfirmed: 1 }]));
    // It died meanwhile, without anybody's doing.
    tough.isGone = true;
    stopping.hear(said(one));
    await vi.waitFor(async () => expect((await applied(log))[1]).toMatchObject({ killed: 0, unconfirmed: 0 }));
    stopping.hear(said(one));
    await vi.advanceTimersByTimeAsync(100);
    expect(await applied(log)).toHaveLength(2);
  });
});

describe('a stop that comes to its end', () => {
  it('by its release holds nothing back any more, though it is said again', async () => {
    const { log, stopping } = await executor();
    await engage(log, one);
    stopping.onEvent(await lastStop(log));
    await release(log, one);
    stopping.onEvent(await lastStop(log));
    stopping.hear(said(one));
    expect(stopping.holdsBack(target)).toBe(false);
  });

  it('because it was said and never written is forgotten, but not while that cannot be looked up', async () => {
    const { log, stopping } = await executor();
    const reading = vi.spyOn(log, 'readAll').mockImplementation(() => {
      throw new BusUnavailable('away');
    });
    stopping.hear(said(one));
    await vi.advanceTimersByTimeAsync(UNWRITTEN_MS);
    expect(stopping.holdsBack(target)).toBe(true);
    reading.mockRestore();
    await vi.advanceTimersByTimeAsync(UNWRITTEN_MS);
    expect(stopping.holdsBack(target)).toBe(false);
  });

  it('stays when it was written, whatever became of the first word', async () => {
    const { log, stopping } = await executor();
    stopping.hear(said(one));
    expect(await stopping.isOnRecord(target)).toBe(false);
    await engage(log, one);
    await vi.advanceTimersByTimeAsync(UNWRITTEN_MS);
    expect([stopping.holdsBack(target), await stopping.isOnRecord(target)]).toEqual([true, true]);
  });
});
