import { reduceEpochs, scoresBySample, summaryOf } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import stringWidth from 'string-width';
import { pc } from '../colours.ts';
import { elapsedMs } from './progress.ts';
import { cameToResult, latestTrials, scoreWithError } from './result.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';
import { bare, duration, paint, safe, scoreText } from './text.ts';
import { asksModel, subjectText, usageCalls, usageCost, usageTokens } from './usage-text.ts';

/** Evaluations of one suite by one subject each, or of anything: what they are told apart by. */
export interface Titled {
  readonly title: string;
  readonly page: EvaluationPage;
}

const wholeTitle = ({ evaluation }: EvaluationPage, suites: number): string => {
  const subject = asksModel(evaluation) ? subjectText(evaluation.subject) : 'program';
  return suites > 1 ? `${safe(evaluation.suite.name, 64)} × ${subject}` : subject;
};

/** Titles that tell evaluations apart; what has the same title as another is told by its place, counted from 1. */
export const titled = (pages: readonly EvaluationPage[]): Titled[] => {
  const suites = new Set(pages.map(({ evaluation }) => evaluation.suite.name)).size;
  const titles = pages.map((page) => wholeTitle(page, suites));
  return pages.map((page, index) => {
    const title = titles[index] ?? '';
    const same = titles.filter((other) => other === title).length > 1;
    return {
      page,
      title: same ? `${title} #${titles.slice(0, index + 1).filter((each) => each === title).length}` : title,
    };
  });
};

/** One sample in all of the evaluations: its score by its evaluation's reducer, and its worst verdict. */
export interface SampleRow {
  readonly sampleId: string;
  readonly cells: readonly SampleCell[];
}
export interface SampleCell {
  /** Null where it was not scored, or is not in that evaluation. */
  readonly score: number | null;
  readonly verdict: string | null;
  readonly state: 'scored' | 'errored' | 'unfinished' | 'absent';
}

const VERDICTS = ['contained', 'unknown', 'attempted', 'breached'];
const worst = (verdicts: readonly (string | null)[]): string | null =>
  verdicts.reduce<string | null>(
    (one, other) => (VERDICTS.indexOf(other ?? '') > VERDICTS.indexOf(one ?? '') ? other : one),
    null,
  );

const cellsOf = (page: EvaluationPage): ReadonlyMap<string, SampleCell> => {
  const trials = latestTrials(page);
  const scores = new Map(scoresBySample(trials).map((sample) => [sample.sampleId, sample.scores]));
  const cells = new Map<string, SampleCell>();
  for (const sampleId of new Set(trials.map((trial) => trial.sampleId))) {
    const own = trials.filter((trial) => trial.sampleId === sampleId);
    const known = scores.get(sampleId);
    const score = known === undefined ? null : reduceEpochs(page.evaluation.epochReducer, known);
    const finished = own.every(({ status }) => status === 'finished');
    const state = score !== null ? 'scored' : finished ? 'errored' : 'unfinished';
    cells.set(sampleId, { score, verdict: worst(own.map(({ verdict }) => verdict)), state });
  }
  return cells;
};

const absent: SampleCell = { score: null, verdict: null, state: 'absent' };

/** Samples in the order of the first evaluation that has them. */
export const sampleRows = (pages: readonly EvaluationPage[]): SampleRow[] => {
  const cells = pages.map(cellsOf);
  const ids = new Set(cells.flatMap((each) => [...each.keys()]));
  return [...ids].map((sampleId) => ({ sampleId, cells: cells.map((each) => each.get(sampleId) ?? absent) }));
};

export const differs = ({ cells }: SampleRow): boolean =>
  new Set(cells.map(({ score, verdict }) => `${score} ${verdict}`)).size > 1;

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
      text: ({ cells }) => cellText(cells[index] ?? absent),
      paint: (text, { cells }) => paintCell(text, cells[index] ?? absent),
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

const intervalText = (page: EvaluationPage): string => {
  const { interval } = summaryOf(page.evaluation, page.trials.values());
  return interval === null ? '' : `${scoreText(interval.low)}–${scoreText(interval.high)}`;
};

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
      { title: '95 %', text: ({ page }) => intervalText(page), dropOrder: 3 },
      { title: 'tokens', text: ({ page }) => usageTokens(page.evaluation.usage), align: 'right', dropOrder: 4 },
      { title: 'cost', text: ({ page }) => usageCost(page.evaluation.usage), align: 'right', dropOrder: 1 },
      { title: 'calls', text: ({ page }) => usageCalls(page.evaluation.usage), align: 'right', dropOrder: 7 },
      { title: 'time', text: ({ page }) => duration(elapsedMs(page, nowMs)), align: 'right', dropOrder: 8 },
      { title: 'containment', text: ({ page }) => verdictCounts(page), dropOrder: 2 },
      { title: 'alerts', text: ({ page }) => alertCounts(page), align: 'right', dropOrder: 5 },
    ],
    columns,
  );

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
