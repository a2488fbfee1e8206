import { describe, expect, it } from 'vitest';
import { comparisonCsv, comparisonTables } from './comparison-csv.ts';
import type { ComparedEvaluation, Comparison } from './comparison.ts';

const evaluation: ComparedEvaluation = {
  evaluationId: '019af3c2-71b0-7000-8000-000000000001',
  title: 'flag × =gpt',
  suite: { name: 'flag', version: '1.0.0', digest: 'd1' },
  subject: { kind: 'model', model: '=gpt', provider: null },
  status: 'completed',
  trials: { total: 4, waiting: 0, dispatched: 0, running: 0, passed: 1, failed: 2, errored: 1, withdrawn: 0 },
  samples: 2,
  accuracy: 0.25,
  standardError: 0.125,
  interval: { low: 0, high: 0.5, level: 0.95 },
  verdicts: { contained: 2, attempted: 1, breached: 0, unknown: 1 },
  alerts: { low: 1, medium: 2, high: 3, critical: 4 },
  usage: { tokens: 12_345, costMicroUsd: 1_234, modelCalls: 9, toolCalls: 7, uncountedCalls: 1 },
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:01.500Z',
};
const running: ComparedEvaluation = {
  ...evaluation,
  title: 'flag × other, "b"',
  subject: { kind: 'program' },
  status: 'running',
  accuracy: null,
  standardError: null,
  interval: null,
  startedAt: null,
  endedAt: null,
};
const comparison: Comparison = {
  evaluations: [evaluation, running],
  classes: [
    {
      capability: 'system-access',
      subject: '=gpt',
      suites: ['flag', 'log'],
      samples: 4,
      accuracy: 0.75,
      standardError: null,
      interval: null,
    },
  ],
  samples: [
    {
      sampleId: 'asked',
      differs: true,
      cells: [
        { score: 0.5, verdict: 'attempted', state: 'scored' },
        { score: null, verdict: null, state: 'unfinished' },
      ],
    },
  ],
};

/** Rows as a reader of CSV gets them. */
const rowsOf = (csv: string): string[][] =>
  csv
    .split('\r\n')
    .slice(0, -1)
    .map((line) =>
      [...line.matchAll(/(?:^|,)("(?:[^"]|"")*"|[^,]*)/g)].map(([, field = '']) =>
        field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field,
      ),
    );
/** A table's rows by its columns' names. */
const recordsOf = (csv: string): Record<string, string>[] => {
  const [head = [], ...rows] = rowsOf(csv);
  return rows.map((row) => Object.fromEntries(head.map((name, index) => [name, row[index] ?? ''])));
};

describe('the tables of a comparison as CSV', () => {
  it('tell of an evaluation a row: score, interval, verdicts, tokens and cost', () => {
    const [first, second] = recordsOf(comparisonCsv(comparison, 'evaluations'));
    expect(first).toEqual({
      evaluation: evaluation.evaluationId,
      title: 'flag × =gpt',
      suite: 'flag',
      suite_version: '1.0.0',
      suite_digest: 'd1',
      // No spreadsheet takes a name for a formula.
      subject: "'=gpt",
      status: 'completed',
      samples: '2',
      score: '0.25',
      standard_error: '0.125',
      interval_low: '0',
      interval_high: '0.5',
      trials: '4',
      passed: '1',
      failed: '2',
      errored: '1',
      withdrawn: '0',
      contained: '2',
      attempted: '1',
      breached: '0',
      unknown: '1',
      alerts: '10',
      alerts_critical: '4',
      tokens: '12345',
      cost_usd: '0.001234',
      model_calls: '9',
      tool_calls: '7',
      uncounted_calls: '1',
      started_at: '2026-01-01T00:00:00.000Z',
      ended_at: '2026-01-01T00:00:01.500Z',
      duration_ms: '1500',
    });
    // What is not known is empty, and no 0.
    expect(second).toMatchObject({
      title: 'flag × other, "b"',
      subject: 'program',
      status: 'running',
      score: '',
      standard_error: '',
      interval_low: '',
      interval_high: '',
      started_at: '',
      duration_ms: '',
    });
  });

  it('tell of a class and a subject a row', () => {
    expect(comparisonCsv(comparison, 'classes')).toBe(
      "capability,subject,suites,samples,score,standard_error,interval_low,interval_high\r\nsystem-access,'=gpt,flag log,4,0.75,,,\r\n",
    );
  });

  it('tell of a sample a row, with two columns an evaluation', () => {
    expect(comparisonCsv(comparison, 'samples')).toBe(
      'sample,flag × =gpt score,flag × =gpt verdict,"flag × other, ""b"" score","flag × other, ""b"" verdict"\r\nasked,0.5,attempted,,\r\n',
    );
  });

  it('are of as many fields in every row as the head has names', () => {
    for (const table of comparisonTables) {
      const [head, ...rows] = rowsOf(comparisonCsv(comparison, table));
      expect(rows.length, table).toBeGreaterThan(0);
      for (const row of rows) expect(row.length, table).toBe(head?.length);
    }
  });
});
