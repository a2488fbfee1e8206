import type { KnownModel } from '@crucible/api';
import { suiteSchema } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import { ProblemException } from '../problem.ts';
import { asksModels, refuseUnknownModels } from './models.ts';
import { narrowed } from './narrowing.ts';

const known = (...names: string[]): KnownModel[] =>
  names.map((name) => ({
    name,
    provider: 'p',
    modelId: 'm',
    price: null,
    limits: { concurrencyMax: 1, outputTokensMax: 1, timeoutMs: 1, attemptsMax: 1 },
    executors: ['e'],
  }));
const suiteOf = (more: object = {}): Suite =>
  suiteSchema.parse({
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'sums', version: '1.0.0', title: 'Sums' },
    solver: { kind: 'generate' },
    scorers: [{ kind: 'includes' }],
    dataset: { samples: ['one', 'two'].map((id) => ({ id, input: `${id}?`, target: id })) },
    ...more,
  });
const subject = (model: string) => ({ kind: 'model' as const, model });
const problemOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    if (error instanceof ProblemException) return error.problem;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('a submission that asks models', () => {
  it('is refused for the model of an agent, too', () => {
    const agent = { kind: 'agent' as const, model: 'gone' };
    const list = { items: known('house'), complete: true };
    expect(problemOf(() => refuseUnknownModels(suiteOf(), agent, list))).toMatchObject({
      status: 422,
      errors: [{ pointer: '/subject/model' }],
    });
    expect(asksModels(suiteOf(), agent)).toBe(true);
  });

  it('is taken where executors have them all, or have not told all', () => {
    expect(() =>
      refuseUnknownModels(suiteOf(), subject('house'), { items: known('house'), complete: true }),
    ).not.toThrow();
    expect(() => refuseUnknownModels(suiteOf(), subject('gone'), { items: [], complete: false })).not.toThrow();
  });

  it('is refused by each field that names what is not there', () => {
    const graded = suiteOf({ scorers: [{ kind: 'model-graded', rubric: 'kind', model: 'grader' }] });
    const refused = problemOf(() =>
      refuseUnknownModels(graded, subject('hose\u001b[31m'), { items: known('house', 'guest'), complete: true }),
    );
    expect(refused).toMatchObject({ status: 422, type: expect.stringContaining('unknown-model') });
    expect(refused.errors?.map(({ pointer }) => pointer)).toEqual(['/subject/model', '/suite/scorers/0/model']);
    expect(refused.detail).toContain('There is house, guest: GET /api/v1/models.');
    expect(refused.detail).not.toContain('\u001b');
  });

  it('is told from one that asks none', () => {
    expect(asksModels(suiteOf(), subject('house'))).toBe(true);
    expect(asksModels(suiteOf(), undefined)).toBe(false);
    const graded = suiteOf({ scorers: [{ kind: 'model-graded', rubric: 'kind', model: 'grader' }] });
    expect(asksModels(graded, undefined)).toBe(true);
  });
});

describe('a part of a suite', () => {
  it('is what was asked for, or refused by its field', () => {
    const part = narrowed(suiteOf(), { epochs: 3, limit: 1, samples: ['two', 'one'] });
    expect([part.dataset.samples.map(({ id }) => id), part.epochs]).toEqual([['one'], { count: 3, reducer: 'mean' }]);
    const refused = problemOf(() => narrowed(suiteOf(), { samples: ['three'] }));
    expect(refused).toMatchObject({ status: 422, errors: [{ pointer: '/suite/samples' }] });
    expect(refused.detail).toBe('sums has no sample three. It has one, two.');
    const reduced = suiteOf({ epochs: { count: 3, reducer: 'pass@2' } });
    expect(problemOf(() => narrowed(reduced, { epochs: 1 }))).toMatchObject({
      errors: [{ pointer: '/suite/epochs', detail: 'This suite reduces epochs by pass@2, which needs at least 2.' }],
    });
  });
});
