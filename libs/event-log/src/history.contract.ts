import { subjects, trialIdSchema } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import { beforeEach, describe, expect, it } from 'vitest';
import { newEvaluationId, request } from './event-log.contract.ts';
import type { EventHistory, HistoryRange } from './history.ts';
import type { EventLog, StoredEvent } from './port.ts';

/** One adapter under test. `inject` stores bytes as a foreign writer would, and says where. */
export interface HistorySubject {
  readonly log: EventLog;
  readonly history: EventHistory;
  inject(subject: string, body: Uint8Array): Promise<number>;
}

const unreadable = Buffer.from('{}');

/** What looking back promises, whatever is below it. */
export const describeHistory = (name: string, open: () => Promise<HistorySubject>): void => {
  describe(`history: ${name}`, () => {
    let subject: HistorySubject;
    beforeEach(async () => {
      subject = await open();
    });

    const read = async (id: EvaluationId, range?: HistoryRange): Promise<StoredEvent[]> => {
      const events: StoredEvent[] = [];
      for await (const stored of subject.history.readEvaluation(id, range)) events.push(stored);
      return events;
    };
    const positionsOf = async (id: EvaluationId, range?: HistoryRange): Promise<number[]> =>
      (await read(id, range)).map(({ position }) => position);
    const append = async (id: EvaluationId): Promise<number> => {
      const result = await subject.log.append(request(id));
      if (!result.ok) throw new Error(result.failure);
      return result.position;
    };
    const trial = (id: EvaluationId, index: number): Promise<number> =>
      subject.inject(subjects.trial(id, trialIdSchema.parse(`${index}-1-1`)), unreadable);
    const command = (id: EvaluationId, index: number): Promise<number> =>
      subject.inject(subjects.trialCommand(id, trialIdSchema.parse(`${index}-1-1`)), unreadable);

    it('reads an evaluation with its trials in the order of the log, and nothing of its neighbours', async () => {
      const [id, other] = [newEvaluationId(), newEvaluationId()];
      const own: number[] = [];
      for (let round = 0; round < 6; round += 1) {
        own.push(await append(id), await trial(id, round));
        await append(other);
        await trial(other, round);
        own.push(await trial(id, round + 100));
      }
      await subject.inject(`${subjects.evaluation(id)}.other`, unreadable);
      expect(await positionsOf(id)).toEqual(own);
      const all = await read(id);
      expect(all.map(({ ok }) => ok)).toEqual(own.map((_, index) => index % 3 === 0));
      for (const { position, subject: where } of all) expect(where.startsWith(subjects.evaluation(id)), `${position}`);
    });

    it('reads what people asked of its trials among them', async () => {
      const [id, other] = [newEvaluationId(), newEvaluationId()];
      const own = [await command(id, 1), await append(id)];
      for (let round = 0; round < 4; round += 1) {
        own.push(await trial(id, round), await command(id, round));
        await command(other, round);
      }
      await subject.inject(`${subjects.trialCommand(id, trialIdSchema.parse('1-1-1'))}.other`, unreadable);
      expect(await positionsOf(id)).toEqual(own);
      expect(await positionsOf(id, { from: own[2] ?? 0, upTo: own[5] ?? 0 })).toEqual(own.slice(2, 6));
    });

    it('reads any range of many events, dense and sparse', { timeout: 60_000 }, async () => {
      const [id, other] = [newEvaluationId(), newEvaluationId()];
      const own = [await append(id)];
      for (let index = 0; index < 300; index += 1) own.push(await trial(id, index));
      for (let index = 0; index < 700; index += 1) {
        if (index % 97 === 0) own.push(await trial(id, index));
        await trial(other, index);
      }
      for (let index = 0; index < 300; index += 1) own.push(await trial(id, index));
      expect(await positionsOf(id)).toEqual(own);
      const first = own[0] ?? 0;
      const last = own.at(-1) ?? 0;
      for (let from = first; from <= last; from += 131) {
        for (const upTo of [from - 1, from, from + 1, from + 700, last]) {
          const expected = own.filter((position) => position >= from && position <= upTo);
          expect(await positionsOf(id, { from, upTo }), `${from} to ${upTo}`).toEqual(expected);
        }
      }
      expect(await positionsOf(id, { upTo: first - 1 })).toEqual([]);
      expect(await positionsOf(id, { from: last + 1 })).toEqual([]);
    });

    it('throws the reason of its signal, and gives no part for the whole', async () => {
      const id = newEvaluationId();
      await append(id);
      for (let index = 0; index < 40; index += 1) await trial(id, index);
      await expect(read(id, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
      const stopping = new AbortController();
      const partly = (async () => {
        for await (const _ of subject.history.readEvaluation(id, { signal: stopping.signal }))
          stopping.abort(new Error('enough'));
      })();
      await expect(partly).rejects.toThrow('enough');
    });

    it('reads what is stored at a position, with the id it was published under', async () => {
      const id = newEvaluationId();
      const position = await append(id);
      const own = await subject.history.readAt(position);
      expect(own).toMatchObject({ ok: true, position, subject: subjects.evaluation(id) });
      expect(own?.ok && own.event.id).toBe(own?.messageId);
      const body = Uint8Array.of(0xff, 0, 0x7b);
      const foreign = await subject.history.readAt(await subject.inject(subjects.platform('executor'), body));
      expect(foreign).toMatchObject({ ok: false, messageId: null });
      expect(Buffer.from(foreign?.body ?? [])).toEqual(Buffer.from(body));
      expect(await subject.history.readAt((await subject.log.head()) + 1)).toBeNull();
    });
  });
};
