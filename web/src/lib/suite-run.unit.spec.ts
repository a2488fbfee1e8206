import type { ModelList, SuiteSummary } from '@crucible/api';
import { submitRequestSchema } from '@crucible/api';
import { noBudget } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { emptyRun, findRunErrors, missingFor, requestsOf, trialsOf } from './suite-run.ts';

const suite: SuiteSummary = {
  name: 'flags',
  version: '1.0.0',
  title: 'Flags',
  description: '',
  samples: 4,
  epochs: 2,
  epochsMin: 2,
  solver: 'agent',
  image: 'python',
  capability: null,
  models: ['grader'],
  budget: noBudget,
  invalid: null,
};
const programs: SuiteSummary = { ...suite, solver: 'program', models: [] };
const limits = { concurrencyMax: 1, outputTokensMax: 1, timeoutMs: 1, attemptsMax: 1 };
const known = (complete: boolean, ...names: string[]): ModelList => ({
  items: names.map((name) => ({ name, provider: 'p', modelId: 'm', price: null, limits, executors: ['e'] })),
  complete,
  position: 1,
});

describe('a run of a suite', () => {
  it('is one request a model, with its part of the suite and its budget', () => {
    const draft = { ...emptyRun, models: ['a', 'b'], epochs: 3, samples: 2, usd: 0.5, minutes: 1.5 };
    const requests = requestsOf(suite, draft);
    expect(requests).toEqual(
      ['a', 'b'].map((model) => ({
        suite: { name: 'flags', epochs: 3, limit: 2 },
        subject: { kind: 'model', model },
        budget: { costMicroUsdMax: 500_000, timeMsMax: 90_000 },
      })),
    );
    for (const request of requests) expect(submitRequestSchema.safeParse(request).success).toBe(true);
    expect(trialsOf(suite, draft)).toBe(12);
    expect(requestsOf(programs, emptyRun)).toEqual([{ suite: { name: 'flags' } }]);
    const agents = { ...suite, solver: 'agent-program' as const };
    expect(requestsOf(agents, { ...emptyRun, models: ['house'] })).toMatchObject([
      { subject: { kind: 'agent', model: 'house' } },
    ]);
    expect(trialsOf(programs, { ...emptyRun, samples: 99 })).toBe(8);
  });

  it('says what is missing, and only what is known to be', () => {
    expect(missingFor(suite, emptyRun, known(true, 'a'))).toEqual([
      'This suite asks the model grader itself, which this platform does not have.',
      'Choose at least one model.',
    ]);
    expect(missingFor(suite, { ...emptyRun, models: ['a'] }, known(false, 'a'))).toEqual([]);
    expect(missingFor(suite, { ...emptyRun, models: ['a'] }, known(true, 'a', 'grader'))).toEqual([]);
    expect(missingFor(programs, emptyRun, null)).toEqual([]);
    const many = Array.from({ length: 21 }, (_, index) => String(index));
    expect(missingFor(suite, { ...emptyRun, models: many }, null)).toEqual([
      'At most 20 models can be run at once; 21 are chosen.',
    ]);
  });

  it('finds what the platform would refuse, by its field', () => {
    expect(findRunErrors(suite, emptyRun)).toEqual([]);
    const wrong = { ...emptyRun, epochs: 1, samples: 5, tokens: 0.5, usd: -1, calls: Number.NaN, minutes: 0 };
    expect(findRunErrors(suite, wrong).map(({ pointer }) => pointer)).toEqual([
      '/suite/epochs',
      '/suite/limit',
      '/budget/tokensMax',
      '/budget/costMicroUsdMax',
      '/budget/callsMax',
      '/budget/timeMsMax',
    ]);
  });
});
