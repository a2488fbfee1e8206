import { evaluationOf, isTrialEvent, reducePage } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import { chanceFrom, simulate } from '@crucible/domain/testing';
import type { LogEntry } from '@crucible/domain/testing';
import { InMemoryEventLog } from '@crucible/event-log';
import type { EventHistory } from '@crucible/event-log';
import type { EvaluationId } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { foldEvents } from './fold.ts';
import { momentBounds, Moments } from './moments.ts';

const never = new AbortController().signal;

const stored = (entries: readonly LogEntry[]): InMemoryEventLog => {
  const log = new InMemoryEventLog({ now: () => 0, newId: () => '' });
  for (const { subject, event } of entries) log.inject(subject, Buffer.from(JSON.stringify(event)));
  return log;
};

const ownOf = (entries: readonly LogEntry[], id: EvaluationId): LogEntry[] =>
  entries.filter(({ event }) => evaluationOf(event) === id);

/** The page by one event after the other, from the beginning. */
const prefixFold = (entries: readonly LogEntry[], id: EvaluationId, at: number): EvaluationPage | null =>
  ownOf(entries, id)
    .filter(({ position }) => position <= at)
    .reduce<EvaluationPage | undefined>(
      (page, entry) => (page === undefined ? foldEvents(undefined, [entry], true) : reducePage(page, entry)),
      undefined,
    ) ?? null;

describe('a past moment', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed + 1))(
    'equals the fold of everything before it, in whatever order moments are asked for: seed %i',
    async (seed) => {
      const { log } = simulate({ seed });
      const moments = new Moments(stored(log.entries));
      const chance = chanceFrom(seed);
      for (const id of log.submissions()) {
        const own = ownOf(log.entries, id);
        const request = {
          id,
          firstPosition: own[0]?.position ?? 0,
          lastPosition: own.at(-1)?.position ?? 0,
        };
        const order = Array.from({ length: log.head + 1 }, (_, at) => at).sort(() => chance.next() - 0.5);
        for (const at of order) {
          const expected = prefixFold(log.entries, id, at);
          const where = `${id} at ${at}`;
          if (chance.oneIn(2))
            expect(await moments.evaluation({ ...request, at }, never), where).toEqual(expected?.evaluation ?? null);
          const page = await moments.page({ ...request, at }, never);
          expect(page?.evaluation ?? null, where).toEqual(expected?.evaluation ?? null);
          expect(page?.trials, where).toEqual(expected?.trials);
        }
      }
    },
  );

  it('shows the attempt as the latest that was so then', async () => {
    const { log } = Array.from({ length: 200 }, (_, seed) => simulate({ seed })).find(({ log: { entries } }) =>
      entries.some(({ event }) => event.type === 'crucible.trial.dispatched.v1' && event.data.attempt === 2),
    ) ?? { log: undefined };
    const retry = log?.entries.find(({ event }) => isTrialEvent(event) && event.data.trialId.endsWith('-2'));
    if (log === undefined || retry === undefined) throw new Error('no seed tries again');
    const id = evaluationOf(retry.event);
    if (id === null) throw new Error('of no evaluation');
    const moments = new Moments(stored(log.entries));
    const latestAt = async (at: number): Promise<Record<string, boolean>> => {
      const page = await moments.page({ id, at, firstPosition: 1, lastPosition: log.head }, never);
      const place = (retry.event.data as { trialId: string }).trialId.slice(0, -2);
      const trials = [...(page?.trials.values() ?? [])].filter((trial) => trial.id.startsWith(`${place}-`));
      return Object.fromEntries(trials.map((trial) => [trial.id.slice(-1), trial.latest]));
    };
    expect(await latestAt(retry.position)).toEqual({ 1: false, 2: true });
    expect(await latestAt(retry.position - 1)).toEqual({ 1: true });
  });

  it('is read once, and gone on from', async () => {
    const { log } = simulate({ seed: 5 });
    const [id] = log.submissions() as [EvaluationId];
    const memory = stored(log.entries);
    const ranges: unknown[] = [];
    const history: EventHistory = {
      readAt: (position) => memory.readAt(position),
      readEvaluation: (of, range) => {
        ranges.push([range?.from, range?.upTo]);
        return memory.readEvaluation(of, range);
      },
    };
    const moments = new Moments(history);
    const request = { id, firstPosition: 1, lastPosition: 30 };
    for (const at of [10, 10, 20, 15, 40, 35]) await moments.page({ ...request, at }, never);
    expect(ranges.slice(0, 2)).toEqual([
      [1, 10],
      [11, 20],
    ]);
    expect(ranges.at(-1)).toEqual([21, 30]);
  });

  it('is not read on when nobody waits for it, and the next may be', async () => {
    const { log } = simulate({ seed: 5 });
    const [id] = log.submissions() as [EvaluationId];
    const memory = stored(log.entries);
    const leaving = new AbortController();
    const history: EventHistory = {
      readAt: (position) => memory.readAt(position),
      async *readEvaluation(of, range) {
        for await (const each of memory.readEvaluation(of, range)) {
          yield each;
          leaving.abort(new Error('gone'));
        }
      },
    };
    const moments = new Moments(history);
    const request = { id, at: 30, firstPosition: 1, lastPosition: 30 };
    await expect(moments.page(request, leaving.signal)).rejects.toThrow('gone');
    await expect(moments.page(request, leaving.signal)).rejects.toThrow('gone');
    expect((await moments.page(request, never))?.evaluation.id).toBe(id);
  });

  it('on a long way is marked, so that the way back is short', async () => {
    const { log } = simulate({ seed: 5 });
    const [id] = log.submissions() as [EvaluationId];
    const [first, admission] = ownOf(log.entries, id);
    const from: unknown[] = [];
    const history: EventHistory = {
      readAt: () => Promise.resolve(null),
      async *readEvaluation(_, range) {
        from.push(range?.from);
        for (let position = range?.from ?? 1; position <= (range?.upTo ?? 0); position += 1) {
          const event = (position === 1 ? first : admission)?.event as never;
          yield { ok: true, position, subject: '', body: new Uint8Array(), messageId: null, event };
        }
      },
    };
    const moments = new Moments(history);
    const request = { id, firstPosition: 1, lastPosition: 100_000 };
    for (const at of [70_000, 65_000, 39_999, 100]) await moments.page({ ...request, at }, never);
    expect(from).toEqual([1, 60_001, 20_001, 1]);
  });

  it('with more events than may be folded for one answer is refused with the number', async () => {
    const { log } = simulate({ seed: 5 });
    const [first] = log.entries;
    const [id] = log.submissions() as [EvaluationId];
    const history: EventHistory = {
      readAt: () => Promise.resolve(null),
      async *readEvaluation() {
        for (let position = 1; ; position += 1)
          yield {
            ok: true,
            position,
            subject: '',
            body: new Uint8Array(),
            messageId: null,
            event: first?.event as never,
          };
      },
    };
    const asking = new Moments(history).page({ id, at: 1e9, firstPosition: 1, lastPosition: 1e9 }, never);
    await expect(asking).rejects.toThrow(String(momentBounds.eventsMax));
  });
});
