import { describe, expect, it } from 'vitest';
import { trialScore } from '../policy/schedule.ts';
import { meanOf } from '../policy/statistics.ts';
import { simulatedPages } from '../testing/index.ts';
import { scoresBySample, scorersOf, summaryOf } from './scores.ts';

describe('an evaluation’s scores', () => {
  it('hold each epoch that was scored once, by its last attempt', () => {
    let scored = 0;
    for (let seed = 1; seed <= 40; seed += 1)
      for (const { evaluation, trials } of simulatedPages(seed)) {
        const last = [...trials.values()].filter(({ latest, outcome }) => latest && outcome !== 'errored');
        const expected = last.flatMap(({ scores }) => trialScore(scores) ?? []);
        const bySample = scoresBySample(trials.values());
        expect(bySample.flatMap(({ scores }) => scores).sort()).toEqual(expected.sort());
        for (const { scores } of bySample) expect(scores.length).toBeLessThanOrEqual(evaluation.epochs);
        // With one epoch it is the score that the scheduler records.
        const summary = summaryOf({ ...evaluation, epochReducer: 'mean' }, trials.values());
        if (evaluation.epochs === 1 && evaluation.score !== null)
          expect(summary.accuracy).toBeCloseTo(evaluation.score, 9);
        expect(summaryOf({ ...evaluation, epochReducer: 'mean' }, [...trials.values()].reverse())).toEqual(summary);
        scored += expected.length;
      }
    expect(scored).toBeGreaterThan(50);
  });

  it('are told scorer by scorer', () => {
    const [page] = simulatedPages(3);
    const trials = [...(page?.trials.values() ?? [])].map((trial) => ({
      ...trial,
      latest: true,
      status: 'finished' as const,
      outcome: 'failed' as const,
      scores: [
        { scorer: 'exact', value: 0, explanation: '' },
        { scorer: 'numeric', value: 1, explanation: '' },
      ],
    }));
    expect(scorersOf(trials)).toEqual(['exact', 'numeric']);
    const meanBy = (scorer: string | null): number | null =>
      meanOf(scoresBySample(trials, scorer).flatMap(({ scores }) => scores));
    expect([meanBy('exact'), meanBy('numeric'), meanBy(null), meanBy('none')]).toEqual([0, 1, 0.5, null]);
  });
});
