import { InMemoryEventLog, InMemoryEvidence } from '@crucible/event-log';
import type { EvidencePlace } from '@crucible/event-log';
import { evaluationIdSchema, subjects, trialIdSchema, uuidv7 } from '@crucible/events';
import type { EventData, EvaluationId, NewEvent, TrialId } from '@crucible/events';
import type { Logger } from '@crucible/service-kit';
import { beforeEach, describe, expect, it } from 'vitest';
import { TrialLog } from '../trials/trial-log.ts';
import { Eraser } from './eraser.ts';
import { Retention } from './retention.ts';

let made = 0;
const newId = (): string => uuidv7((made += 1), new Uint8Array(16));
const trial = (index: number): TrialId => trialIdSchema.parse(`${index}-1-1`);
const quiet = { warn: () => undefined, error: () => undefined, info: () => undefined } as unknown as Logger;
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

let log: InMemoryEventLog;
let evidence: InMemoryEvidence;
let eraser: Eraser;
let id: EvaluationId;
beforeEach(() => {
  log = new InMemoryEventLog({ now: () => 0, newId });
  evidence = new InMemoryEvidence();
  eraser = new Eraser({ log, evidence, trials: new TrialLog(log) });
  id = evaluationIdSchema.parse(newId());
});

const append = async (subject: string, event: NewEvent): Promise<number> => {
  const origin = { source: 'test', team: 'red', actor: 'person:a', correlationId: newId() };
  const result = await log.append({ subject, event, origin });
  if (!result.ok) throw new Error(result.failure);
  return result.position;
};

/** A trial with some chunks on both channels, ended or not. */
const runTrial = async (index: number, ended: boolean, bytes = 10): Promise<void> => {
  const place = { evaluationId: id, trialId: trial(index) };
  const subject = subjects.trial(id, place.trialId);
  const dispatched = { ...place, sampleId: 's', sampleIndex: index, epoch: 1, attempt: 1 };
  await append(subject, {
    type: 'crucible.trial.dispatched.v1',
    data: { ...dispatched, suiteDigest: 'ab'.repeat(32), pool: 'default' },
  });
  const started = {
    ...place,
    executorId: 'e',
    runtime: 'r',
    image: 'i',
    limits,
    kernelObserved: true,
    sandboxId: null,
    origin: null,
    profile: null,
    preflight: null,
  };
  await append(subject, { type: 'crucible.trial.started.v2', data: started });
  for (const channel of ['output', 'kernel'] as const)
    for (const part of [1, 2])
      await evidence.append({ ...place, channel }, `${index}.${channel}.${part}`, {}, new Uint8Array(bytes));
  if (ended) await append(subject, { type: 'crucible.trial.finished.v2', data: finished(place) });
};

const finished = (place: {
  evaluationId: EvaluationId;
  trialId: TrialId;
}): EventData<'crucible.trial.finished.v2'> => ({
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
});

const request = async (trialId: TrialId | null): Promise<() => Promise<number>> => {
  const data = { evaluationId: id, trialId, reason: 'holds a name' };
  const position = await append(subjects.evaluation(id), { type: 'crucible.evidence.erase-requested.v1', data });
  const { events } = await log.readSubject(subjects.evaluation(id), position);
  return async () => {
    const stored = events[0];
    if (stored?.ok !== true || stored.event.type !== 'crucible.evidence.erase-requested.v1') throw new Error('not it');
    return eraser.fulfil(stored.event, position);
  };
};

const erasures = async (): Promise<EventData<'crucible.evidence.erased.v1'>[]> => {
  const { events } = await log.readSubject(subjects.platform('evidence'));
  return events.flatMap((stored) =>
    stored.ok && stored.event.type === 'crucible.evidence.erased.v1' ? [stored.event.data] : [],
  );
};
const names = (places: readonly EvidencePlace[]): string[] => places.map((each) => `${each.trialId} ${each.channel}`);

describe('a request to erase', () => {
  it('erases every channel of every ended trial, records each with its request, and leaves what runs', async () => {
    await runTrial(0, true);
    await runTrial(1, true);
    await runTrial(2, false);
    const fulfil = await request(null);
    expect(await fulfil()).toBe(4);
    expect(names(await evidence.places(id))).toEqual(['2-1-1 kernel', '2-1-1 output']);
    const recorded = await erasures();
    expect(names(recorded)).toEqual(['0-1-1 kernel', '0-1-1 output', '1-1-1 kernel', '1-1-1 output']);
    for (const each of recorded)
      expect(each).toMatchObject({
        cause: 'request',
        detail: 'holds a name',
        requestedAt: await log.head().then((head) => head - 4),
      });
  });

  it('erases one trial only where one is named, on its evaluation’s team', async () => {
    await runTrial(0, true);
    await runTrial(1, true);
    expect(await (await request(trial(1)))()).toBe(2);
    expect(names(await evidence.places(id))).toEqual(['0-1-1 kernel', '0-1-1 output']);
    const { events } = await log.readSubject(subjects.platform('evidence'));
    expect(events.map((stored) => stored.ok && stored.event.team)).toEqual(['red', 'red']);
  });

  it('does nothing when it is delivered again', async () => {
    await runTrial(0, true);
    const fulfil = await request(null);
    await fulfil();
    expect(await fulfil()).toBe(0);
    expect(await erasures()).toHaveLength(2);
  });

  it.each([1, 2])(
    'goes on after a crash between record and removal number %i, and records nothing twice',
    async (crash) => {
      await runTrial(0, true);
      const fulfil = await request(null);
      const erase = evidence.erase.bind(evidence);
      let calls = 0;
      // Before the removal of the second channel stands another look at the first.
      evidence.erase = (place) => {
        calls += 1;
        if (calls === (crash === 1 ? 1 : 3)) throw new Error('killed');
        return erase(place);
      };
      await expect(fulfil()).rejects.toThrow('killed');
      evidence.erase = erase;
      await fulfil();
      expect(await evidence.places(id)).toEqual([]);
      expect(names(await erasures())).toEqual(['0-1-1 kernel', '0-1-1 output']);
    },
  );

  it('records nothing twice when two executors do it at once', async () => {
    for (let index = 0; index < 4; index += 1) await runTrial(index, true);
    const fulfil = await request(null);
    await Promise.all([fulfil(), fulfil(), fulfil()]);
    expect(await evidence.places(id)).toEqual([]);
    expect(new Set(names(await erasures())).size).toBe(8);
    expect(await erasures()).toHaveLength(8);
  });
});

describe('retention', () => {
  const look = (bytesMax: number): Promise<void> => new Retention(eraser, evidence, { bytesMax }, quiet).look();

  it('leaves evidence alone while there is room', async () => {
    await runTrial(0, true);
    await look(45);
    expect(await erasures()).toEqual([]);
  });

  it('erases the oldest ended trials until there is room, and steps over what runs', async () => {
    await runTrial(0, false);
    for (const index of [1, 2, 3]) await runTrial(index, true);
    await look(160);
    expect([...new Set((await evidence.places(id)).map(({ trialId }) => trialId))]).toEqual([
      '0-1-1',
      '2-1-1',
      '3-1-1',
    ]);
    expect(await erasures()).toMatchObject([
      { trialId: '1-1-1', cause: 'retention', requestedAt: null },
      { trialId: '1-1-1', cause: 'retention', requestedAt: null },
    ]);
  });

  it('says that it is full when only running trials fill it', async () => {
    await runTrial(0, false);
    const retention = new Retention(eraser, evidence, { bytesMax: 40 }, quiet);
    await retention.look();
    expect(retention.full).toBe(true);
    await append(subjects.trial(id, trial(0)), {
      type: 'crucible.trial.finished.v2',
      data: finished({ evaluationId: id, trialId: trial(0) }),
    });
    await retention.look();
    expect(retention.full).toBe(false);
    expect(await evidence.places(id)).toEqual([]);
  });

  it('removes what a crash left behind the last record', async () => {
    await runTrial(0, true);
    const place: EvidencePlace = { evaluationId: id, trialId: trial(0), channel: 'output' };
    const data = { ...place, cause: 'retention', requestedAt: null, detail: 'full' } as const;
    await append(subjects.platform('evidence'), { type: 'crucible.evidence.erased.v1', data });
    await look(1_000);
    expect(names(await evidence.places(id))).toEqual(['0-1-1 kernel']);
  });
});
