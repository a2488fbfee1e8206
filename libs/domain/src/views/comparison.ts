import { displayableLine } from '@crucible/events';
import { reduceEpochs } from '../policy/statistics.ts';
import type { Interval } from '../policy/statistics.ts';
import { budgetReachedText } from '../policy/budget.ts';
import { classScores } from './class-scores.ts';
import type { ClassScore } from './class-scores.ts';
import type { EvaluationPage } from './evaluation-page.ts';
import { scoresBySample, summaryOf } from './scores.ts';
import { subjectName, usageNumbers } from './usage.ts';
import type { UsageNumbers } from './usage.ts';
import type { TrialView } from './views.ts';

/** Evaluations that can be compared at once. */
export const comparedMax = 20;

/** The last attempt of every sample and epoch, in the order of the dataset. */
export const latestTrials = (page: EvaluationPage): TrialView[] =>
  [...page.trials.values()]
    .filter((trial) => trial.latest)
    .sort((a, b) => a.sampleIndex - b.sampleIndex || a.epoch - b.epoch || a.attempt - b.attempt);

/** Evaluations of one suite by one subject each, or of anything: what they are told apart by. */
export interface Titled {
  readonly title: string;
  readonly page: EvaluationPage;
}

const wholeTitle = ({ evaluation }: EvaluationPage, suites: number): string => {
  const subject = subjectName(evaluation.subject);
  return suites > 1 ? `${displayableLine(evaluation.suite.name, 64)} × ${subject}` : subject;
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

const bySample = (trials: readonly TrialView[]): ReadonlyMap<string, readonly TrialView[]> => {
  const groups = new Map<string, TrialView[]>();
  for (const trial of trials) {
    const group = groups.get(trial.sampleId);
    if (group === undefined) groups.set(trial.sampleId, [trial]);
    else group.push(trial);
  }
  return groups;
};

const cellsOf = (page: EvaluationPage): ReadonlyMap<string, SampleCell> => {
  const trials = latestTrials(page);
  const scores = new Map(scoresBySample(trials).map((sample) => [sample.sampleId, sample.scores]));
  const cells = new Map<string, SampleCell>();
  for (const [sampleId, own] of bySample(trials)) {
    const known = scores.get(sampleId);
    const score = known === undefined ? null : reduceEpochs(page.evaluation.epochReducer, known);
    const finished = own.every(({ status }) => status === 'finished');
    const state = score !== null ? 'scored' : finished ? 'errored' : 'unfinished';
    cells.set(sampleId, { score, verdict: worst(own.map(({ verdict }) => verdict)), state });
  }
  return cells;
};

export const absentSample: SampleCell = { score: null, verdict: null, state: 'absent' };

/** Samples in the order of the first evaluation that has them. */
export const sampleRows = (pages: readonly EvaluationPage[]): SampleRow[] => {
  const cells = pages.map(cellsOf);
  const ids = new Set(cells.flatMap((each) => [...each.keys()]));
  return [...ids].map((sampleId) => ({ sampleId, cells: cells.map((each) => each.get(sampleId) ?? absentSample) }));
};

export const differs = ({ cells }: SampleRow): boolean =>
  new Set(cells.map(({ score, verdict }) => `${score} ${verdict}`)).size > 1;

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
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}
export interface Comparison {
  readonly evaluations: readonly ComparedEvaluation[];
  /** Over the suites of each class of capabilities, subject by subject. */
  readonly classes: readonly ClassScore[];
  readonly samples: readonly (SampleRow & { readonly differs: boolean })[];
}

export const comparisonOf = (pages: readonly EvaluationPage[]): Comparison => ({
  evaluations: titled(pages).map(({ title, page: { evaluation, trials } }) => {
    const { id, suite, subject, status, verdicts, alerts, usage, startedAt, endedAt } = evaluation;
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
      startedAt,
      endedAt,
    };
  }),
  classes: classScores(pages),
  samples: sampleRows(pages).map((row) => ({ ...row, differs: differs(row) })),
});

/** The whole of a comparison for scripts: one line of JSON. The same bytes wherever it is asked for. */
export const comparisonJson = (comparison: Comparison): string =>
  `${JSON.stringify(comparison, (_, field: unknown) => (field === undefined ? null : field))}\n`;

/** Other samples or scorers make other numbers; that it is so is said, and what they have in common is compared. */
export const comparisonWarnings = (pages: readonly EvaluationPage[]): string[] => {
  const names = new Set(pages.map(({ evaluation }) => evaluation.suite.name));
  const differing = [...names].filter(
    (name) =>
      new Set(pages.flatMap(({ evaluation: { suite } }) => (suite.name === name ? [suite.digest] : []))).size > 1,
  );
  const shown = (name: string): string => displayableLine(name, 64);
  return [
    ...(names.size > 1 ? [`these are of different suites: ${[...names].map(shown).join(', ')}`] : []),
    ...(names.size === 1 && differing.length > 0
      ? ['the suite was not the same in all of them (its digest differs)']
      : differing.map((name) => `the suite ${shown(name)} was not the same in all of them (its digest differs)`)),
    ...titled(pages).flatMap(
      ({
        title,
        page: {
          evaluation: { endedAt, budgetReached },
        },
      }) => [
        ...(endedAt === null ? [`${title} has not ended: these are its numbers so far`] : []),
        ...(budgetReached === null ? [] : [`${title} did not run whole: ${budgetReachedText(budgetReached)}`]),
      ],
    ),
  ];
};
