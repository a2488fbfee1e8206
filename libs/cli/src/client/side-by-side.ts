import { absentSample, classScores, latestTrials, sampleRows, summaryOf, titled } from '@crucible/domain';
import type { ClassScore, EvaluationPage, SampleCell, SampleRow, Summary, Titled } from '@crucible/domain';
import stringWidth from 'string-width';
import { pc } from '../colours.ts';
import { elapsedMs } from './progress.ts';
import { cameToResult, scoreAndError, scoreWithError } from './result.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';
import { bare, duration, paint, safe, scoreText } from './text.ts';
import { usageCalls, usageCost, usageTokens } from './usage-text.ts';

const cellText = ({ score, verdict, state }: SampleCell): string => {
  if (state === 'absent') return '';
  const shown = state === 'scored' ? scoreText(score) : state;
  return verdict === null || verdict === 'contained' ? shown : `${shown} ${verdict}`;
};

const paintCell = (text: string, { score, state, verdict }: SampleCell): string => {
  if (verdict === 'breached' || verdict === 'unknown') return paint(verdict, text);
  if (state !== 'scored') return paint('errored', text);
  return score === 1 ? pc.bold(text) : text;
};

const MATRIX_ROWS_MAX = 60;

/** What every subject scored in every sample; nothing where that does not fit into the terminal. */
export const matrixLines = (all: readonly Titled[], rows: readonly SampleRow[], columns: number): string[] => {
  const prefix = commonFolder(all.map(({ title }) => title));
  const columnsOf: Column<SampleRow>[] = [
    { title: 'sample', text: ({ sampleId }) => safe(sampleId, 100), shrinks: true },
    ...all.map(({ title }, index): Column<SampleRow> => ({
      title: title.slice(prefix.length),
      text: ({ cells }) => cellText(cells[index] ?? absentSample),
      paint: (text, { cells }) => paintCell(text, cells[index] ?? absentSample),
    })),
  ];
  const lines = table(rows.slice(0, MATRIX_ROWS_MAX), columnsOf, columns);
  if (stringWidth(bare(lines[0] ?? '')) > columns) return [];
  const hidden = rows.length - MATRIX_ROWS_MAX;
  return [...lines, ...(hidden > 0 ? [pc.dim(`and ${hidden} more samples`)] : [])];
};

/** `scripted/` of `scripted/benign` and `scripted/intruder`: no column needs to say it again. */
const commonFolder = (titles: readonly string[]): string => {
  const [first = ''] = titles;
  const folder = /^[^\s×]*\//.exec(first)?.[0] ?? '';
  return titles.every((title) => title.startsWith(folder)) ? folder : '';
};

const verdictCounts = ({ evaluation }: EvaluationPage): string =>
  Object.entries(evaluation.verdicts)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', ');

const alertCounts = ({ evaluation }: EvaluationPage): string => {
  const { low, medium, high, critical } = evaluation.alerts;
  return String(low + medium + high + critical);
};

const intervalText = ({ interval }: Pick<Summary, 'interval'>): string =>
  interval === null ? '' : `${scoreText(interval.low)}–${scoreText(interval.high)}`;

const mark = ({ evaluation }: EvaluationPage): string => (cameToResult(evaluation) ? pc.green('✓') : pc.yellow('●'));

/** One row an evaluation: score with its error and interval, what it used, how containment ended. */
export const summaryTable = (all: readonly Titled[], columns: number, nowMs: number): string[] =>
  table(
    all,
    [
      { title: ' ', text: () => '✓', paint: (_, { page }) => mark(page) },
      { title: 'subject', text: ({ title }) => title, shrinks: true },
      {
        title: 'passed',
        text: ({ page: { evaluation } }) => `${evaluation.trials.passed}/${evaluation.trials.total}`,
        align: 'right',
        dropOrder: 6,
      },
      { title: 'score', text: ({ page }) => scoreWithError(page), align: 'right' },
      {
        title: '95 %',
        text: ({ page }) => intervalText(summaryOf(page.evaluation, page.trials.values())),
        dropOrder: 3,
      },
      { title: 'tokens', text: ({ page }) => usageTokens(page.evaluation.usage), align: 'right', dropOrder: 4 },
      { title: 'cost', text: ({ page }) => usageCost(page.evaluation.usage), align: 'right', dropOrder: 1 },
      { title: 'calls', text: ({ page }) => usageCalls(page.evaluation.usage), align: 'right', dropOrder: 7 },
      { title: 'time', text: ({ page }) => duration(elapsedMs(page, nowMs)), align: 'right', dropOrder: 8 },
      { title: 'containment', text: ({ page }) => verdictCounts(page), dropOrder: 2 },
      { title: 'alerts', text: ({ page }) => alertCounts(page), align: 'right', dropOrder: 5 },
    ],
    columns,
  );

const CLASS_COLUMNS: Column<ClassScore>[] = [
  { title: 'class', text: ({ capability }) => capability },
  { title: 'subject', text: ({ subject }) => subject, shrinks: true },
  { title: 'score', text: ({ accuracy, standardError }) => scoreAndError(accuracy, standardError), align: 'right' },
  { title: '95 %', text: intervalText, dropOrder: 1 },
  { title: 'samples', text: ({ samples }) => String(samples), align: 'right', dropOrder: 2 },
  { title: 'suites', text: ({ suites }) => safe(suites.join(', '), 200), shrinks: true, dropOrder: 3 },
];

/** What each subject came to in each class of capabilities; nothing where one suite alone says it already. */
export const classTable = (pages: readonly EvaluationPage[], columns: number): string[] => {
  const suites = new Set(pages.map(({ evaluation }) => evaluation.suite.name));
  const classes = suites.size > 1 ? classScores(pages) : [];
  return classes.length === 0 ? [] : ['', ...table(classes, CLASS_COLUMNS, columns)];
};

const ERRORS_MAX = 10;

const errorLines = (all: readonly Titled[]): string[] => {
  const errored = all.flatMap(({ title, page }) =>
    latestTrials(page).flatMap(({ error, sampleId }) => (error === null ? [] : [{ title, sampleId, error }])),
  );
  const lines = errored
    .slice(0, ERRORS_MAX)
    .map(({ title, sampleId, error }) => `${pc.yellow('!')} ${title}, ${safe(sampleId, 60)}: ${safe(error, 300)}`);
  const more = errored.length - ERRORS_MAX;
  return [...lines, ...(more > 0 ? [pc.dim(`and ${more} more that errored`)] : [])];
};

/** Results of several evaluations beside each other. */
export const sideBySideLines = (
  pages: readonly EvaluationPage[],
  { columns, nowMs }: { readonly columns: number; readonly nowMs: number },
): string[] => {
  const all = titled(pages);
  const matrix = matrixLines(all, sampleRows(pages), columns);
  const errors = errorLines(all);
  return [
    ...matrix,
    ...(matrix.length > 0 ? [''] : []),
    ...errors,
    ...(errors.length > 0 ? [''] : []),
    ...summaryTable(all, columns, nowMs),
  ];
};
