import type { EvaluationSnapshot } from '@crucible/api';
import type { EvaluationPage, EvaluationView, TrialView } from '@crucible/domain';
import { displayableLine } from '@crucible/events';

/** Where one asked-for trial (sample x epoch) stands, as a word of the vocabulary and a filter of the page. */
export const standings = ['passed', 'failed', 'errored', 'running', 'dispatched', 'waiting', 'withdrawn'] as const;
export type Standing = (typeof standings)[number];

/** One place of the evaluation: sample x epoch, with its latest attempt; without a trial while nothing was dispatched. */
export interface Cell {
  readonly key: string;
  readonly sampleIndex: number;
  readonly epoch: number;
  readonly label: string;
  readonly standing: Standing;
  readonly trial: TrialView | null;
}

const labelCharsMax = 120;

/** What a filter asks for; null asks for nothing. */
export interface CellFilter {
  readonly standing: string | null;
  readonly reason: string | null;
  readonly limit: string | null;
  readonly verdict: string | null;
}

export const standingOf = (trial: TrialView | null, evaluation: EvaluationView): Standing => {
  if (trial === null) return evaluation.endedAt === null ? 'waiting' : 'withdrawn';
  if (trial.status === 'finished') return trial.outcome ?? 'errored';
  return trial.status;
};

/** A page as the stream's snapshot begins it. */
export const pageOf = ({ evaluation, trials, position }: EvaluationSnapshot): EvaluationPage => ({
  evaluation,
  trials: new Map(trials.map((trial) => [trial.id, trial])),
  position,
});

/** Cells of trials as they are, which never change: a page that is a little later shares all but a few with the one before. */
const cellsOfTrials = new WeakMap<TrialView, Cell>();
/** Cells without a trial, by evaluation: at most two a place. */
const emptyCells = new Map<string, Map<string, Cell>>();
const emptyEvaluationsMax = 4;

const emptyCellsOf = (evaluationId: string): Map<string, Cell> => {
  const known = emptyCells.get(evaluationId);
  if (known !== undefined) return known;
  if (emptyCells.size >= emptyEvaluationsMax) emptyCells.clear();
  const made = new Map<string, Cell>();
  emptyCells.set(evaluationId, made);
  return made;
};

const cellOfTrial = (trial: TrialView, evaluation: EvaluationView): Cell => {
  const known = cellsOfTrials.get(trial);
  if (known !== undefined) return known;
  const { sampleIndex, epoch } = trial;
  const sample = displayableLine(trial.sampleId, labelCharsMax);
  const label = evaluation.epochs > 1 ? `${sample} · epoch ${epoch}` : sample;
  const standing = standingOf(trial, evaluation);
  const cell: Cell = { key: `${sampleIndex}-${epoch}`, sampleIndex, epoch, label, standing, trial };
  cellsOfTrials.set(trial, cell);
  return cell;
};

/**
 * Every place of an evaluation in order of sample, then epoch. A place that did not change is the same object as before,
 * so that what shows it need not be touched.
 */
export const cellsOf = ({ evaluation, trials }: EvaluationPage): Cell[] => {
  const { samples, epochs } = evaluation;
  const latest: (TrialView | undefined)[] = new Array<TrialView | undefined>(samples * epochs);
  for (const trial of trials.values()) {
    const place = trial.sampleIndex * epochs + trial.epoch - 1;
    const known = latest[place];
    if (known === undefined || known.attempt < trial.attempt) latest[place] = trial;
  }
  const empties = emptyCellsOf(evaluation.id);
  const standing = standingOf(null, evaluation);
  const emptyAt = (place: number): Cell => {
    const name = `${standing} ${place}`;
    const known = empties.get(name);
    if (known !== undefined) return known;
    const [sampleIndex, epoch] = [Math.floor(place / epochs), (place % epochs) + 1];
    const label = epochs > 1 ? `Sample ${sampleIndex + 1} · epoch ${epoch}` : `Sample ${sampleIndex + 1}`;
    const cell: Cell = { key: `${sampleIndex}-${epoch}`, sampleIndex, epoch, label, standing, trial: null };
    empties.set(name, cell);
    return cell;
  };
  return Array.from({ length: samples * epochs }, (_, place) => {
    const trial = latest[place];
    return trial === undefined ? emptyAt(place) : cellOfTrial(trial, evaluation);
  });
};

/** The latest time that a page tells of, in milliseconds since 1970. */
export const latestMsOf = ({ evaluation, trials }: EvaluationPage): number => {
  let latest = Date.parse(evaluation.endedAt ?? evaluation.startedAt ?? evaluation.submittedAt);
  for (const { dispatchedAt, startedAt, finishedAt } of trials.values())
    latest = Math.max(latest, Date.parse(finishedAt ?? startedAt ?? dispatchedAt));
  return latest;
};

export const matches = ({ standing, trial }: Cell, filter: CellFilter): boolean =>
  (filter.standing === null || filter.standing === standing) &&
  (filter.reason === null || filter.reason === trial?.reason) &&
  (filter.verdict === null || filter.verdict === trial?.verdict) &&
  (filter.limit === null || (trial?.limitsHit as readonly string[] | undefined)?.includes(filter.limit) === true);

export const isFiltering = (filter: CellFilter): boolean => Object.values(filter).some((value) => value !== null);

/** The attempts at one place, first to last. */
export const attemptsAt = (page: EvaluationPage, trial: TrialView): TrialView[] =>
  [...page.trials.values()]
    .filter((each) => each.sampleIndex === trial.sampleIndex && each.epoch === trial.epoch)
    .sort((a, b) => a.attempt - b.attempt);

/** Mean of a trial's scores, 0 to 1; null when nothing was scored. */
export const scoreOf = (trial: TrialView): number | null =>
  trial.scores.length === 0 ? null : trial.scores.reduce((sum, { value }) => sum + value, 0) / trial.scores.length;

/** Where an arrow key leads in a grid read row by row; null when the key does not move. */
export const stepIn = (
  key: string,
  index: number,
  total: number,
  columns: number,
  rowsPerPage: number,
): number | null => {
  const last = total - 1;
  const bounded = (target: number): number => Math.min(last, Math.max(0, target));
  switch (key) {
    case 'ArrowRight':
      return bounded(index + 1);
    case 'ArrowLeft':
      return bounded(index - 1);
    case 'ArrowDown':
      return index + columns <= last ? index + columns : index;
    case 'ArrowUp':
      return index - columns >= 0 ? index - columns : index;
    case 'PageDown':
      return bounded(index + columns * rowsPerPage);
    case 'PageUp':
      return bounded(index - columns * rowsPerPage);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
};
