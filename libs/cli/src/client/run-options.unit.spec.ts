import { suiteSchema } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import { UsageFailure } from '../exit.ts';
import { parseBudget } from './budget-option.ts';
import { subjectsFor } from './choose-models.ts';
import { narrowed } from './narrow-suite.ts';

const head = { apiVersion: 'crucible/v1', kind: 'Suite', metadata: { name: 'sums', version: '1.0.0', title: 'Sums' } };
const forModels = (more: object = {}): Suite =>
  suiteSchema.parse({
    ...head,
    solver: { kind: 'generate' },
    scorers: [{ kind: 'includes' }],
    dataset: { samples: ['one', 'two', 'three'].map((id) => ({ id, input: `${id}?`, target: id })) },
    ...more,
  });
const forPrograms = suiteSchema.parse({
  ...head,
  scorers: [{ kind: 'exit-code' }],
  dataset: { samples: [{ id: 'only', input: { language: 'python', source: 'pass' } }] },
});
const forAgents = forModels({ solver: { kind: 'agent-program', name: 'tiny', command: ['python3', 'agent.py'] } });
const known = ['house', 'scripted/benign', 'scripted/intruder'];
const idsOf = (suite: Suite): string[] => suite.dataset.samples.map(({ id }) => id);

describe('a part of a suite', () => {
  it('is the samples that were named, in the order of the suite, and of those the first', () => {
    expect(idsOf(narrowed(forModels(), { samples: [] }))).toEqual(['one', 'two', 'three']);
    expect(idsOf(narrowed(forModels(), { samples: ['three', 'one'] }))).toEqual(['one', 'three']);
    expect(idsOf(narrowed(forModels(), { samples: [], limit: 2 }))).toEqual(['one', 'two']);
    expect(idsOf(narrowed(forModels(), { samples: ['three', 'two'], limit: 1 }))).toEqual(['two']);
  });

  it('names what it does not know, and what there is', () => {
    const narrow = (): Suite => narrowed(forModels(), { samples: ['four'] });
    expect(narrow).toThrow(UsageFailure);
    expect(narrow).toThrow(/--sample: sums has no sample four\n.*one, two, three/);
  });

  it('keeps how epochs become one score, and refuses too few for it', () => {
    const suite = forModels({ epochs: { count: 3, reducer: 'pass@2' } });
    expect(narrowed(suite, { samples: [], epochs: 5 }).epochs).toEqual({ count: 5, reducer: 'pass@2' });
    expect(narrowed(suite, { samples: [] }).epochs).toEqual({ count: 3, reducer: 'pass@2' });
    expect(() => narrowed(suite, { samples: [], epochs: 1 })).toThrow(/--epochs 1: .*pass@2, which needs at least 2/);
    expect(() => suiteSchema.parse(narrowed(forModels(), { samples: ['two'], epochs: 2, limit: 1 }))).not.toThrow();
  });
});

describe('what a suite is run against', () => {
  it('is one evaluation a model', () => {
    expect(subjectsFor(forModels(), ['scripted/intruder', 'house'], known)).toEqual([
      { kind: 'model', model: 'scripted/intruder' },
      { kind: 'model', model: 'house' },
    ]);
    expect(subjectsFor(forPrograms, [], [])).toEqual([{ kind: 'program' }]);
    expect(subjectsFor(forAgents, ['house'], known)).toEqual([{ kind: 'agent', model: 'house' }]);
  });

  it.each([
    ['a model that is not known', forModels(), ['houses'], /no model houses\n.*house, scripted\/benign/],
    ['a hostile name', forModels(), ['a\u001b[31m'], /no model a␛\[31m/],
    ['a model twice', forModels(), ['house', 'house'], /--model house is there twice\n.*--epochs/],
    ['no model for a suite that asks one', forModels(), [], /asks a model \(solver generate\).*--model/],
    ['no model for an agent', forAgents, [], /runs an agent that uses a model \(solver agent-program\).*--model/],
    ['a model for programs', forPrograms, ['house'], /--model: sums runs the suite's own programs.*\n.*leave out/],
  ])('refuses %s', (_, suite, models, message) => {
    expect(() => subjectsFor(suite, models, known)).toThrow(UsageFailure);
    expect(() => subjectsFor(suite, models, known)).toThrow(message);
  });

  it('names a model of the suite’s own that is not there', () => {
    const user = { kind: 'chat', user: { model: 'gone', instructions: 'Be kind.' } };
    expect(() => subjectsFor(forModels({ solver: user }), ['house'], known)).toThrow(
      /sums: solver\.user\.model: there is no model gone\n.*file of models/,
    );
    const graded = forModels({ scorers: [{ kind: 'model-graded', rubric: 'kind', model: 'gone' }] });
    expect(() => subjectsFor(graded, ['house'], known)).toThrow(/scorers\[0\]\.model: there is no model gone/);
  });
});

describe('a budget', () => {
  it('is bounds by their names, each in the unit that the API has', () => {
    expect(parseBudget(undefined)).toBeUndefined();
    expect(parseBudget('tokens=200000, usd=1.5,calls=400,time=2h')).toEqual({
      tokensMax: 200_000,
      costMicroUsdMax: 1_500_000,
      callsMax: 400,
      timeMsMax: 7_200_000,
    });
  });

  it.each([
    ['money=1', /money=1 is no bound\n.*tokens, usd, calls, time/],
    ['tokens', /tokens is no bound/],
    ['tokens=1=2', /tokens=1=2 is no bound/],
    ['tokens=0', /0 is no amount of tokens/],
    ['tokens=1.5', /1\.5 is no amount of tokens/],
    ['usd=-1', /-1 is no amount of usd/],
    ['usd=much', /much is no amount of usd/],
    ['time=5', /5 is no amount of time/],
    ['calls=1,calls=2', /calls is there twice/],
    ['__proto__=1', /is no bound/],
    ['', /is no bound/],
  ])('refuses %j', (text, message) => {
    expect(() => parseBudget(text)).toThrow(UsageFailure);
    expect(() => parseBudget(text)).toThrow(message);
  });
});
