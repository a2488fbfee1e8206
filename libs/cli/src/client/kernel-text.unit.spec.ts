import type { RecordPage } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { ApiClient } from './api-client.ts';
import { clockStartMs, kernelEndLines, kernelLine, leftOutOf } from './kernel-text.ts';
import { recordPages } from './records.ts';
import { halfDone } from './testing.ts';
import { bare } from './text.ts';

const [finished] = [...halfDone().page().trials.values()];
if (finished === undefined) throw new Error('no trial');
const seal = { channel: 'kernel' as const, chunks: 1, bytes: 1, dropped: 0, sha256: 'ab'.repeat(32) };
const trial: TrialView = { ...finished, evidence: [seal] };
const start = clockStartMs(trial);
const page = (over: Partial<RecordPage>): RecordPage => ({
  records: [],
  index: 0,
  matching: 3,
  total: 3,
  unreadable: 0,
  kinds: { open: 2, exec: 1 },
  next: null,
  complete: true,
  ...over,
});
const plain = (lines: readonly string[]): string => lines.map(bare).join('\n');

describe('a kernel record in a line', () => {
  it('has its time on the trial’s clock, its number, what was done and how it was refused', () => {
    const open = { n: 812, at: start + 1_234.567, kind: 'open', path: '/etc/shadow', write: true, errno: 'EACCES' };
    expect(bare(kernelLine(open, start))).toMatch(
      /^ +\+1\.23456[67] s {2} +812 {2}open {7}\/etc\/shadow for writing {2}EACCES$/,
    );
    const early = { n: 0, at: start - 2_000, kind: 'preflight', checks: [1, 2] };
    expect(bare(kernelLine(early, start))).toMatch(/^ +-2\.000000 s {2} +0 {2}preflight {2}2 checks held$/);
  });

  it('is one harmless line, whatever stands in the record', () => {
    const record = fc.dictionary(
      fc.constantFrom('n', 'at', 'kind', 'path', 'args', 'errno', 'address', 'name', 'checks'),
      fc.jsonValue(),
    );
    const kinds = fc.constantFrom('open', 'exec', 'connect', 'call', 'preflight', 'sampled', 'spawn', undefined);
    fc.assert(
      fc.property(record, kinds, (given, kind) => {
        const line = bare(kernelLine(kind === undefined ? given : { ...given, kind }, start));
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/u);
      }),
    );
    expect(bare(kernelLine({ kind: 'open', path: '\u001b[2J\n\u202e' }, start))).toMatch(
      /\? +0 {2}open {7}␛\[2J \\u202e$/,
    );
  });
});

describe('below the records', () => {
  it('stands how many of how many they are, by kind, and how to go on', () => {
    expect(plain(kernelEndLines(3, page({}), trial))).toBe('3 of 3 records: 2 open, 1 exec');
    const some = plain(kernelEndLines(1, page({ matching: 2, next: 7 }), trial));
    expect(some).toBe('1 of 2 that fit, of 3 records: 2 open, 1 exec\nthere are more: --after 7');
    expect(plain(kernelEndLines(0, page({ matching: 0, total: 0, kinds: {} }), trial))).toBe('0 of 0 records');
  });

  it('stands everything that is not among them', () => {
    const flooded = { ...trial, evidence: [{ ...seal, dropped: 9_000 }], kernelObserved: false };
    const text = plain(kernelEndLines(3, page({ unreadable: 1 }), flooded));
    expect(text).toContain('9000 records more were counted and left out');
    expect(text).toContain('1 line could not be read as records');
    expect(text).toContain('this engine does not report system calls');
    expect(leftOutOf(flooded)).toBe(9_000);
  });

  it('stands that a trial that runs has not said yet what is left out', () => {
    const running = { ...trial, evidence: [] };
    expect(leftOutOf(running)).toBeNull();
    expect(plain(kernelEndLines(3, page({ complete: false }), running))).toContain('the trial has not ended');
  });
});

describe('pages of records', () => {
  /** A gateway with records 0 to 9 that gives at most three a page. */
  const asked: Record<string, unknown>[] = [];
  const client = {
    get: (path: string, schema: z.ZodType, query: { after?: number; around?: number; limit: number }) => {
      asked.push({ path: path.slice(path.lastIndexOf('/') + 1), ...query });
      const begin = query.around === undefined ? (query.after ?? -1) + 1 : query.around - 1;
      const end = Math.min(10, begin + Math.min(3, query.limit));
      const records = Array.from({ length: end - begin }, (_, at) => ({ n: begin + at }));
      return schema.parse(page({ records, next: end < 10 ? end - 1 : null, total: 10, matching: 10 }));
    },
  } as unknown as ApiClient;
  const numbers = async (wish: Parameters<typeof recordPages>[3]): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const { records } of recordPages(client, trial, 'kernel', wish))
      found.push(...records.map(({ n }) => n));
    return found;
  };

  it('go on until the end or until there are as many as asked for', async () => {
    expect(await numbers({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await numbers({ after: 4, limit: 4 })).toEqual([5, 6, 7, 8]);
  });

  it('begin around a record, and go on behind the page', async () => {
    asked.length = 0;
    expect(await numbers({ around: 5, kind: 'open', limit: 5 })).toEqual([4, 5, 6, 7, 8]);
    expect(asked).toEqual([
      { path: 'kernel', around: 5, kind: 'open', limit: 5 },
      { path: 'kernel', after: 6, kind: 'open', limit: 2 },
    ]);
  });
});
