import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Act } from './acts.ts';
import { toLine } from './acts.ts';
import type { Batch } from './evidence.ts';
import {
  BATCH_BYTES_MAX,
  BATCH_WAIT_MS,
  Evidence,
  EVIDENCE_BYTES_MAX,
  RECORDS_FULL_MAX,
  SAMPLE_EVERY,
  SAMPLED_BYTES_MAX,
  TELLING_BYTES_MAX,
} from './evidence.ts';

const END_MS = 1_763_934_000_123.456;

class Sink {
  readonly batches: Batch[] = [];
  get lines(): string[] {
    return this.batches.flatMap(({ lines }) => lines.trim().split('\n'));
  }
  get records(): number {
    return this.batches.reduce((sum, { records }) => sum + records, 0);
  }
  get bytes(): number {
    return this.batches.reduce((sum, { lines }) => sum + Buffer.byteLength(lines), 0);
  }
  readonly take = (batch: Batch): void => void this.batches.push(batch);
}

// Some fill a whole record, whatever the machine has to do besides.
vi.setConfig({ testTimeout: 60_000 });
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const fill = (evidence: Evidence, records: number, text = 'x\n', telling = false): void => {
  for (let record = 0; record < records; record += 1) evidence.add(telling, () => text);
};

describe('the bounds of a trial’s record', () => {
  it('is full up to its number of records, then one in so many, and its last line says so', () => {
    const [evidence, sink] = [new Evidence(), new Sink()];
    evidence.deliverTo(sink.take);
    fill(evidence, RECORDS_FULL_MAX);
    expect(evidence.leftOut).toBe(0);
    fill(evidence, SAMPLE_EVERY * 10);
    const leftOut = (SAMPLE_EVERY - 1) * 10;
    expect(evidence.leftOut).toBe(leftOut);
    evidence.end(END_MS);
    expect(JSON.parse(sink.lines.at(-1) ?? '')).toEqual({
      n: RECORDS_FULL_MAX + SAMPLE_EVERY * 10 + 1,
      at: END_MS,
      kind: 'sampled',
      from: RECORDS_FULL_MAX + 1,
      leftOut,
    });
    expect(sink.records).toBe(RECORDS_FULL_MAX + 10 + 1);
  });

  it('says in a line of its own what never came', () => {
    const [evidence, sink] = [new Evidence(), new Sink()];
    evidence.deliverTo(sink.take);
    fill(evidence, 3);
    evidence.end(END_MS, { dropped: 7, malformed: 0 });
    expect(JSON.parse(sink.lines.at(-1) ?? '')).toEqual({ n: 4, at: END_MS, kind: 'lost', dropped: 7, malformed: 0 });
  });

  it('says nothing of sampling where nothing was left out', () => {
    const [evidence, sink] = [new Evidence(), new Sink()];
    evidence.deliverTo(sink.take);
    fill(evidence, 10);
    evidence.end(END_MS);
    expect(sink.lines).toEqual(Array.from({ length: 10 }, () => 'x'));
  });

  it('is bounded in bytes as they are stored, also where each character takes three', () => {
    const [evidence, sink] = [new Evidence(), new Sink()];
    evidence.deliverTo(sink.take);
    const text = `${'漢'.repeat(300)}\n`;
    fill(evidence, 18_700, text);
    expect(evidence.leftOut).toBeGreaterThan(0);
    const inFull = evidence.seen - evidence.leftOut;
    expect(inFull * Buffer.byteLength(text)).toBeLessThan(EVIDENCE_BYTES_MAX + 2 * BATCH_BYTES_MAX);
    fill(evidence, 600_000, text);
    fill(evidence, 5_000, text, true);
    evidence.end(END_MS);
    expect(sink.bytes).toBeLessThan(EVIDENCE_BYTES_MAX + SAMPLED_BYTES_MAX + TELLING_BYTES_MAX + BATCH_BYTES_MAX);
  });

  it('keeps what is telling when the rest is already sampled', () => {
    const [evidence, sink] = [new Evidence(), new Sink()];
    evidence.deliverTo(sink.take);
    fill(evidence, RECORDS_FULL_MAX + 1);
    fill(evidence, 3, 'telling\n', true);
    evidence.end(END_MS);
    expect(sink.lines.filter((line) => line === 'telling')).toHaveLength(3);
  });
});

describe('a sink that is slow', () => {
  const big = `${'y'.repeat(1_023)}\n`;
  const batchful = BATCH_BYTES_MAX / 1_024;

  it('is behind after one more batch, gets nothing meanwhile, and everything in order later', async () => {
    const [evidence, sink] = [new Evidence(), new Sink()];
    let taken = Promise.withResolvers<void>();
    evidence.deliverTo((batch) => (sink.take(batch), taken.promise));
    fill(evidence, batchful, big);
    expect(sink.batches).toHaveLength(1);
    expect(evidence.behind).toBe(false);
    fill(evidence, batchful - 1, big);
    expect(evidence.behind).toBe(false);
    fill(evidence, 1, big);
    expect(evidence.behind).toBe(true);
    await vi.advanceTimersByTimeAsync(10 * BATCH_WAIT_MS);
    expect(sink.batches).toHaveLength(1);
    const first = taken;
    taken = Promise.withResolvers();
    first.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(sink.batches).toHaveLength(2);
    expect(evidence.behind).toBe(false);
    expect(sink.records).toBe(2 * batchful);
  });

  it('gets what came meanwhile by time, if it is less than a batch', async () => {
    const [evidence, sink] = [new Evidence(), new Sink()];
    const taken = Promise.withResolvers<void>();
    evidence.deliverTo((batch) => (sink.take(batch), taken.promise));
    fill(evidence, batchful, big);
    fill(evidence, 1);
    taken.resolve();
    await vi.advanceTimersByTimeAsync(BATCH_WAIT_MS + 1);
    expect(sink.lines.at(-1)).toBe('x');
  });

  it('still gets the last of it at the end', () => {
    const [evidence, sink] = [new Evidence(), new Sink()];
    evidence.deliverTo((batch) => (sink.take(batch), new Promise<void>(() => undefined)));
    fill(evidence, batchful, big);
    fill(evidence, 3);
    evidence.end(END_MS);
    expect(sink.lines.slice(-3)).toEqual(['x', 'x', 'x']);
  });
});

describe('a sink that fails', () => {
  it.each([
    ['by throwing', (): void => { throw new Error('store is gone'); }], // prettier-ignore
    ['by rejecting', () => Promise.reject(new Error('store is gone'))],
  ])('%s costs its own trial the record, and nobody else anything', async (_name, sink) => {
    const evidence = new Evidence();
    evidence.deliverTo(sink);
    fill(evidence, 1);
    evidence.flush();
    await vi.advanceTimersByTimeAsync(1);
    expect(String(evidence.failure)).toBe('Error: store is gone');
    fill(evidence, 100_000);
    expect(evidence.behind).toBe(false);
    evidence.end(END_MS);
  });
});

describe('a line', () => {
  const base = { t: 5, tid: 2, tgid: 2, proc: 'python3' };

  it('begins with its ordinal and its time on the clock of the wall', () => {
    const act: Act = { ...base, kind: 'open', path: '/tmp/a', write: false, errno: '' };
    expect(toLine(act, 7, END_MS)).toBe(
      '{"n":7,"at":1763934000123.456,"t":5,"tid":2,"tgid":2,"proc":"python3","kind":"open","path":"/tmp/a","write":false,"errno":""}\n',
    );
  });

  it('cuts every text, also in lists, and leaves the act as it was', () => {
    const act: Act = { ...base, kind: 'exec', path: 'p'.repeat(5_000), args: ['a'.repeat(300), 'b'] };
    const line = JSON.parse(toLine(act, 1, END_MS)) as { path: string; args: string[] };
    expect(line.path).toBe(`${'p'.repeat(256)}…`);
    expect(line.args).toEqual([`${'a'.repeat(256)}…`, 'b']);
    expect(act.path).toHaveLength(5_000);
  });
});
