import { createHash } from 'node:crypto';
import { displayable, evaluationIdSchema, trialIdSchema } from '@crucible/events';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import type { ApiClient } from './api-client.ts';
import { argumentLines, argumentsOf } from './approval-arguments.ts';
import { bare, rowsOf } from './text.ts';
import type { Approval } from './trial-commands.ts';

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const recordOf = (n: number, input: unknown, id = 'c1') => ({
  n,
  at: 1,
  turn: 1,
  kind: 'message',
  by: 'subject',
  message: {
    role: 'assistant',
    content: '',
    reasoning: null,
    toolCalls: [{ id, tool: 'python', input, inputText: 'as the model spelt it' }],
  },
});
const approvalOf = (input: unknown, more: Partial<Approval> = {}): Approval => ({
  approvalId: '019af3c4-0000-7000-8000-000000000000',
  evaluationId: evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f'),
  trialId: trialIdSchema.parse('0-1-1'),
  sampleId: 'one',
  toolCallId: 'c1',
  turn: 1,
  tool: 'python',
  argumentsDigest: digestOf(JSON.stringify(input)),
  excerpt: 'the beginning',
  record: 4,
  requestedAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T00:10:00.000Z',
  ...more,
});

/** A platform whose transcript holds these records. @returns what it was asked for, too */
const platformWith = (records: readonly unknown[]) => {
  const asked: unknown[] = [];
  const get = (path: string, _schema: unknown, query: unknown) => {
    asked.push([path, query]);
    return Promise.resolve({ records, next: null });
  };
  return { client: { get } as unknown as ApiClient, asked };
};
const found = (approval: Approval, records: readonly unknown[]) => argumentsOf(platformWith(records).client, approval);

describe('the arguments of a call that waits', () => {
  const code = `print(1)\n${'# '.padEnd(100_000, 'x')}\nprint(2)`;

  it('are read whole from the record that the request names, and hashed anew', async () => {
    const { client, asked } = platformWith([recordOf(4, { code })]);
    const text = JSON.stringify({ code });
    const got = await argumentsOf(client, approvalOf({ code }));
    expect(got).toEqual({ kind: 'exact', text, digest: digestOf(text), isProven: true });
    const path = '/api/v1/evaluations/019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f/trials/0-1-1/transcript';
    expect(asked).toMatchObject([[path, { around: 4, limit: 1 }]]);
    const lines = argumentLines(approvalOf({ code }), got, Infinity).map(bare);
    expect(lines).toEqual([
      `  arguments  ${text.length} characters of JSON, all of them:`,
      '  code',
      ...code.split('\n').map((line) => `  │ ${line}`),
      `  SHA-256    ${digestOf(text)}`,
      expect.stringContaining('✓ computed anew'),
    ]);
  });

  it('are said not to be those of the request where the digest is another', async () => {
    const approval = approvalOf({ code: 'print(1)' });
    const got = await found(approval, [recordOf(4, { code: 'print(2)' })]);
    expect(got).toMatchObject({ kind: 'exact', isProven: false });
    const words = argumentLines(approval, got, Infinity).map(bare).join('\n');
    expect(words).toContain(`✗ not of these arguments, whose SHA-256 is ${digestOf('{"code":"print(2)"}')}: reject it`);
    expect(words).not.toContain('✓');
  });

  it.each([
    ['names no record', approvalOf({}, { record: null }), [recordOf(4, {})]],
    ['names a record that is not there', approvalOf({}), []],
    ['names a record beside which there are others', approvalOf({}), [recordOf(3, {})]],
    ['is of another call', approvalOf({}), [recordOf(4, {}, 'c2')]],
    ['names a record that is none', approvalOf({}), [{ n: 4, kind: 'message' }]],
  ])('are never guessed: a request that %s shows its beginning, and says so', async (_what, approval, records) => {
    const got = await found(approval, records);
    expect(got).toMatchObject({ kind: 'excerpt' });
    const words = argumentLines(approval, got, Infinity).map(bare).join('\n');
    expect(words).toMatch(/only their beginning: .*\n {2}│ the beginning\n[^]*nobody can say what would be run/);
  });

  it('that are no text are shown as JSON, and many of them, too', async () => {
    const few = { path: 'a', mode: 5, more: { x: [1] } };
    const lines = argumentLines(approvalOf(few), await found(approvalOf(few), [recordOf(4, few)]), Infinity).map(bare);
    expect(lines.slice(1, 6)).toEqual(['  path', '  │ a', '  mode, as JSON', '  │ 5', '  more, as JSON']);
    const many = Object.fromEntries(Array.from({ length: 13 }, (_, at) => [`n${at}`, at]));
    const whole = argumentLines(approvalOf(many), await found(approvalOf(many), [recordOf(4, many)]), Infinity);
    expect(whole.map(bare).slice(1, 3)).toEqual(['  as JSON', `  │ ${JSON.stringify(many)}`]);
  });
});

describe('hostile arguments on a terminal', () => {
  it('cannot steer it, nor pass for what is said of them, and nothing of them is left out', async () => {
    const forged = `  SHA-256    ${'0'.repeat(64)}`;
    const input = { code: `\u001b[2J\u202eabc\tdef\r${' '.repeat(76)}${forged}\n${forged}`, 'na\u001bme\n': 'v' };
    const columns = 80;
    const lines = argumentLines(approvalOf(input), await found(approvalOf(input), [recordOf(4, input)]), columns);
    expect(lines.map(bare).join('\n')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(lines.map(bare).filter((line) => line.startsWith('  SHA-256'))).toHaveLength(1);
    expect(lines.filter((line) => /[│┊]/.test(line)).every((line) => stringWidth(bare(line)) <= columns)).toBe(true);
    const shown = lines
      .map(bare)
      .filter((line) => /^ {2}[│┊] /.test(line))
      .map((line) => (line.startsWith('  │') ? '\n' : '') + line.slice(4));
    expect(shown.join('')).toBe(`\n${displayable(input.code).replaceAll('\t', '␉')}\nv`);
  });

  it('are broken into rows without losing anything, whatever letters they are of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 40 }), (text, columns) => {
        const line = displayable(text).replace(/[\t\n]/g, '');
        const rows = rowsOf(line, columns);
        expect(rows.join('')).toBe(line);
        for (const row of rows) expect(stringWidth(row)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});
