import { createHash, randomUUID } from 'node:crypto';
import { recordPageSchema } from '@crucible/api';
import type { RecordPage } from '@crucible/api';
import { subjects } from '@crucible/events';
import type { EvaluationId, EventData, TrialId } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './testing/ask.ts';
import type { Answer } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

const trialId = '0-1-1' as TrialId;
type RecordChannel = 'kernel' | 'usage';
const channels: readonly RecordChannel[] = ['kernel', 'usage'];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

/** An evaluation whose one trial runs. */
const running = async (): Promise<EvaluationId> => {
  const { id } = await gateway.submit();
  await gateway.dispatch(id);
  await gateway.reached(id, await gateway.begin(id));
  return id;
};
const place = (evaluationId: EvaluationId, channel: RecordChannel) => ({ evaluationId, trialId, channel });
const write = (id: EvaluationId, channel: RecordChannel, bytes: Uint8Array): Promise<void> =>
  gateway.evidence.append(place(id, channel), randomUUID(), {}, bytes);
const lines = (records: readonly unknown[]): Buffer =>
  Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
const acts = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    n,
    at: 1_000 + n,
    kind: n === 0 ? 'preflight' : n % 3 === 0 ? 'connect' : 'open',
    path: `/x/${n}`,
  }));

const get = (id: string, channel: string, query = '', trial: string = trialId): Promise<Answer> =>
  gateway.ask(`/api/v1/evaluations/${id}/trials/${trial}/${channel}${query}`);
const page = async (id: string, channel: RecordChannel, query = ''): Promise<RecordPage> => {
  const answer = await get(id, channel, query);
  expect(answer.status, answer.text).toBe(200);
  return recordPageSchema.parse(answer.json);
};
const numbers = ({ records }: RecordPage): unknown[] => records.map(({ n }) => n);

/** The trial's end, with the seal of what was written. */
const finish = (id: EvaluationId, channel: RecordChannel, bytes: Uint8Array): Promise<number> => {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const data: EventData<'crucible.trial.finished.v2'> = {
    evaluationId: id,
    trialId,
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
    evidence: [{ channel, chunks: 1, bytes: bytes.byteLength, dropped: 0, sha256 }],
    error: null,
    usage: null,
    answer: null,
  };
  return gateway.write(subjects.trial(id, trialId), { type: 'crucible.trial.finished.v2', data });
};

describe.each(channels)('records of the channel %s', (channel) => {
  it('are there as they were written, also cut in the middle, and are added to while the trial runs', async () => {
    const id = await running();
    expect(await page(id, channel)).toMatchObject({ records: [], total: 0, next: null, complete: false });
    const all = acts(20);
    const bytes = lines(all);
    await write(id, channel, bytes.subarray(0, 333));
    const first = await page(id, channel);
    expect(first.records).toEqual(all.slice(0, first.total));
    await write(id, channel, bytes.subarray(333));
    expect(await page(id, channel)).toMatchObject({ records: all, index: 0, matching: 20, total: 20, complete: false });
    await gateway.reached(id, await gateway.finish(id));
    expect(await page(id, channel)).toMatchObject({ total: 20, complete: true });
  });

  it('come in pages from wherever they are asked for, none twice and none left out', async () => {
    const id = await running();
    for (let at = 0; at < 1_000; at += 100) await write(id, channel, lines(acts(1_000).slice(at, at + 100)));
    const found: unknown[] = [];
    for (let after: number | null = -1; after !== null;) {
      const read: RecordPage = await page(id, channel, `?after=${after}&limit=300`);
      found.push(...read.records);
      after = read.next;
    }
    expect(found).toEqual(acts(1_000));
    expect(numbers(await page(id, channel, '?after=997'))).toEqual([998, 999]);
    expect(numbers(await page(id, channel, '?before=3&limit=2'))).toEqual([1, 2]);
    expect(numbers(await page(id, channel, '?around=500&limit=5'))).toEqual([498, 499, 500, 501, 502]);
    expect(numbers(await page(id, channel, '?from=998'))).toEqual([998, 999]);
    expect((await page(id, channel)).records).toHaveLength(200);
  });

  it('are counted where they are none, and harm nothing', async () => {
    const id = await running();
    const evil = { n: 1, at: 5, kind: 'open', path: '\u001b[2J<script>\u202e' };
    const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    await write(id, channel, lines([evil]));
    await write(id, channel, Buffer.from(`[]\nnull\n{"n":\n${deep}\n`));
    await write(id, channel, Buffer.from([0xff, 0xfe, 0x0a]));
    await write(id, channel, Buffer.concat([Buffer.alloc(70_000, 'x'), Buffer.from('\n'), lines([{ n: 2 }])]));
    const answer = await get(id, channel);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    const found = recordPageSchema.parse(answer.json);
    expect(found).toMatchObject({ total: 2, unreadable: 6, kinds: { open: 1, other: 1 } });
    expect(found.records).toMatchObject([{ n: 1, path: evil.path }, { n: 2 }]);
  });

  it('are given to nobody whose reading is not on record, and to nobody without the token', async () => {
    const id = await running();
    await write(id, channel, lines(acts(3)));
    const path = `/api/v1/evaluations/${id}/trials/${trialId}/${channel}`;
    const stranger = expectProblem(await ask(gateway.port, path), 401);
    expect(stranger.text).not.toContain('/x/1');
    const reads = async (): Promise<unknown[]> => {
      const { events } = await gateway.log.readSubject(subjects.team('default'));
      return events.flatMap((stored) =>
        stored.ok && stored.event.type === 'crucible.evidence.read.v1' && stored.event.data.evaluationId === id
          ? [{ actor: stored.event.actor, ...stored.event.data }]
          : [],
      );
    };
    expect(await reads()).toEqual([]);
    await page(id, channel);
    await page(id, channel, '?after=1');
    expect(await reads()).toEqual([{ actor: 'user:local', evaluationId: id, trialId, channel }]);
  });

  it('that were erased are told from records that never were', async () => {
    const id = await running();
    const bytes = lines(acts(3));
    await write(id, channel, bytes);
    await gateway.reached(id, await finish(id, channel, bytes));
    expect((await page(id, channel)).total).toBe(3);
    await gateway.evidence.erase(place(id, channel));
    expectProblem(await get(id, channel), 410, 'evidence-missing');
    const position = await gateway.write(subjects.platform('evidence'), {
      type: 'crucible.evidence.erased.v1',
      data: { ...place(id, channel), cause: 'request', requestedAt: 1, detail: 'asked' },
    });
    await gateway.reached(id, position);
    const gone = expectProblem(await get(id, channel), 410, 'evidence-erased');
    expect(gone.json.detail).toContain(`erased, position ${position}: the ${channel} of trial ${trialId}`);
  });

  it.each([
    'limit=0',
    'limit=5001',
    'limit=many',
    'after=-2',
    'before=-1',
    'from=x',
    'after=1&before=5',
    'around=1&from=0',
    'at=5',
  ])('asked for with ?%s are refused', async (query) => {
    const id = await running();
    expectProblem(await get(id, channel, `?${query}`), 400, 'invalid-request');
  });

  it('of a trial that there is not are not there', async () => {
    const id = await running();
    expectProblem(await get(id, channel, '', '7-1-1'), 404, 'not-found');
    expectProblem(await get(randomUUID(), channel), 404, 'not-found');
    expectProblem(await get('x', channel), 400, 'invalid-request');
    for (const trial of ['first', '..', '%2e%2e', '0-1-1%00'])
      expectProblem(await get(id, channel, '', trial), 400, 'invalid-request');
  });
});

describe('kernel records of some kinds', () => {
  it('are paged through as if there were no others, and counted beside them', async () => {
    const id = await running();
    await write(id, 'kernel', lines(acts(31)));
    const connects = acts(31).filter(({ kind }) => kind === 'connect');
    const found: unknown[] = [];
    for (let after: number | null = -1; after !== null;) {
      const read: RecordPage = await page(id, 'kernel', `?kind=connect&limit=4&after=${after}`);
      expect(read).toMatchObject({ matching: 10, total: 31, kinds: { preflight: 1, connect: 10, open: 20 } });
      found.push(...read.records);
      after = read.next;
    }
    expect(found).toEqual(connects);
    expect(numbers(await page(id, 'kernel', '?kind=preflight,connect&limit=2'))).toEqual([0, 3]);
    expect(await page(id, 'kernel', '?kind=mount')).toMatchObject({ records: [], matching: 0, total: 31, next: null });
  });

  it.each(['OPEN', 'open,', ',', '', '*', "open'--", 'open%20', 'x'.repeat(501)])(
    'that are none are refused: %j',
    async (kind) => {
      const answer = expectProblem(await get(await running(), 'kernel', `?kind=${kind}`), 400, 'invalid-request');
      expect(JSON.stringify(answer.json.errors)).toContain('kind');
    },
  );

  it('are no question to the channel usage', async () => {
    expectProblem(await get(await running(), 'usage', '?kind=open'), 400, 'invalid-request');
  });
});
