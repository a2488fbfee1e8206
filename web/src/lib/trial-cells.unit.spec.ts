import { describe, expect, it } from 'vitest';
import { attemptsAt, cellsOf, matches, pageOf, stepIn } from './trial-cells.ts';
import { at, dispatched, evaluationView, idOf, submitted, trialView } from './views.fixture.ts';

const id = idOf(1);
const none = { standing: null, reason: null, limit: null, verdict: null };
const trial = (position: number, sampleIndex: number, epoch: number, attempt: number) =>
  trialView(at(position, dispatched(id, { sampleIndex, epoch, attempt })));

describe('cellsOf', () => {
  const errored = { ...trial(2, 0, 1, 1), status: 'finished' as const, outcome: 'errored' as const, latest: false };
  const page = pageOf({
    evaluation: evaluationView(at(1, submitted(id, 2, 2))),
    trials: [trial(4, 0, 1, 2), errored, { ...trial(3, 1, 2, 1), sampleId: 'evil\u202ename' }],
    position: 4,
  });

  it('has a cell for every sample and epoch, with the latest attempt or none', () => {
    expect(cellsOf(page).map(({ label, standing, trial: each }) => [label, standing, each?.attempt])).toEqual([
      ['sample-0 · epoch 1', 'dispatched', 2],
      ['Sample 1 · epoch 2', 'waiting', undefined],
      ['Sample 2 · epoch 1', 'waiting', undefined],
      ['evil\\u202ename · epoch 2', 'dispatched', 1],
    ]);
    expect(attemptsAt(page, errored).map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('calls what never ran withdrawn once the evaluation has ended', () => {
    const ended = { ...page, evaluation: { ...page.evaluation, endedAt: 'then' } };
    expect(cellsOf(ended)[1]?.standing).toBe('withdrawn');
  });

  it('filters by standing, reason, verdict and limit together', () => {
    const [first] = cellsOf({
      ...page,
      trials: new Map([
        [
          errored.id,
          { ...errored, outcome: 'failed', reason: 'wall-time', verdict: 'contained', limitsHit: ['wall-time'] },
        ],
      ]),
    });
    if (first === undefined) throw new Error('no cell');
    expect(matches(first, none)).toBe(true);
    expect(matches(first, { standing: 'failed', reason: 'wall-time', limit: 'wall-time', verdict: 'contained' })).toBe(
      true,
    );
    expect(matches(first, { ...none, standing: 'passed' })).toBe(false);
    expect(matches(first, { ...none, limit: 'memory' })).toBe(false);
  });
});

describe('stepIn', () => {
  it('moves as in a grid read row by row and stays inside', () => {
    const step = (key: string, from: number) => stepIn(key, from, 10, 4, 2);
    expect([
      step('ArrowRight', 3),
      step('ArrowLeft', 0),
      step('ArrowDown', 5),
      step('ArrowDown', 8),
      step('ArrowUp', 2),
    ]).toEqual([4, 0, 9, 8, 2]);
    expect([step('PageDown', 1), step('PageUp', 9), step('Home', 7), step('End', 1), step('a', 1)]).toEqual([
      9,
      1,
      0,
      9,
      null,
    ]);
  });
});
