import { evaluationOf, reduceEvaluation } from '@crucible/domain';
import type { EvaluationView, Positioned } from '@crucible/domain';
import type { EvaluationId } from '@crucible/events';
import type { EvaluationFilter } from './api.ts';

/** Events kept to bring a page that was asked for earlier up to the present. */
const recentMax = 2_000;

export const isMatch = (view: EvaluationView, filter: EvaluationFilter): boolean =>
  (filter.status === null || view.status === filter.status) &&
  (filter.suite === null || view.suite.name === filter.suite) &&
  (filter.model === null || modelOf(view) === filter.model);

/** The model that is evaluated, or that an agent reaches; null for a program. */
const modelOf = ({ subject }: EvaluationView): string | null => (subject.kind === 'program' ? null : subject.model);

const newestFirst = (a: EvaluationView, b: EvaluationView): number =>
  a.submittedAt === b.submittedAt ? (a.id < b.id ? 1 : -1) : a.submittedAt < b.submittedAt ? 1 : -1;

/**
 * The evaluations a page knows, kept true by the stream. Answers to requests may be older or younger than the stream is:
 * of two views of one evaluation the one of the later position stands, and recent events are folded in again.
 */
export class EvaluationIndex {
  readonly #views = new Map<EvaluationId, EvaluationView>();
  #recent: Positioned[] = [];

  merge(views: readonly EvaluationView[]): void {
    for (const view of views) {
      const known = this.#views.get(view.id);
      let newer = known !== undefined && known.position >= view.position ? known : view;
      for (const positioned of this.#recent) {
        if (evaluationOf(positioned.event) === view.id) newer = reduceEvaluation(newer, positioned) ?? newer;
      }
      this.#views.set(view.id, newer);
    }
  }

  fold(positioned: Positioned): void {
    const id = evaluationOf(positioned.event);
    if (id === null) return;
    this.#recent.push(positioned);
    if (this.#recent.length > recentMax * 2) this.#recent = this.#recent.slice(-recentMax);
    const view = reduceEvaluation(this.#views.get(id), positioned);
    if (view !== undefined) this.#views.set(id, view);
  }

  /** @param oldest where the loaded pages end, as the last view of them; null when everything was loaded */
  list(filter: EvaluationFilter, oldest: EvaluationView | null): EvaluationView[] {
    return [...this.#views.values()]
      .filter((view) => isMatch(view, filter) && (oldest === null || newestFirst(view, oldest) <= 0))
      .sort(newestFirst);
  }

  modelNames(): string[] {
    return [...new Set([...this.#views.values()].flatMap((view) => modelOf(view) ?? []))].sort();
  }

  suiteNames(): string[] {
    return [...new Set([...this.#views.values()].map((view) => view.suite.name))].sort();
  }
}
