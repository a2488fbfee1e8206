import type { EvaluationPage, TrialView } from '@crucible/domain';
import { pc } from '../colours.ts';
import stringWidth from 'string-width';
import { bare, cut, duration, joinedLines, pad, paint, safe } from './text.ts';
import { asksModel, subjectText, usageCost, usageTokens } from './usage-text.ts';

/** The terminal a picture is drawn for, and the time it is drawn at. */
export interface Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
}

const BAR_COLUMNS_MAX = 48;
const TRIAL_BAR_COLUMNS = 12;
const TRIALS_SHOWN_MAX = 12;
const NARROW = 60;
const NAMES_MEASURED_MAX = 200;

interface Segment {
  readonly count: number;
  readonly paint: (text: string) => string;
  readonly sign: string;
}

/** A bar whose parts have the proportions of their counts; a part that is not empty never vanishes while there is room. */
export const segmentedBar = (segments: readonly Segment[], total: number, columns: number): string => {
  let used = 0;
  let counted = 0;
  let bar = '';
  for (const segment of segments) {
    counted += segment.count;
    const end = total === 0 ? 0 : Math.round((Math.min(counted, total) / total) * columns);
    const width = Math.min(columns - used, Math.max(segment.count > 0 ? 1 : 0, end - used));
    bar += segment.paint(segment.sign.repeat(Math.max(0, width)));
    used += Math.max(0, width);
  }
  return bar + pc.dim('░'.repeat(columns - used));
};

const doneOf = ({ evaluation: { trials } }: EvaluationPage): number =>
  trials.passed + trials.failed + trials.errored + trials.withdrawn;

const sinceMs = (iso: string | null, nowMs: number): number =>
  iso === null ? 0 : Math.max(0, nowMs - Date.parse(iso));

/** How long an evaluation has taken so far, or took, in milliseconds. */
export const elapsedMs = ({ evaluation }: EvaluationPage, nowMs: number): number =>
  sinceMs(evaluation.submittedAt, evaluation.endedAt === null ? nowMs : Date.parse(evaluation.endedAt));

const counts = (page: EvaluationPage): string[] => {
  const { trials } = page.evaluation;
  const part = (count: number, word: string): string[] => (count > 0 ? [paint(word, `${count} ${word}`)] : []);
  const waiting = trials.waiting + trials.dispatched;
  return [
    ...part(trials.passed, 'passed'),
    ...part(trials.failed, 'failed'),
    ...part(trials.errored, 'errored'),
    ...part(trials.running, 'running'),
    ...(waiting > 0 ? [pc.dim(`${waiting} waiting`)] : []),
    ...(trials.withdrawn > 0 ? [pc.dim(`${trials.withdrawn} withdrawn`)] : []),
    ...usedSoFar(page),
  ];
};

const usedSoFar = ({ evaluation }: EvaluationPage): string[] => {
  const { usage } = evaluation;
  if (usage.modelCalls === 0) return [];
  return [pc.dim(`${usageTokens(usage)} tokens`), pc.dim(usageCost(usage)), pc.dim(`${usage.modelCalls} calls`)];
};

/** `find-the-flag`, and with a model which one. */
const headOf = ({ evaluation }: EvaluationPage): string => {
  const suite = safe(evaluation.suite.name, 64);
  return asksModel(evaluation) ? `${suite} × ${subjectText(evaluation.subject)}` : suite;
};

const overall = (page: EvaluationPage, columns: number): string => {
  const { trials } = page.evaluation;
  const done = doneOf(page);
  const share = trials.total === 0 ? 0 : Math.floor((done / trials.total) * 100);
  const numbers = `${done}/${trials.total}  ${share} %`;
  const width = Math.max(4, Math.min(BAR_COLUMNS_MAX, columns - numbers.length - 2));
  const segments = [
    { count: trials.passed, paint: pc.green, sign: '█' },
    { count: trials.failed, paint: pc.red, sign: '█' },
    { count: trials.errored + trials.withdrawn, paint: pc.yellow, sign: '█' },
    { count: trials.running, paint: pc.cyan, sign: '▒' },
  ];
  return `${segmentedBar(segments, trials.total, width)}  ${cut(numbers, columns - width - 2)}`;
};

const conversationText = ({ turn, usage, approvals, pause }: TrialView, spentMs: number): string => {
  const state = approvals.length > 0 ? ', waits for a decision' : pause === 'paused' ? ', paused' : '';
  return `turn ${turn}, ${usageTokens(usage)} tokens, ${duration(spentMs)}${state}`;
};

/** One running trial: its sample and how much of its wall time is spent; of a conversation, how far it has come. */
const trialLine = (trial: TrialView, epochs: number, nameColumns: number, { columns, nowMs }: Canvas): string => {
  const name = pad(trialName(trial, epochs, nameColumns), nameColumns);
  const spentMs = sinceMs(trial.startedAt, nowMs);
  if (trial.turn > 0) return `  ${name} ${cut(conversationText(trial, spentMs), columns - nameColumns - 4)}`;
  const limitMs = trial.limits?.wallTimeMsMax ?? 0;
  const time = duration(spentMs).padStart(8);
  if (columns < NARROW) return `  ${name} ${pc.dim(time)}`;
  const filled = limitMs === 0 ? 0 : Math.min(TRIAL_BAR_COLUMNS, Math.round((spentMs / limitMs) * TRIAL_BAR_COLUMNS));
  const bar = pc.cyan('▰'.repeat(filled)) + pc.dim('▱'.repeat(TRIAL_BAR_COLUMNS - filled));
  return `  ${name}  ${bar} ${time}${limitMs === 0 ? '' : pc.dim(` of ${duration(limitMs)}`)}`;
};

const ordinal = (trial: TrialView, epochs: number): string =>
  `${epochs > 1 ? ` #${trial.epoch}` : ''}${trial.attempt > 1 ? ` (attempt ${trial.attempt})` : ''}`;

/** A trial as people name it: its sample, with epoch and attempt where there are several. These stay when it is cut. */
export const trialName = (trial: TrialView, epochs: number, columns = Number.POSITIVE_INFINITY): string => {
  const end = ordinal(trial, epochs);
  return `${cut(safe(trial.sampleId, 100), columns - end.length)}${end}`;
};

/** The live picture of an evaluation: at most `rows - 1` lines of at most `columns` cells, so that nothing scrolls. */
export const progressLines = (page: EvaluationPage, canvas: Canvas, trouble?: string): string[] => {
  const columns = Math.max(20, canvas.columns - 1);
  const { evaluation } = page;
  const running = [...page.trials.values()].filter((trial) => trial.status === 'running');
  running.sort((a, b) => a.sampleIndex - b.sampleIndex || a.epoch - b.epoch);
  const head = `${headOf(page)}  ${evaluation.status}  ${duration(elapsedMs(page, canvas.nowMs))}`;
  const room = Math.min(TRIALS_SHOWN_MAX, Math.max(0, canvas.rows - 5));
  const shown = running.length > room ? running.slice(0, Math.max(0, room - 1)) : running;
  const widest = columns < NARROW ? columns - 12 : columns - TRIAL_BAR_COLUMNS - 26;
  // Of all trials, not of those that run: the picture keeps its shape while they come and go.
  const known = [...page.trials.values()].slice(0, NAMES_MEASURED_MAX);
  const names = [...known, ...shown].map((trial) => stringWidth(trialName(trial, evaluation.epochs)));
  const nameColumns = Math.max(4, Math.min(widest, Math.max(12, ...names)));
  const hidden = running.length - shown.length;
  return [
    pc.bold(cut(head, columns)),
    overall(page, columns),
    ...joinedLines(counts(page), columns),
    ...shown.map((trial) => trialLine(trial, evaluation.epochs, nameColumns, { ...canvas, columns })),
    ...(hidden > 0 ? [pc.dim(`  and ${hidden} more`)] : []),
    ...(trouble === undefined ? [] : [pc.yellow(cut(`! ${safe(trouble)}: trying again`, columns))]),
  ].slice(0, Math.max(1, canvas.rows - 1));
};

/** The same in one line, for logs and pipes. */
export const progressText = (page: EvaluationPage, nowMs: number): string => {
  const { evaluation } = page;
  const states = counts(page).map(bare).join(', ');
  return `${headOf(page)}: ${evaluation.status}, ${doneOf(page)} of ${evaluation.trials.total} done after ${duration(elapsedMs(page, nowMs))}${states === '' ? '' : ` (${states})`}`;
};

const ROWS_EACH_MIN = 4;

/** Several evaluations below each other, those that still run first where there is no room for all. */
export const stackedLines = (pages: readonly EvaluationPage[], canvas: Canvas, trouble?: string): string[] => {
  const [only] = pages;
  if (pages.length === 1 && only !== undefined) return progressLines(only, canvas, trouble);
  const room = Math.max(1, Math.floor((canvas.rows - 2) / ROWS_EACH_MIN));
  const running = pages.filter(({ evaluation }) => evaluation.endedAt === null);
  const shown = pages.length <= room ? pages : [...running, ...pages.filter((page) => !running.includes(page))];
  const seen = shown.slice(0, room);
  const rows = Math.max(ROWS_EACH_MIN, Math.floor((canvas.rows - 2) / seen.length));
  const hidden = pages.length - seen.length;
  return [
    ...seen.flatMap((page) => progressLines(page, { ...canvas, rows })),
    ...(hidden > 0 ? [pc.dim(`and ${hidden} more evaluations`)] : []),
    ...(trouble === undefined ? [] : [pc.yellow(cut(`! ${safe(trouble)}: trying again`, canvas.columns - 1))]),
  ].slice(0, Math.max(1, canvas.rows - 1));
};
