import { trialIdSchema } from '@crucible/events';
import type { TrialId } from '@crucible/events';
import { beforeEach, describe, expect, it } from 'vitest';
import { newEvaluationId } from './event-log.contract.ts';
import type { EvidenceChunk, EvidencePlace, EvidenceStore } from './port.ts';

const trial = (index: number): TrialId => trialIdSchema.parse(`${index}-1-1`);
const numbers = (chunks: readonly EvidenceChunk[]): (number | undefined)[] => chunks.map(({ body }) => body[0]);

/** Chunks of one byte each, which is their number. */
const put = async (store: EvidenceStore, at: EvidencePlace, ...bytes: readonly number[]): Promise<void> => {
  for (const byte of bytes) {
    const messageId = `${at.evaluationId}.${at.trialId}.${at.channel}.${byte}`;
    await store.append(at, messageId, { Stream: 'stdout' }, Uint8Array.of(byte));
  }
};

/** What every store of evidence promises about what is erased. */
export const describeEvidence = (name: string, open: () => Promise<EvidenceStore>): void => {
  describe(`evidence: ${name}`, () => {
    let store: EvidenceStore;
    let at: EvidencePlace;
    beforeEach(async () => {
      store = await open();
      at = { evaluationId: newEvaluationId(), trialId: trial(0), channel: 'output' };
    });

    it('erases one channel of one trial whole, and nothing else', async () => {
      const others: EvidencePlace[] = [
        { ...at, channel: 'kernel' },
        { ...at, trialId: trial(1) },
        { ...at, evaluationId: newEvaluationId() },
      ];
      await put(store, at, 1, 2, 3);
      for (const other of others) await put(store, other, 7, 8);
      expect(await store.erase(at)).toBe(3);
      expect(await store.read(at, 0, 10)).toEqual([]);
      for (const other of others) expect(numbers(await store.read(other, 0, 10))).toEqual([7, 8]);
    });

    it('erases again without harm, and what never was', async () => {
      await put(store, at, 1);
      expect(await store.erase(at)).toBe(1);
      expect(await store.erase(at)).toBe(0);
      expect(await store.erase({ ...at, trialId: trial(9) })).toBe(0);
    });

    it('lists the channels that hold something, of an evaluation or of one trial', async () => {
      const kernel: EvidencePlace = { ...at, channel: 'kernel' };
      const second: EvidencePlace = { ...at, trialId: trial(1) };
      for (const place of [second, at, kernel]) await put(store, place, 1);
      expect(await store.places(at.evaluationId)).toEqual([kernel, at, second]);
      expect(await store.places(at.evaluationId, trial(1))).toEqual([second]);
      await store.erase(at);
      expect(await store.places(at.evaluationId)).toEqual([kernel, second]);
      expect(await store.places(newEvaluationId())).toEqual([]);
    });

    it('finds the oldest chunk and the oldest behind a place', async () => {
      const start = await lastOf(store);
      const later: EvidencePlace = { ...at, trialId: trial(1) };
      await put(store, at, 1, 2);
      await put(store, later, 3);
      const first = await store.oldest(start);
      expect(first?.place).toEqual(at);
      const second = await store.oldest(first?.sequence ?? 0);
      expect(second?.place).toEqual(at);
      const third = await store.oldest(second?.sequence ?? 0);
      expect(third?.place).toEqual(later);
      expect(await store.oldest(third?.sequence ?? 0)).toBeNull();
      await store.erase(at);
      expect((await store.oldest(start))?.place).toEqual(later);
    });

    it('uses less when something is erased', async () => {
      const before = (await store.usage()).bytes;
      await put(store, at, 1, 2);
      const kept = (await store.usage()).bytes;
      expect(kept).toBeGreaterThan(before);
      await store.erase(at);
      expect((await store.usage()).bytes).toBe(before);
    });
  });
};

const lastOf = async (store: EvidenceStore): Promise<number> => {
  let last = 0;
  for (let next = await store.oldest(0); next !== null; next = await store.oldest(last)) last = next.sequence;
  return last;
};
