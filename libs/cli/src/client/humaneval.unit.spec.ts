import { describe, expect, it } from 'vitest';
import { inlineSampleSchema, isProgramInput, suiteFileSchema } from '@crucible/suite';
import { parseProblem, sampleOf, suiteYaml } from './humaneval.ts';

const problem = {
  task_id: 'HumanEval/0',
  prompt: 'def one():\n',
  canonical_solution: '    return 1\n',
  test: 'def check(candidate):\n    assert candidate() == 1\n',
  entry_point: 'one',
};

describe('a problem of HumanEval', () => {
  it('becomes a program that raises when the solution is wrong', () => {
    const sample = inlineSampleSchema.parse(sampleOf(parseProblem(JSON.stringify(problem), 1)));
    expect(sample.id).toBe('HumanEval/0');
    expect(isProgramInput(sample.input) && sample.input.source).toBe(
      'def one():\n    return 1\n\ndef check(candidate):\n    assert candidate() == 1\n\n\ncheck(one)\n',
    );
  });

  it.each([
    ['{', 'line 7 is not a problem of HumanEval: it is not JSON'],
    ['[]', 'line 7 is not a problem of HumanEval: it: '],
    [JSON.stringify({ ...problem, test: undefined }), 'line 7 is not a problem of HumanEval: test: '],
    [JSON.stringify({ ...problem, entry_point: 'one); import os' }), 'entry_point: must be the name of a function'],
  ])('is refused by its line: %s', (line, message) => {
    expect(() => parseProblem(line, 7)).toThrow(message);
  });

  it('comes with a suite that says how many there are', async () => {
    expect(suiteYaml(164)).toContain('# 164 problems');
    expect(suiteFileSchema.shape.kind.value).toBe('Suite');
  });
});
