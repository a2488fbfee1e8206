import { randomUUID } from 'node:crypto';
import { strict } from '@crucible/domain';
import { BusUnavailable, InMemoryEventLog } from '@crucible/event-log';
import type { EventLog } from '@crucible/event-log';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import type { NewEvent } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { lostTrial } from './finishing.ts';
import type { OpenTrial, TrialNote } from './open-trial.ts';
import { TrialLog } from './trial-log.ts';

const place = {
  evaluationId: evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f'),
  trialId: trialIdSchema.parse('0-1-1'),
};
const subject = subjects.trial(place.evaluationId, place.trialId);
const origin = { source: 'scheduler', team: 'default', actor: 'service:scheduler', correlationId: place.evaluationId };
const dispatched: NewEvent = {
  type: 'crucible.trial.dispatched.v1',
  data: {
    ...place,
    sampleId: 's',
    sampleIndex: 0,
    epoch: 1,
    attempt: 1,
    suiteDigest: 'a'.repeat(64),
    pool: 'default',
  },
};
const start = {
  ...place,
  executorId: 'one',
  runtime: 'runsc',
  image: 'python',
  limits: strict.default,
  kernelObserved: true,
  sandboxId: 'c1',
  origin: 'warm' as const,
  profile: null,
  preflight: null,
};
const note = (latencyMs: number): TrialNote => ({
  type: 'crucible.sandbox.kill-confirmed.v1',
  data: {
    ...place,
    executorId: 'one',
    sandboxId: 'c1',
    stopId: null,
    cause: 'detector',
    latencyMs,
    method: 'runtime',
    gone: true,
  },
});
const finish = lostTrial(place, 'over');

/** A trial that has just begun, on a log that can lose answers. */
const begun = async (): Promise<{
  readonly log: InMemoryEventLog;
  readonly trial: OpenTrial;
  readonly told: () => Promise<string[]>;
  readonly loseAnswers: (count: number) => void;
}> => {
  const log = new InMemoryEventLog({ now: () => 0, newId: () => randomUUID() });
  let lost = 0;
  const lossy: EventLog = Object.assign(Object.create(log) as EventLog, {
    append: async (request: Parameters<EventLog['append']>[0]) => {
      const result = await log.append(request);
      if (lost === 0) return result;
      lost -= 1;
      throw new BusUnavailable('append', new Error('no answer'));
    },
    readSubject: (...asked: Parameters<EventLog['readSubject']>) => log.readSubject(...asked),
  });
  await log.append({ subject, event: dispatched, origin });
  const trials = new TrialLog(lossy);
  const trial = await trials.start(await trials.load(place.evaluationId, place.trialId), start);
  if (trial === null) throw new Error('it did not begin');
  const told = async (): Promise<string[]> =>
    (await log.readSubject(subject)).events.slice(2).map((stored) => {
      if (!stored.ok) return 'undecodable';
      const { event } = stored;
      return event.type === 'crucible.sandbox.kill-confirmed.v1' ? `note ${event.data.latencyMs}` : event.type;
    });
  return { log, trial, told, loseAnswers: (count) => void (lost = count) };
};

describe('the pen of a running trial', () => {
  it('writes in the order in which it was asked, with the end behind every note', async () => {
    const { trial, told } = await begun();
    const writing = [trial.note(note(1)), trial.note(note(2)), trial.finish(finish), trial.note(note(3))];
    expect(await Promise.all(writing)).toEqual([3, 4, 5, 6]);
    expect(await told()).toEqual(['note 1', 'note 2', 'crucible.trial.finished.v2', 'note 3']);
  });

  it('keeps the place of a note that is still to be known, and writes nothing for one that never is', async () => {
    const { trial, told } = await begun();
    const later = Promise.withResolvers<TrialNote | null>();
    const writing = [trial.note(later.promise), trial.note(Promise.resolve(null)), trial.finish(finish)];
    await new Promise((resolve) => setImmediate(resolve));
    expect(await told()).toEqual([]);
    later.resolve(note(1));
    expect(await Promise.all(writing)).toEqual([3, null, 4]);
  });

  it('writes once what the bus took without an answer', async () => {
    const { trial, told, loseAnswers } = await begun();
    loseAnswers(1);
    expect(await trial.note(note(1))).toBe(3);
    loseAnswers(1);
    expect(await trial.finish(finish)).toBe(4);
    expect(await told()).toEqual(['note 1', 'crucible.trial.finished.v2']);
  });

  it('ends no trial that another has ended, and still tells what happened', async () => {
    const { log, trial, told } = await begun();
    const other = new TrialLog(log);
    await other.finish(await other.load(place.evaluationId, place.trialId), lostTrial(place, 'believed lost'));
    expect(await trial.note(note(1))).toBe(4);
    expect(await trial.finish(finish)).toBeNull();
    expect(await told()).toEqual(['crucible.trial.finished.v2', 'note 1']);
  });
});
