import type { EvaluationList, evaluationListQuerySchema } from '@crucible/api';
import type { EvaluationView } from '@crucible/domain';
import { decodeCursor, encodeCursor } from '@crucible/read-model';
import type { ReadModel, SubmittedEvaluation } from '@crucible/read-model';
import type { z } from 'zod';
import type { Moments } from './moments.ts';

type ListQuery = z.output<typeof evaluationListQuerySchema>;
export type ListAtQuery = ListQuery & { readonly at: number };

/** Evaluations looked at together. Those of them that have changed since are folded from the log side by side. */
const CHUNK = 16;

export const listBounds = {
  /** Evaluations folded for one page. A page that would take more ends before it is full, and says where to go on. */
  foldsPerPageMax: 200,
  pageMsMax: 8_000,
} as const;

/** The list as it was at a position: what has not changed since is in the read model, the rest is folded from the log. */
export class EvaluationsAt {
  readonly #readModel: Pick<ReadModel, 'submittedUpTo'>;
  readonly #moments: Moments;

  constructor(readModel: Pick<ReadModel, 'submittedUpTo'>, moments: Moments) {
    this.#readModel = readModel;
    this.#moments = moments;
  }

  /** @throws BadCursor, and what `Moments` throws */
  async list(team: string, query: ListAtQuery, signal: AbortSignal): Promise<EvaluationList> {
    const { at, limit } = query;
    let before = query.cursor === undefined ? undefined : decodeCursor(query.cursor, 1)[0];
    const deadline = performance.now() + listBounds.pageMsMax;
    const found: { readonly view: EvaluationView; readonly submittedPosition: number }[] = [];
    let folds = 0;
    // One more than wanted tells that there is a next page.
    while (found.length <= limit) {
      signal.throwIfAborted();
      const rows = await this.#readModel.submittedUpTo(team, { ...query, before, limit: CHUNK });
      const views = await Promise.all(rows.map((row) => this.#then(row, at, signal)));
      for (const [index, { submittedPosition }] of rows.entries()) {
        const view = views[index] ?? null;
        if (view !== null && (query.status === undefined || view.status === query.status))
          found.push({ view, submittedPosition });
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < CHUNK) break;
      before = last.submittedPosition;
      folds += rows.filter(({ view }) => view.position > at).length;
      if (found.length <= limit && (folds >= listBounds.foldsPerPageMax || performance.now() > deadline))
        return { items: found.map(({ view }) => view), nextCursor: encodeCursor([before]), position: at };
    }
    const items = found.slice(0, limit);
    const end = items.at(-1);
    const nextCursor = found.length > limit && end !== undefined ? encodeCursor([end.submittedPosition]) : null;
    return { items: items.map(({ view }) => view), nextCursor, position: at };
  }

  async #then(
    { view, submittedPosition }: SubmittedEvaluation,
    at: number,
    signal: AbortSignal,
  ): Promise<EvaluationView | null> {
    if (view.position <= at) return view;
    const request = { id: view.id, at, firstPosition: submittedPosition, lastPosition: view.position };
    return this.#moments.evaluation(request, signal);
  }
}
