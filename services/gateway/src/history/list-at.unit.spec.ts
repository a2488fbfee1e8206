import { evaluationOf, reduceEvaluation } from '@crucible/domain';
import type { EvaluationView } from '@crucible/domain';
import { simulate } from '@crucible/domain/testing';
import { InMemoryEventLog } from '@crucible/event-log';
import type { EventHistory } from '@crucible/event-log';
import type { ReadModel, SubmittedEvaluation } from '@crucible/read-model';
import { describe, expect, it } from 'vitest';
import { EvaluationsAt, listBounds } from './list-at.ts';
import { momentBounds, Moments } from './moments.ts';

const never = new AbortController().signal;
type Submitted = Pick<ReadModel, 'submittedUpTo'>;

/** The read model's part, over rows held here: the same order, filters and limit. */
const over = (rows: readonly SubmittedEvaluation[]): Submitted => ({
  submittedUpTo: (_team, { at, status, suite, before = Number.POSITIVE_INFINITY, limit }) =>
    Promise.resolve(
      rows
        .filter(
          ({ view, submittedPosition }) => submittedPosition <= at && submittedPosition < before && view.position > 0,
        )
        .filter(({ view }) => view.position > at || status === undefined || view.status === status)
        .filter(({ view }) => suite === undefined || view.suite.name === suite)
        .sort((one, other) => other.submittedPosition - one.submittedPosition)
        .slice(0, limit),
    ),
});

const viewsAt = (log: ReturnType<typeof simulate>['log'], at: number): Map<string, SubmittedEvaluation> => {
  const rows = new Map<string, SubmittedEvaluation>();
  for (const { position, event } of log.entries.slice(0, at)) {
    const id = evaluationOf(event) ?? '';
    const view = reduceEvaluation(rows.get(id)?.view, { event, position });
    if (view !== undefined) rows.set(id, { view, submittedPosition: rows.get(id)?.submittedPosition ?? position });
  }
  return rows;
};

const statuses = [undefined, 'submitted', 'running', 'cancelling', 'completed', 'cancelled'] as const;

describe('a list at a position', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed + 1))(
    'is the list that there was, with every filter, in pages of every size: seed %i',
    async (seed) => {
      const { log } = simulate({ seed, evaluationsMax: 6 });
      const memory = new InMemoryEventLog({ now: () => 0, newId: () => '' });
      for (const { subject, event } of log.entries) memory.inject(subject, Buffer.from(JSON.stringify(event)));
      const lists = new EvaluationsAt(over([...viewsAt(log, log.head).values()]), new Moments(memory));
      for (let at = 1; at <= log.head; at += 7) {
        const then = [...viewsAt(log, at).values()].reverse().map(({ view }) => view);
        for (const status of statuses)
          for (const limit of [1, 2, 50]) {
            const seen: EvaluationView[] = [];
            let cursor: string | undefined;
            for (;;) {
              const page = await lists.list('default', { at, status, limit, cursor }, never);
              expect(page.items.length).toBeLessThanOrEqual(limit);
              seen.push(...page.items);
              if (page.nextCursor === null) break;
              cursor = page.nextCursor;
            }
            const expected = then.filter((view) => status === undefined || view.status === status);
            expect(seen, `at ${at}, ${status}, in pages of ${limit}`).toEqual(expected);
          }
      }
    },
  );

  it('folds a bounded number for one page, a few at once, and goes on behind them', async () => {
    const { log } = simulate({ seed: 1 });
    const [first] = log.entries;
    if (first?.event.type !== 'crucible.evaluation.submitted.v2') throw new Error('it begins with a submission');
    const begun = first.event;
    const count = 500;
    const idOf = (position: number): string => `00000003-0000-7000-8000-${String(position).padStart(12, '0')}`;
    let open = 0;
    let openMost = 0;
    let folds = 0;
    const history: EventHistory = {
      readAt: () => Promise.resolve(null),
      async *readEvaluation(id) {
        folds += 1;
        openMost = Math.max(openMost, (open += 1));
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        const event = { ...begun, data: { ...begun.data, evaluationId: id } };
        yield { ok: true, position: 1, subject: '', messageId: null, body: new Uint8Array(), event };
      },
    };
    const view = reduceEvaluation(undefined, { position: 1, event: begun }) as EvaluationView;
    const rows = Array.from({ length: count }, (_, index) => ({
      view: { ...view, id: idOf(index + 1) as EvaluationView['id'], position: 10_000, status: 'running' as const },
      submittedPosition: index + 1,
    }));
    const lists = new EvaluationsAt(over(rows), new Moments(history));
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    for (;;) {
      const before = folds;
      const page = await lists.list('default', { at: 5_000, status: 'running', limit: 500, cursor }, never);
      expect(folds - before).toBeLessThan(listBounds.foldsPerPageMax + 20);
      seen.push(...page.items.map(({ id }) => id));
      pages += 1;
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    // At 5,000 none of them was running yet: every page is empty, and all the same none but the last is the last.
    expect(seen).toEqual([]);
    expect(pages).toBeGreaterThan(2);
    expect(folds).toBe(count);
    expect(openMost).toBeLessThanOrEqual(momentBounds.foldsAtOnceMax);
    await expect(lists.list('default', { at: 5_000, limit: 5 }, AbortSignal.abort(new Error('gone')))).rejects.toThrow(
      'gone',
    );
  });
});
