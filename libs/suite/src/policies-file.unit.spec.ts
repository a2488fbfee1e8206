import { describe, expect, it } from 'vitest';
import { parsePolicies, policiesOf } from './policies-file.ts';

const problemsOf = (text: string): readonly string[] => {
  const parsed = parsePolicies(text);
  return parsed.ok ? [] : parsed.problems;
};

describe('a file of approval policies', () => {
  it('gives a team its own rules beside those of every team', () => {
    const parsed = parsePolicies(`
teams:
  '*':
    - { tool: bash, pattern: curl, action: deny }
  red:
    - { tool: '*', action: ask, timeout: 5m }`);
    if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
    const all = [{ tool: 'bash', pattern: 'curl', action: 'deny' }];
    expect(policiesOf(parsed.data, 'red')).toEqual([all, [{ tool: '*', action: 'ask', timeout: '5m' }]]);
    expect(policiesOf(parsed.data, 'blue')).toEqual([all]);
    expect(policiesOf(new Map(), 'red')).toEqual([]);
  });

  it.each([
    ['teams:\n  red:\n    - { tool: bash, action: allow }', /^line 3: teams\.red\[0\]\.action /],
    [
      'teams:\n  red:\n    - { tool: bash, action: deny, timeout: 5m }',
      /^line 3: teams\.red\[0\]\.timeout is for the action ask/,
    ],
    ['teams:\n  red:\n    - { tool: bash, pattern: "(", action: deny }', /^line 3: teams\.red\[0\]\.pattern /],
    ['team: {}', /team/],
    ['teams:\n\t- x', /^line 2: is indented with a tab/],
  ])('names line, field and remedy of a mistake: %j', (text, problem) => {
    expect(problemsOf(text).join('\n')).toMatch(problem);
  });
});
