import type { AlertCounts } from './views.ts';
import type { ClassScore } from './class-scores.ts';
import type { ComparedEvaluation, Comparison } from './comparison.ts';
import { subjectName } from './usage.ts';

const MICRO = 1_000_000;

type Field = string | number | null;
type Columns<Row> = Readonly<Record<string, (row: Row) => Field>>;

/**
 * A field of CSV (RFC 4180). What a spreadsheet would take for a formula gets a quote before it: ids of samples are chosen
 * by whoever wrote the suite.
 */
export const csvField = (value: Field): string => {
  if (typeof value === 'number') return String(value);
  const text = value ?? '';
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
};

const csvOf = (rows: readonly (readonly Field[])[]): string =>
  rows.map((row) => `${row.map(csvField).join(',')}\r\n`).join('');

const tableOf = <Row>(columns: Columns<Row>, rows: readonly Row[]): string =>
  csvOf([Object.keys(columns), ...rows.map((row) => Object.values(columns).map((of) => of(row)))]);

/** One row a sample, two columns an evaluation: its score and its worst verdict. */
const samplesCsv = ({ evaluations, samples }: Comparison): string =>
  csvOf([
    ['sample', ...evaluations.flatMap(({ title }) => [`${title} score`, `${title} verdict`])],
    ...samples.map(({ sampleId, cells }) => [sampleId, ...cells.flatMap(({ score, verdict }) => [score, verdict])]),
  ]);

const total = ({ low, medium, high, critical }: AlertCounts): number => low + medium + high + critical;

const tookMs = ({ startedAt, endedAt }: ComparedEvaluation): number | null =>
  startedAt === null || endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt);

/** Of an evaluation, which is one subject and one suite. A public contract: columns are added at the end. */
const evaluationColumns: Columns<ComparedEvaluation> = {
  evaluation: ({ evaluationId }) => evaluationId,
  title: ({ title }) => title,
  suite: ({ suite }) => suite.name,
  suite_version: ({ suite }) => suite.version,
  suite_digest: ({ suite }) => suite.digest,
  subject: ({ subject }) => subjectName(subject),
  status: ({ status }) => status,
  samples: ({ samples }) => samples,
  score: ({ accuracy }) => accuracy,
  standard_error: ({ standardError }) => standardError,
  interval_low: ({ interval }) => interval?.low ?? null,
  interval_high: ({ interval }) => interval?.high ?? null,
  trials: ({ trials }) => trials.total,
  passed: ({ trials }) => trials.passed,
  failed: ({ trials }) => trials.failed,
  errored: ({ trials }) => trials.errored,
  withdrawn: ({ trials }) => trials.withdrawn,
  contained: ({ verdicts }) => verdicts.contained,
  attempted: ({ verdicts }) => verdicts.attempted,
  breached: ({ verdicts }) => verdicts.breached,
  unknown: ({ verdicts }) => verdicts.unknown,
  alerts: ({ alerts }) => total(alerts),
  alerts_critical: ({ alerts }) => alerts.critical,
  tokens: ({ usage }) => usage.tokens,
  cost_usd: ({ usage }) => usage.costMicroUsd / MICRO,
  model_calls: ({ usage }) => usage.modelCalls,
  tool_calls: ({ usage }) => usage.toolCalls,
  uncounted_calls: ({ usage }) => usage.uncountedCalls,
  started_at: ({ startedAt }) => startedAt,
  ended_at: ({ endedAt }) => endedAt,
  duration_ms: tookMs,
};

const classColumns: Columns<ClassScore> = {
  capability: ({ capability }) => capability,
  subject: ({ subject }) => subject,
  suites: ({ suites }) => suites.join(' '),
  samples: ({ samples }) => samples,
  score: ({ accuracy }) => accuracy,
  standard_error: ({ standardError }) => standardError,
  interval_low: ({ interval }) => interval?.low ?? null,
  interval_high: ({ interval }) => interval?.high ?? null,
};

/** The tables of a comparison, by the names that its JSON has for them: rows of one kind each, as spreadsheets take them. */
export const comparisonTables = ['samples', 'evaluations', 'classes'] as const;
export type ComparisonTable = (typeof comparisonTables)[number];

/** One table of a comparison as CSV. The same bytes wherever it is asked for. */
export const comparisonCsv = (comparison: Comparison, which: ComparisonTable): string => {
  switch (which) {
    case 'samples':
      return samplesCsv(comparison);
    case 'evaluations':
      return tableOf(evaluationColumns, comparison.evaluations);
    case 'classes':
      return tableOf(classColumns, comparison.classes);
  }
};
