import type { EvaluationSnapshot } from '@crucible/api';
import { comparedMax, differs, sampleRows, summaryOf, titled } from '@crucible/domain';
import type { EvaluationPage, EvaluationView, SampleRow, Summary } from '@crucible/domain';
import { evaluationIdSchema } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';

/** One evaluation of a comparison, as its page shows it. */
export interface Compared {
  readonly title: string;
  readonly evaluation: EvaluationView;
  readonly summary: Summary;
}

/** Evaluations of one suite beside each other, and what each of them came to in its samples. */
export interface SuiteGroup {
  readonly name: string;
  readonly members: readonly Compared[];
  readonly rows: readonly (SampleRow & { readonly differs: boolean })[];
}

/** What an address asks to be compared. */
export interface Asked {
  readonly ids: readonly EvaluationId[];
  /** What was named and is no id of an evaluation. */
  readonly wrong: readonly string[];
  /** Beyond what is compared at once. */
  readonly more: number;
}

export const askedFor = (text: string | null): Asked => {
  const parts = [...new Set((text ?? '').split(',').map((part) => part.trim().toLowerCase()))].filter(Boolean);
  const ids = parts.flatMap((part) => evaluationIdSchema.safeParse(part).data ?? []);
  const wrong = parts.filter((part) => !evaluationIdSchema.safeParse(part).success);
  return { ids: ids.slice(0, comparedMax), wrong, more: Math.max(0, ids.length - comparedMax) };
};

export const pageOf = ({ evaluation, trials, position }: EvaluationSnapshot): EvaluationPage => ({
  evaluation,
  trials: new Map(trials.map((trial) => [trial.id, trial])),
  position,
});

export const comparePath = (ids: readonly string[]): string => `/compare?ids=${ids.join(',')}`;

export const comparedOf = (pages: readonly EvaluationPage[]): Compared[] =>
  titled(pages).map(({ title, page: { evaluation, trials } }) => ({
    title,
    evaluation,
    summary: summaryOf(evaluation, trials.values()),
  }));

/** Samples of one suite only: those of another that have the same id are other samples. */
export const groupsOf = (pages: readonly EvaluationPage[]): SuiteGroup[] => {
  const names = [...new Set(pages.map(({ evaluation }) => evaluation.suite.name))];
  return names.map((name) => {
    const own = pages.filter(({ evaluation }) => evaluation.suite.name === name);
    return { name, members: comparedOf(own), rows: sampleRows(own).map((row) => ({ ...row, differs: differs(row) })) };
  });
};

/** Models by suites: what each subject came to in each suite, as places in `compared`. */
export interface Grid {
  readonly subjects: readonly string[];
  readonly suites: readonly string[];
  readonly cells: readonly (readonly (readonly number[])[])[];
}

export const gridOf = (compared: readonly Compared[], subjectOf: (view: EvaluationView) => string): Grid => {
  const subjects = [...new Set(compared.map(({ evaluation }) => subjectOf(evaluation)))];
  const suites = [...new Set(compared.map(({ evaluation }) => evaluation.suite.name))];
  const at = (subject: string, suite: string): number[] =>
    compared.flatMap(({ evaluation }, index) =>
      subjectOf(evaluation) === subject && evaluation.suite.name === suite ? [index] : [],
    );
  return { subjects, suites, cells: subjects.map((subject) => suites.map((suite) => at(subject, suite))) };
};
