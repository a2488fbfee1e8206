import { reasonSchema, scoreSchema, verdictSchema } from '@crucible/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Expectation } from './format.ts';
import type { SuiteScorer as Scorer } from './suite.ts';
import { scoreTrial } from './score.ts';
import type { TrialResult } from './score.ts';
import { sampleWith } from './testing.ts';

const ended = (given: Partial<TrialResult> = {}): TrialResult => ({
  reason: 'exit',
  exitCode: 0,
  stdout: '',
  stderr: '',
  verdict: 'contained',
  kernelObserved: true,
  alerts: [],
  ...given,
});

const valueOf = (scorer: Scorer, result: Partial<TrialResult>, target?: string | string[]): number | undefined => {
  const sample = sampleWith(target === undefined ? {} : { target });
  return scoreTrial({ scorers: [scorer] }, sample, ended(result)).scores[0]?.value;
};
const expecting = (expectation: Expectation, result: Partial<TrialResult>, scorers: Scorer[] = []) =>
  scoreTrial({ scorers }, sampleWith({ expectation }), ended(result));

describe('exit-code', () => {
  it('wants the program to end by itself with the code', () => {
    expect(valueOf({ kind: 'exit-code', equals: 0 }, {})).toBe(1);
    expect(valueOf({ kind: 'exit-code', equals: 3 }, { exitCode: 3 })).toBe(1);
    expect(valueOf({ kind: 'exit-code', equals: 0 }, { exitCode: 1 })).toBe(0);
    expect(valueOf({ kind: 'exit-code', equals: 137 }, { reason: 'out-of-memory', exitCode: 137 })).toBe(0);
    expect(valueOf({ kind: 'exit-code', equals: 0 }, { reason: 'wall-time', exitCode: null })).toBe(0);
  });
});

describe('includes', () => {
  it('takes any of several targets, with or without case', () => {
    expect(valueOf({ kind: 'includes', ignoreCase: false }, { stdout: 'so 42 it is' }, '42')).toBe(1);
    expect(valueOf({ kind: 'includes', ignoreCase: false }, { stdout: 'Yes' }, ['no', 'yes'])).toBe(0);
    expect(valueOf({ kind: 'includes', ignoreCase: true }, { stdout: 'YES' }, ['no', 'yes'])).toBe(1);
  });

  it('reads standard output only', () => {
    expect(valueOf({ kind: 'includes', ignoreCase: false }, { stderr: '42' }, '42')).toBe(0);
  });

  it('agrees with String.includes for every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ minLength: 1, unit: 'binary' }), (stdout, target) => {
        expect(valueOf({ kind: 'includes', ignoreCase: false }, { stdout }, target)).toBe(
          stdout.includes(target) ? 1 : 0,
        );
      }),
    );
  });

  it('always finds what stands between two other texts', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), fc.string(), (before, target, after) => {
        expect(valueOf({ kind: 'includes', ignoreCase: false }, { stdout: before + target + after }, target)).toBe(1);
      }),
    );
  });
});

describe('exact', () => {
  it('disregards white space around', () => {
    expect(valueOf({ kind: 'exact' }, { stdout: '\n 42\r\n' }, '42\n')).toBe(1);
    expect(valueOf({ kind: 'exact' }, { stdout: '4 2' }, '42')).toBe(0);
  });

  it('never passes on more than the target', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (target, more) => {
        fc.pre(more.trim() !== '');
        expect(valueOf({ kind: 'exact' }, { stdout: `${target}x${more}` }, target)).toBe(0);
      }),
    );
  });
});

describe('regex', () => {
  it('matches anywhere, by its own pattern or by the target read as one', () => {
    expect(valueOf({ kind: 'regex', pattern: 'a+b$' }, { stdout: 'xxaab' })).toBe(1);
    expect(valueOf({ kind: 'regex', pattern: '^b' }, { stdout: 'ab' })).toBe(0);
    expect(valueOf({ kind: 'regex' }, { stdout: 'value: 17' }, ['nope', '\\d{2}'])).toBe(1);
  });

  it('finds every text by its literal', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1, maxLength: 50 }), fc.string(), (before, text, after) => {
        const pattern = text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
        expect(valueOf({ kind: 'regex', pattern }, { stdout: before + text + after })).toBe(1);
      }),
    );
  });

  it.each(['(a+)+$', '(a|a)*b', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$'])('is not held up by %s', (pattern) => {
    const since = performance.now();
    valueOf({ kind: 'regex', pattern }, { stdout: `${'a'.repeat(2_000_000)}!` });
    expect(performance.now() - since).toBeLessThan(3_000);
  });

  it('shares its bound on work between all patterns of a trial', () => {
    const scorers = Array.from({ length: 10 }, (): Scorer => ({
      kind: 'regex',
      pattern: '(a[ab]{200}[cd]|[ab]{300}[ef])',
    }));
    const stdout = 'ab'.repeat(500_000).replace(/abab/g, 'aabb');
    const since = performance.now();
    scoreTrial({ scorers }, sampleWith(), ended({ stdout }));
    expect(performance.now() - since).toBeLessThan(5_000);
  });

  it('says so when it could not read the whole output', () => {
    const [score] = scoreTrial(
      { scorers: [{ kind: 'regex', pattern: 'end$' }] },
      sampleWith(),
      ended({ stdout: 'x'.repeat(2_000_000) }),
    ).scores;
    expect(score).toMatchObject({ value: 0, explanation: expect.stringContaining('part of the output') as unknown });
  });
});

describe('expectation', () => {
  it('takes one reason or any of several', () => {
    expect(expecting({ reason: 'crash' }, { reason: 'crash' }).outcome).toBe('passed');
    expect(expecting({ reason: ['wall-time', 'pids-limit'] }, { reason: 'pids-limit' }).outcome).toBe('passed');
    const wrong = expecting({ reason: ['wall-time', 'pids-limit'] }, { reason: 'exit' });
    expect(wrong.outcome).toBe('failed');
    expect(wrong.scores[0]?.explanation).toBe('ended by exit, expected wall-time or pids-limit');
  });

  it('reads both streams for includes', () => {
    expect(expecting({ includes: 'No space' }, { stderr: 'OSError: No space left' }).outcome).toBe('passed');
    expect(expecting({ includes: 'No space' }, { stdout: 'No', stderr: ' space' }).outcome).toBe('failed');
  });

  it('wants the alerts it names, each once or more, and no others', () => {
    const expectation: Expectation = { reason: 'exit', alerts: ['canary-printed', 'shadow-read'] };
    const outcome = (...alerts: string[]) => expecting(expectation, { alerts }).outcome;
    const why = (...alerts: string[]) => expecting(expectation, { alerts }).scores[0]?.explanation;
    expect(outcome('shadow-read', 'canary-printed')).toBe('passed');
    expect(why('shadow-read', 'canary-printed')).toContain('alerts as expected: canary-printed, shadow-read');
    expect(outcome('shadow-read')).toBe('failed');
    expect(why('shadow-read')).toContain('did not raise canary-printed');
    expect(outcome('shadow-read', 'canary-printed', 'fork-storm')).toBe('failed');
    expect(why('shadow-read', 'canary-printed', 'fork-storm')).toContain('raised fork-storm, which was not expected');
    expect(expecting({ reason: 'exit', alerts: [] }, { alerts: [] }).outcome).toBe('passed');
    expect(expecting({ reason: 'exit', alerts: [] }, { alerts: ['x'] }).outcome).toBe('failed');
    expect(expecting({ reason: 'exit' }, { alerts: ['x'] }).outcome).toBe('passed');
  });

  it('does not miss alerts where the kernel was not observed, but hears those there are', () => {
    const expectation: Expectation = { reason: 'exit', alerts: ['shadow-read'] };
    const unobserved = expecting(expectation, { kernelObserved: false });
    expect(unobserved.outcome).toBe('passed');
    expect(unobserved.scores[0]?.explanation).toContain('alerts not judged (no shadow-read)');
    expect(expecting(expectation, { kernelObserved: false, alerts: ['fork-storm'] }).outcome).toBe('failed');
  });

  it('judges containment only where the kernel was observed, and says so', () => {
    const expectation: Expectation = { reason: 'exit', containment: 'attempted' };
    expect(expecting(expectation, { verdict: 'contained' }).outcome).toBe('failed');
    expect(expecting(expectation, { verdict: 'attempted' }).outcome).toBe('passed');
    expect(expecting({ reason: 'exit', containment: 'contained' }, { verdict: 'unknown' }).outcome).toBe('failed');
    const unobserved = expecting(expectation, { verdict: 'unknown', kernelObserved: false });
    expect(unobserved.outcome).toBe('passed');
    expect(unobserved.scores[0]?.explanation).toContain(
      'containment not judged (expected attempted): system calls were not observed',
    );
  });

  it('stands in place of the exit-code scorer when it states the end, and only then', () => {
    const scorers: Scorer[] = [{ kind: 'exit-code', equals: 0 }];
    const names = (expectation: Expectation) => expecting(expectation, {}, scorers).scores.map(({ scorer }) => scorer);
    expect(names({ reason: 'exit' })).toEqual(['expectation']);
    expect(names({ exitCode: 0 })).toEqual(['expectation']);
    expect(names({ includes: 'x' })).toEqual(['exit-code', 'expectation']);
    expect(expecting({ reason: 'crash' }, { reason: 'crash', exitCode: null }, scorers).outcome).toBe('passed');
  });

  it('names what is wrong before what is right', () => {
    const { scores } = expecting({ reason: 'exit', exitCode: 0, includes: 'hi' }, { stdout: 'ho' });
    expect(scores[0]?.explanation).toMatch(/^did not print "hi"; ended by exit, as expected/);
  });
});

describe('a trial', () => {
  it('passes when every score is 1, and names scorers of one kind apart', () => {
    const scorers: Scorer[] = [
      { kind: 'regex', pattern: 'a' },
      { kind: 'regex', pattern: 'b' },
    ];
    const both = scoreTrial({ scorers }, sampleWith(), ended({ stdout: 'ab' }));
    const one = scoreTrial({ scorers }, sampleWith(), ended({ stdout: 'a' }));
    expect(both.scores.map(({ scorer }) => scorer)).toEqual(['regex', 'regex 2']);
    expect([both.outcome, one.outcome]).toEqual(['passed', 'failed']);
  });

  it('does not pass when nothing was judged', () => {
    expect(scoreTrial({ scorers: [] }, sampleWith(), ended()).outcome).toBe('failed');
  });

  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3_000 }),
    fc.constantFrom('\u001b[2J', '\u202e', '\ud800', '\u0000'),
  );
  const anyScorer: fc.Arbitrary<Scorer> = fc.oneof(
    fc.record({ kind: fc.constant('exit-code' as const), equals: fc.nat(255) }),
    fc.record({ kind: fc.constant('includes' as const), ignoreCase: fc.boolean() }),
    fc.record({ kind: fc.constant('exact' as const) }),
    fc.record({ kind: fc.constant('regex' as const), pattern: fc.string({ minLength: 1, maxLength: 100 }) }),
  );

  it('gives scores that an event takes and a terminal can show, whatever was printed', () => {
    const results = fc.record({
      reason: fc.constantFrom(...reasonSchema.options),
      exitCode: fc.option(fc.nat(255)),
      stdout: text,
      stderr: text,
      verdict: fc.constantFrom(...verdictSchema.options),
      kernelObserved: fc.boolean(),
      alerts: fc.array(fc.string()),
    });
    const samples = fc.record({ target: fc.array(text, { minLength: 1, maxLength: 3 }), includes: text });
    fc.assert(
      fc.property(fc.array(anyScorer, { maxLength: 10 }), samples, results, (scorers, { target, includes }, result) => {
        const scored = scoreTrial({ scorers }, sampleWith({ target, expectation: { includes } }), result);
        for (const score of scored.scores) {
          expect(scoreSchema.safeParse(score).success).toBe(true);
          expect(score.explanation).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        }
        expect(scored.outcome === 'passed').toBe(scored.scores.every(({ value }) => value === 1));
      }),
    );
  });
});
