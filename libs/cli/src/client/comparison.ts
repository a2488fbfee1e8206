import { summaryOf } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import type { Interval } from '@crucible/domain';
import { differs, sampleRows, titled } from './side-by-side.ts';
import type { SampleRow } from './side-by-side.ts';
import { usageNumbers } from './usage-text.ts';
import type { UsageNumbers } from './usage-text.ts';

/** One evaluation of a comparison, as scripts get it. */
export interface ComparedEvaluation {
  readonly evaluationId: string;
  readonly title: string;
  readonly suite: { readonly name: string; readonly version: string; readonly digest: string };
  readonly subject: EvaluationPage['evaluation']['subject'];
  readonly status: string;
  readonly trials: EvaluationPage['evaluation']['trials'];
  readonly samples: number;
  readonly accuracy: number | null;
  readonly standardError: number | null;
  readonly interval: Interval | null;
  readonly verdicts: EvaluationPage['evaluation']['verdicts'];
  readonly alerts: EvaluationPage['evaluation']['alerts'];
  readonly usage: UsageNumbers;
}
export interface Comparison {
  readonly evaluations: readonly ComparedEvaluation[];
  readonly samples: readonly (SampleRow & { readonly differs: boolean })[];
}

export const comparisonOf = (pages: readonly EvaluationPage[]): Comparison => ({
  evaluations: titled(pages).map(({ title, page: { evaluation, trials } }) => {
    const { id, suite, subject, status, verdicts, alerts, usage } = evaluation;
    const { name, version, digest } = suite;
    const summary = summaryOf(evaluation, trials.values());
    return {
      evaluationId: id,
      title,
      suite: { name, version, digest },
      subject,
      status,
      trials: evaluation.trials,
      ...summary,
      verdicts,
      alerts,
      usage: usageNumbers(usage),
    };
  }),
  samples: sampleRows(pages).map((row) => ({ ...row, differs: differs(row) })),
});

/**
 * A field of CSV (RFC 4180). What a spreadsheet would take for a formula gets a quote before it: ids of samples are chosen
 * by whoever wrote the suite.
 */
export const field = (value: string | number | null): string => {
  if (typeof value === 'number') return String(value);
  const text = value ?? '';
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
};

/** One row a sample, two columns an evaluation: its score and its worst verdict. */
export const comparisonCsv = ({ evaluations, samples }: Comparison): string => {
  const head = ['sample', ...evaluations.flatMap(({ title }) => [`${title} score`, `${title} verdict`])];
  const rows = samples.map(({ sampleId, cells }) => [
    sampleId,
    ...cells.flatMap(({ score, verdict }) => [score, verdict]),
  ]);
  return [head, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
};
