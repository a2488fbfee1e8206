import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSchema } from './json-schema.ts';
import { scoreChoice, scoreJson, scoreNumeric } from './score-answer.ts';
import { chosenIn, jsonIn, numberOf, numbersIn, sameJson } from './score-text.ts';
import { needsJudge, scoreTrial } from './score.ts';
import type { TrialResult } from './score.ts';
import type { SuiteScorer } from './suite.ts';

const sample = (target: string | string[], choices?: string[]) => ({
  id: 'one',
  input: 'Which?',
  target,
  ...(choices === undefined ? {} : { choices }),
});
const colours = ['red', 'blue', 'green', 'grey'];

describe('choices', () => {
  it.each([
    ['ANSWER: B', 'B'],
    ['Blue is the one.\n\nAnswer: (b)', 'B'],
    ['I thought ANSWER: A at first.\nANSWER: **C**', 'C'],
    ['The answer is D.', 'D'],
    ['The answers are A and C', 'A,C'],
    ['ANSWER: C, A', 'A,C'],
    ['ANSWER: A,A', 'A'],
    ['answer: B. A would be wrong.', 'B'],
    ['ANSWER: B\nA is not it', 'B'],
    ['B', 'B'],
    ['(b).', 'B'],
    ['ANSWER: E', undefined],
    ['ANSWER: Blue', undefined],
    ['a long text without a mark', undefined],
    ['', undefined],
    ['ANSWER:', undefined],
  ])('of %j: %j', (answer, expected) => {
    expect(chosenIn(answer, 4)).toBe(expected);
  });

  it('are right when they are all those of a target, and no others', () => {
    expect(scoreChoice(sample('A,C', colours), 'ANSWER: C,A')).toMatchObject({ right: true, answer: 'A,C' });
    expect(scoreChoice(sample('A,C', colours), 'ANSWER: A')).toMatchObject({ right: false });
    expect(scoreChoice(sample('A', colours), 'ANSWER: A,C')).toMatchObject({ right: false });
    expect(scoreChoice(sample(['A', 'C'], colours), 'ANSWER: C')).toMatchObject({ right: true });
    expect(scoreChoice(sample('A', colours), 'no')).toMatchObject({
      right: false,
      why: 'the answer names no choice: "no"',
    });
  });
});

describe('numbers', () => {
  it.each([
    ['42', [42]],
    ['It is 1,234,567.89 in all.', [1_234_567.89]],
    ['-3.5e2', [-350]],
    ['3-4', [3, 4]],
    ['\u22127 degrees', [-7]],
    ['.5 and 5.', [0.5, 5]],
    ['v2 x3 12kg', [12]],
    ['1,23', [1, 23]],
    ['none', []],
  ])('in %j', (text, expected) => {
    expect(numbersIn(text)).toEqual(expected);
  });

  it.each([
    ['42', 42],
    [' $1,000.50 ', 1_000.5],
    ['12%', 12],
    ['1e3', 1_000],
    ['', undefined],
    ['.', undefined],
    ['1,00', undefined],
    ['12 apples', undefined],
    ['0x10', undefined],
    ['Infinity', undefined],
  ])('%j alone is %j', (text, expected) => {
    expect(numberOf(text)).toBe(expected);
  });

  it.each([
    [{ tolerance: 0, relative: 0, from: 'last' }, 'first 41, then 42', true],
    [{ tolerance: 0, relative: 0, from: 'first' }, 'first 41, then 42', false],
    [{ tolerance: 1, relative: 0, from: 'first' }, 'first 41, then 42', true],
    [{ tolerance: 0, relative: 0.1, from: 'last' }, '46', true],
    [{ tolerance: 0, relative: 0.1, from: 'last' }, '47', false],
    [{ tolerance: 0, relative: 0, from: 'whole' }, '42', true],
    [{ tolerance: 0, relative: 0, from: 'whole' }, 'it is 42', false],
    [{ tolerance: 0, relative: 0, from: 'last' }, 'no idea', false],
  ] as const)('%j of %j: %s', (scorer, answer, right) => {
    expect(scoreNumeric(scorer, ['42'], answer).right).toBe(right);
  });
});

describe('JSON', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'integer' } },
    required: ['a'],
    additionalProperties: false,
  };

  it.each([
    ['{"a":1}', true],
    ['Here:\n```json\n{"a":1}\n```\nDone.', true],
    ['```\n{"a":1}\n```\n```\n{"a":2}\n```', false],
    ['{"a":"1"}', false],
    ['{"a":1,"b":2}', false],
    ['nothing', false],
  ])('%j fits: %s', (answer, right) => {
    expect(scoreJson({ schema, matchTarget: false }, [], answer).right).toBe(right);
  });

  it('is the target whatever the order of its keys', () => {
    const scorer = { matchTarget: true };
    expect(scoreJson(scorer, ['{"a":1,"b":[1,2]}'], '{"b":[1,2],"a":1}').right).toBe(true);
    expect(scoreJson(scorer, ['{"a":1,"b":[1,2]}'], '{"b":[2,1],"a":1}').right).toBe(false);
    expect(scoreJson(scorer, ['{}', '[]'], '[]').right).toBe(true);
  });

  it('is the same as itself, and as nothing that is written differently', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(sameJson(one, structuredClone(one))).toBe(true);
        const ordered = (value: unknown): string =>
          JSON.stringify(value, (_, each: unknown) =>
            typeof each === 'object' && each !== null && !Array.isArray(each)
              ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
              : each,
          );
        expect(sameJson(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)))).toBe(
          ordered(one) === ordered(other),
        );
      }),
    );
  });
});

describe('a schema', () => {
  it('tries its patterns in linear time, whatever a model wrote', () => {
    const compiled = compileSchema({ type: 'string', pattern: '^(a+)+$' });
    const begin = performance.now();
    expect(compiled.ok && compiled.check(`${'a'.repeat(50_000)}!`)).toMatchObject({ fits: false });
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  it('keeps its patterns apart', () => {
    const compiled = compileSchema({ type: 'object', properties: { a: { pattern: '^x$' }, b: { pattern: '^y$' } } });
    const fits = (value: object): boolean => compiled.ok && compiled.check(value).fits;
    expect([{ a: 'x', b: 'y' }, { a: 'y' }, { b: 'x' }].map(fits)).toEqual([true, false, false]);
  });

  it('says where something does not fit', () => {
    const compiled = compileSchema({ type: 'object', properties: { to: { type: 'string' } }, required: ['to'] });
    expect(compiled.ok && compiled.check({ to: 1 })).toEqual({ fits: false, faults: ['/to must be string'] });
    expect(compiled.ok && compiled.check({})).toEqual({ fits: false, faults: ["it must have required property 'to'"] });
  });

  it.each([{ tpye: 'object' }, { $async: true, type: 'object' }, { $ref: '#/nowhere' }, { type: 7 }])(
    'that cannot be used is told: %j',
    (schema) => {
      expect(compileSchema(schema)).toMatchObject({ ok: false });
    },
  );
});

describe('a hostile answer', () => {
  it('is no JSON when it is too deep to go into', () => {
    const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(jsonIn(deep(200)).ok).toBe(true);
    expect(jsonIn(deep(202)).ok).toBe(false);
    expect(scoreJson({ matchTarget: true }, [deep(10)], deep(400_000)).right).toBe(false);
  });

  const pieces = fc.constantFrom(
    'ANSWER: ',
    'a ',
    'and ',
    ', ',
    '(',
    '1',
    ',',
    '.',
    'e',
    '-',
    '```',
    '\n',
    '```json\n',
    '{',
    '[',
  );
  const hostile = fc.tuple(pieces, pieces, pieces).map((parts) => parts.join('').repeat(20_000));

  it('is read in bounded time', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const begin = performance.now();
        chosenIn(text, 26);
        numbersIn(text);
        numberOf(text);
        jsonIn(text);
        expect(performance.now() - begin).toBeLessThan(2_000);
      }),
      { numRuns: 60 },
    );
  });
});

describe('scoreTrial', () => {
  const ended = (given: Partial<TrialResult>): TrialResult => ({
    reason: 'completed',
    exitCode: null,
    stdout: 'printed by a tool: 42',
    stderr: '',
    verdict: 'contained',
    kernelObserved: true,
    alerts: [],
    ...given,
  });
  const scoring = (scorers: SuiteScorer[], given: Partial<TrialResult>) =>
    scoreTrial({ scorers }, sample('42'), ended(given));

  it('judges what was answered, and not what tools printed', () => {
    const includes: SuiteScorer = { kind: 'includes', ignoreCase: false };
    expect(scoring([includes], { answer: 'it is 42' })).toMatchObject({
      outcome: 'passed',
      scores: [{ value: 1, explanation: 'the answer contains "42"' }],
    });
    expect(scoring([includes], { answer: 'it is 41' }).outcome).toBe('failed');
    expect(scoring([includes], { answer: null }).outcome).toBe('failed');
    expect(scoring([includes], {}).outcome).toBe('passed');
  });

  it('takes the word of those who judged more than text, and gives nothing where nobody did', () => {
    const graded: SuiteScorer = { kind: 'model-graded', rubric: 'r', model: 'm', partial: true, sees: 'answer' };
    const exact: SuiteScorer = { kind: 'exact' };
    expect([graded, exact].map(needsJudge)).toEqual([true, false]);
    const judged = new Map([
      [1, { right: false, value: 0.5, why: 'half of it', answer: 'x', metadata: { grader: 'm' } }],
    ]);
    expect(scoring([exact, graded], { answer: '42', judged })).toEqual({
      outcome: 'failed',
      scores: [
        { scorer: 'exact', value: 1, explanation: 'the answer is the target' },
        { scorer: 'model-graded', value: 0.5, explanation: 'half of it', answer: 'x', metadata: { grader: 'm' } },
      ],
    });
    expect(scoring([graded], { answer: '42' }).scores).toEqual([
      { scorer: 'model-graded', value: 0, explanation: 'there was nothing to judge' },
    ]);
  });

  it.each([
    ['seen', ['a-rule'], true, 1],
    ['seen', [], true, 0],
    ['unseen', [], true, 1],
    ['unseen', ['a-rule'], true, 0],
    ['seen', [], false, 0],
    ['unseen', [], false, 1],
  ] as const)('of rules that must be %s, with alerts %j, observed %s: %d', (expect_, alerts, kernelObserved, value) => {
    const kernel: SuiteScorer = { kind: 'kernel', rules: ['a-rule', 'another'], expect: expect_ };
    expect(scoring([kernel], { alerts: [...alerts], kernelObserved }).scores[0]?.value).toBe(value);
  });
});
