import { budgetReachedText, latestTrials, summaryOf } from '@crucible/domain';
import type { EvaluationPage, EvaluationView, TrialView } from '@crucible/domain';
import { pc } from '../colours.ts';
import { elapsedMs, trialName } from './progress.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';
import { duration, joinedLines, paint, safe, scoreText } from './text.ts';
import {
  asksModel,
  hasUsage,
  subjectText,
  usageCalls,
  usageCost,
  usageNumbers,
  usageText,
  usageTokens,
} from './usage-text.ts';
import type { UsageNumbers } from './usage-text.ts';

/** The last line of `--json`: what a script needs to go on. A public contract. */
export interface ResultLine {
  readonly evaluationId: string;
  readonly status: string;
  readonly trials: {
    readonly total: number;
    readonly passed: number;
    readonly failed: number;
    readonly errored: number;
  };
  readonly score: number | null;
  readonly position: number;
  readonly url: string;
  /** Of a model or an agent only. */
  readonly subject?: string;
  /** Epochs reduced as the suite says, and the standard error of it over samples. */
  readonly accuracy?: number | null;
  readonly standardError?: number | null;
  readonly usage?: UsageNumbers;
}

export const resultLine = (page: EvaluationPage, url: string): ResultLine => {
  const { evaluation, position } = page;
  const { id, status, trials, score, subject, usage } = evaluation;
  const { total, passed, failed, errored } = trials;
  const line = { evaluationId: id, status, trials: { total, passed, failed, errored }, score, position, url };
  if (!asksModel(evaluation)) return line;
  const { accuracy, standardError } = summaryOf(evaluation, page.trials.values());
  return { ...line, subject: subjectText(subject), accuracy, standardError, usage: usageNumbers(usage) };
};

/** True when the evaluation ran to its end and every trial passed. */
export const allPassed = ({ status, trials }: EvaluationView): boolean =>
  status === 'completed' && trials.passed === trials.total;

/**
 * Whether an evaluation came to what it was started for. A program has to pass. What a model scores is a finding, whichever
 * it is: there it counts that every trial came to a score.
 */
export const cameToResult = (evaluation: EvaluationView): boolean => {
  const { status, trials } = evaluation;
  if (!asksModel(evaluation)) return allPassed(evaluation);
  return status === 'completed' && trials.passed + trials.failed === trials.total;
};

const meanScore = ({ scores }: TrialView): number | null =>
  scores.length === 0 ? null : scores.reduce((sum, { value }) => sum + value, 0) / scores.length;

const stateOf = (trial: TrialView): string => trial.outcome ?? trial.status;

/** How a trial ended, in few words: `exit 0`, `crash SIGSEGV`, `wall-time`. */
export const endOf = ({ reason, exitCode, signal }: TrialView): string => {
  if (reason === null) return '';
  if (reason === 'exit') return `exit ${exitCode ?? '?'}`;
  return signal !== null && (reason === 'signal' || reason === 'crash') ? `${reason} ${safe(signal, 20)}` : reason;
};

export const LOOSER = 'looser profile';
/** Whether a trial's sandbox allowed more than `strict` does. */
export const isLooser = ({ profile }: TrialView): boolean => (profile?.looserThanStrict.length ?? 0) > 0;

const containmentOf = (trial: TrialView): string => {
  const { verdict, kernelObserved } = trial;
  const said = verdict !== null && kernelObserved === false ? `${verdict} (unobserved)` : (verdict ?? '');
  return isLooser(trial) ? [said, LOOSER].filter(Boolean).join(', ') : said;
};

/** Left out where nothing was used, as of every program. */
const usageColumns: readonly Column<TrialView>[] = [
  { title: 'tokens', text: (trial) => (hasUsage(trial) ? usageTokens(trial.usage) : ''), align: 'right', dropOrder: 5 },
  { title: 'cost', text: (trial) => (hasUsage(trial) ? usageCost(trial.usage) : ''), align: 'right', dropOrder: 6 },
  { title: 'calls', text: (trial) => (hasUsage(trial) ? usageCalls(trial.usage) : ''), align: 'right', dropOrder: 7 },
];

const trialColumns = (epochs: number): Column<TrialView>[] => [
  {
    title: 'sample',
    text: (trial) => trialName(trial, epochs),
    shorten: (trial, columns) => trialName(trial, epochs, columns),
    shrinks: true,
  },
  { title: 'outcome', text: stateOf, paint: (text, trial) => paint(stateOf(trial), text) },
  { title: 'score', text: (trial) => scoreText(meanScore(trial)), align: 'right', dropOrder: 1 },
  ...usageColumns,
  {
    title: 'time',
    text: (trial) => (trial.durationMs === null ? '' : duration(trial.durationMs)),
    align: 'right',
    dropOrder: 2,
  },
  {
    title: 'containment',
    text: containmentOf,
    paint: (text, trial) => paint(trial.verdict ?? '', text),
  },
  { title: 'ended by', text: endOf, dropOrder: 3 },
  { title: 'limits hit', text: (trial) => trial.limitsHit.join(', '), dropOrder: 4 },
];

export const trialTable = (trials: readonly TrialView[], epochs: number, columns: number): string[] =>
  table(trials, trialColumns(epochs), columns);

const EXPLAINED_MAX = 10;
const ROWS_MAX = 60;

/** Why a trial did not pass: the error of an errored one, else the scores that are not full. */
const whyNot = (trial: TrialView): string[] => {
  if (trial.error !== null) return [safe(trial.error, 400)];
  return trial.scores
    .filter(({ value }) => value < 1)
    .map(({ scorer, explanation }) => `${safe(scorer, 40)}: ${safe(explanation, 400)}`);
};

const explanations = (trials: readonly TrialView[], epochs: number, columns: number): string[] => {
  const wrong = trials.filter((trial) => trial.outcome !== 'passed' && whyNot(trial).length > 0);
  const lines = wrong
    .slice(0, EXPLAINED_MAX)
    .flatMap((trial) => [
      `${paint(stateOf(trial), '✗')} ${pc.bold(trialName(trial, epochs, Math.max(10, columns - 2)))}`,
      ...whyNot(trial).map((why) => `  ${why}`),
    ]);
  if (lines.length === 0) return [];
  const more = wrong.length - EXPLAINED_MAX;
  return ['', ...lines, ...(more > 0 ? [pc.dim(`and ${more} more that did not pass`)] : [])];
};

const verdictText = ({ verdicts }: EvaluationView): string =>
  Object.entries(verdicts)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => paint(verdict, `${count} ${verdict}`))
    .join(', ');

const worstFirst = ['breached', 'attempted', 'unknown', 'contained'] as const;
/** The worst verdict that a trial of an evaluation got; undefined while there is none. */
export const worstVerdictOf = ({ verdicts }: EvaluationView): (typeof worstFirst)[number] | undefined =>
  worstFirst.find((verdict) => verdicts[verdict] > 0);

/** The worst of an evaluation's containment, in few words. */
export const containmentText = (view: EvaluationView): string => {
  const worst = worstVerdictOf(view);
  return [
    ...(worst === undefined ? [] : [`${view.verdicts[worst]} ${worst}`]),
    ...(view.looserProfile ? [LOOSER] : []),
  ].join(', ');
};

/** `0.67 ± 0.17`: the error is the standard error over samples; one sample alone has none. */
export const scoreWithError = (page: EvaluationPage): string => {
  const { accuracy, standardError } = summaryOf(page.evaluation, page.trials.values());
  return scoreAndError(accuracy, standardError);
};

export const scoreAndError = (score: number | null, standardError: number | null): string =>
  standardError === null ? scoreText(score) : `${scoreText(score)} ± ${standardError.toFixed(2)}`;

/** How an evaluation went, in one line where there is room for it. */
export const summaryLines = (page: EvaluationPage, columns: number, nowMs: number): string[] => {
  const { evaluation } = page;
  const { trials, status, suite } = evaluation;
  const passed = `${trials.passed} of ${trials.total} passed`;
  const model = asksModel(evaluation);
  const mark = cameToResult(evaluation) ? pc.green('✓') : status === 'completed' ? pc.red('✗') : pc.yellow('●');
  const verdicts = verdictText(evaluation);
  const parts = [
    `${mark} ${pc.bold(safe(suite.name, 64))} ${safe(suite.version, 20)} ${paint(status)}`,
    ...(model ? [subjectText(evaluation.subject)] : []),
    passed,
    model ? `score ${scoreWithError(page)}` : `score ${scoreText(evaluation.score)}`,
    ...(model ? [usageText(evaluation.usage)] : []),
    duration(elapsedMs(page, nowMs)),
    ...(verdicts === '' ? [] : [verdicts]),
    ...(evaluation.looserProfile ? [pc.yellow(LOOSER)] : []),
  ];
  return [
    ...joinedLines(parts, columns),
    ...(evaluation.budgetReached === null
      ? []
      : [`${pc.yellow('!')} it did not run whole: ${budgetReachedText(evaluation.budgetReached)}`]),
  ];
};

export interface ResultView {
  readonly columns: number;
  readonly nowMs: number;
  /** Every trial has its row, however many there are. */
  readonly whole?: boolean;
}

/**
 * The result for a person: table, reasons of what did not pass, summary. Unless the whole is asked for, a long evaluation
 * shows only what did not pass, because nobody reads a thousand lines that say "passed".
 */
export const resultLines = (page: EvaluationPage, { columns, nowMs, whole = false }: ResultView): string[] => {
  const all = latestTrials(page);
  const { epochs, id } = page.evaluation;
  const short = whole || all.length <= ROWS_MAX;
  const rows = short ? all : all.filter(({ outcome }) => outcome !== 'passed').slice(0, ROWS_MAX);
  const unseen = all.length - rows.length;
  return [
    ...(rows.length > 0 ? trialTable(rows, epochs, columns) : []),
    ...(unseen > 0 ? [pc.dim(`${unseen} trials are not listed: ./crucible show ${id}`)] : []),
    ...explanations(all, epochs, columns),
    '',
    ...summaryLines(page, columns, nowMs),
  ];
};
