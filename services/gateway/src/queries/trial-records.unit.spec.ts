import { kernelQuerySchema, recordPageSchema } from '@crucible/api';
import type { RecordPage } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import { InMemoryEvidence } from '@crucible/event-log';
import type { EvaluationId, TrialId } from '@crucible/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrialRecords } from './trial-records.ts';

const evaluationId = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f' as EvaluationId;
const trial = { evaluationId, id: '0-1-1' as TrialId, status: 'finished' } as TrialView;
const place = { evaluationId, trialId: trial.id, channel: 'kernel' } as const;

/** A channel of these bytes, cut where the sizes say. */
const holding = async (bytes: Uint8Array, sizes: readonly number[]): Promise<TrialRecords> => {
  const evidence = new InMemoryEvidence();
  for (let at = 0, nth = 0; at < bytes.byteLength; nth += 1) {
    const size = sizes[nth % sizes.length] ?? 1;
    await evidence.append(place, `chunk-${nth}`, {}, bytes.subarray(at, at + size));
    at += size;
  }
  return new TrialRecords(evidence);
};
const lines = (records: readonly unknown[]): Buffer =>
  Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
const page = async (records: TrialRecords, query: object): Promise<RecordPage> =>
  recordPageSchema.parse(await records.page(trial, 'kernel', kernelQuerySchema.parse(query)));
const numbers = ({ records }: RecordPage): unknown[] => records.map(({ n }) => n);

const some = Array.from({ length: 1_000 }, (_, n) => ({
  n,
  at: 1,
  kind: n % 3 === 0 ? 'open' : 'exec',
  path: `é${n}`,
}));

describe('a transcript', () => {
  const transcript = { ...place, channel: 'transcript' } as const;
  const said = (n: number, content: string) => ({ n, at: 1, kind: n % 2 === 0 ? 'user' : 'assistant', content });
  const longest = said(1, '\u0001'.repeat(1_000_000));
  const bytes = lines([said(0, 'hello'), longest, said(2, 'and then?')]);
  const channelOf = async (channel: 'kernel' | 'transcript'): Promise<TrialRecords> => {
    const evidence = new InMemoryEvidence();
    for (let at = 0; at < bytes.byteLength; at += 65_536)
      await evidence.append({ ...transcript, channel }, `chunk-${at}`, {}, bytes.subarray(at, at + 65_536));
    return new TrialRecords(evidence);
  };

  it('gives the longest message there can be, which no other channel takes for a record', async () => {
    const records = await channelOf('transcript');
    const query = kernelQuerySchema.parse({ kind: 'assistant' });
    expect((await records.page(trial, 'transcript', query)).records).toEqual([longest]);
    const others = await (await channelOf('kernel')).page(trial, 'kernel', kernelQuerySchema.parse({}));
    expect(others).toMatchObject({ total: 2, unreadable: 1 });
  });

  it('ends a page behind a record that is beyond what a page holds, and goes on behind it', async () => {
    const records = await channelOf('transcript');
    const first = await records.page(trial, 'transcript', kernelQuerySchema.parse({ after: 0 }));
    expect(first).toMatchObject({ index: 1, next: 1 });
    const rest = await records.page(trial, 'transcript', kernelQuerySchema.parse({ after: first.next }));
    expect(numbers(rest)).toEqual([2]);
  });
});

describe('pages of records', () => {
  it('are the records, however the channel was cut and from wherever they are asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 300 }),
        async (sizes, limit) => {
          const records = await holding(
            lines(some.slice(0, 300)),
            sizes.map((size) => size + 20),
          );
          const read: unknown[] = [];
          for (let after: number | null = -1; after !== null;) {
            const found = await page(records, { after, limit });
            read.push(...found.records);
            after = found.next;
          }
          expect(read).toEqual(some.slice(0, 300));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('begin behind, before and around a number, at a place, and hold the kinds that were asked for', async () => {
    const records = await holding(lines(some), [10_000]);
    expect(numbers(await page(records, { after: 500, limit: 3 }))).toEqual([501, 502, 503]);
    expect(numbers(await page(records, { before: 500, limit: 3 }))).toEqual([497, 498, 499]);
    expect(numbers(await page(records, { around: 500, limit: 5 }))).toEqual([498, 499, 500, 501, 502]);
    expect(numbers(await page(records, { from: 998, limit: 5 }))).toEqual([998, 999]);
    const opened = await page(records, { kind: 'open', after: 500, limit: 2 });
    expect(opened).toMatchObject({ index: 167, matching: 334, total: 1_000, kinds: { open: 334, exec: 666 } });
    expect(numbers(opened)).toEqual([501, 504]);
    expect(await page(records, { kind: 'mount' })).toMatchObject({ records: [], matching: 0, next: null });
  });

  it('leave out and count what is no record, and never fail for it', async () => {
    const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    const long = `{"n":3,"path":"${'x'.repeat(70_000)}"}`;
    const bad = ['[]', 'null', '{"n":', '\u0000', deep, long, '"\ud800"', '{"n":2,"kind":"open","__proto__":{"n":9}}'];
    const bytes = Buffer.concat([
      Buffer.from(`{"n":1}\n\n${bad.join('\n')}\n`),
      Buffer.from([0xff, 10]),
      lines([{ n: 4 }]),
    ]);
    const found = await page(await holding(bytes, [65_536]), {});
    expect(numbers(found)).toEqual([1, 2, 4]);
    expect(found).toMatchObject({ total: 3, unreadable: 8, kinds: { open: 1, other: 2 } });
  });

  it('part no records that share a number, and are cut by size', async () => {
    const same = await holding(lines([{ n: 1 }, { n: 2, a: 1 }, { a: 2 }, { n: 2, a: 3 }, { n: 3 }]), [9]);
    expect(await page(same, { limit: 2 })).toMatchObject({ records: { length: 4 }, next: 2 });
    const large = Array.from({ length: 200 }, (_, n) => ({ n, path: 'x'.repeat(50_000) }));
    const first = await page(await holding(lines(large), [65_536]), { limit: 1_000 });
    expect(first.records.length).toBeLessThan(90);
    expect(first.next).toBe(first.records.length - 1);
  });

  it('come quickly out of a hundred thousand', async () => {
    const many = Array.from({ length: 100_000 }, (_, n) => ({
      n,
      at: 1.5,
      kind: 'open',
      path: `/tmp/${n}`,
      errno: '',
    }));
    const records = await holding(lines(many), [65_536]);
    await page(records, { limit: 1 });
    const begin = performance.now();
    for (let around = 0; around < 100_000; around += 5_000)
      expect((await page(records, { around, limit: 200 })).records.length).toBe(200);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });
});
