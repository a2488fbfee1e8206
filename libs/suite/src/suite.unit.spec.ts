import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, explainIssues, fieldOf } from './explain.ts';
import type { SuiteFileInput } from './format.ts';
import { compilePattern } from './pattern.ts';
import { bytesOf, msOf } from './quantities.ts';
import { limitsOf, suiteSchema } from './suite.ts';
import { sampleWith, suiteWith } from './testing.ts';

const draft = (given: object = {}): object => ({
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name: 'test', version: '1.0.0', title: 'Test' },
  dataset: { samples: [sampleWith()] },
  scorers: [{ kind: 'exit-code' }],
  ...given,
});

const problems = (given: object): string[] => {
  const parsed = suiteSchema.safeParse(draft(given));
  if (parsed.success) return [];
  return explainIssues(suiteSchema, parsed.error.issues, draft(given)).map(
    ({ path, message }) => `${fieldOf(path)}: ${message}`,
  );
};

describe('quantities', () => {
  it('count bytes and milliseconds', () => {
    expect([bytesOf('64MiB'), bytesOf('1.5 GiB'), bytesOf('7B')]).toEqual([67_108_864, 1_610_612_736, 7]);
    expect([msOf('10s'), msOf('1.5m'), msOf('250 ms')]).toEqual([10_000, 90_000, 250]);
  });

  it.each(['64MB', '64', 'MiB', '-1MiB', '1e3MiB', ' ', '64MiB x', '1.MiB'])('refuse %j with one message', (memory) => {
    expect(problems({ sandbox: { memory } })).toEqual([
      'sandbox.memory: must be a size with its unit (B, KiB, MiB, GiB), such as 256MiB',
    ]);
  });

  it('refuse what is too much or too little', () => {
    expect(problems({ sandbox: { memory: '3GiB' } })).toEqual([
      'sandbox.memory: is more than the profile strict allows: at most 2GiB',
    ]);
    expect(problems({ sandbox: { memory: '100GiB', profile: 'lab' } })).toEqual([
      'sandbox.memory: is more than this platform allows: at most 64GiB',
    ]);
    expect(problems({ sandbox: { wallTime: '1ms' } })).toEqual([
      'sandbox.wallTime: is too little to run anything: at least 100ms',
    ]);
  });

  it.each([
    ['cpu', 2.5, '2'],
    ['pids', 513, '512'],
    ['disk', '2GiB', '1GiB'],
    ['tmp', '257MiB', '256MiB'],
    ['openFiles', 5_000, '4096'],
    ['fileSize', '2GiB', '1GiB'],
    ['wallTime', '61m', '1h'],
    ['output', '65MiB', '64MiB'],
  ])('are held to the profile strict, unless another one is named: %s', (field, value, most) => {
    expect(problems({ sandbox: { [field]: value } })).toEqual([
      `sandbox.${field}: is more than the profile strict allows: at most ${most}`,
    ]);
    expect(problems({ sandbox: { [field]: value, profile: 'lab' } })).toEqual([]);
  });

  it('can be tightened where the suite says so', () => {
    const sandbox = { tmp: '2MiB', openFiles: 32, fileSize: '1MiB' };
    expect(limitsOf(suiteSchema.parse(draft({ sandbox })).sandbox)).toMatchObject({
      tmpBytesMax: 2_097_152,
      filesOpenMax: 32,
      fileBytesMax: 1_048_576,
    });
  });

  it('become limits', () => {
    expect(limitsOf(suiteWith([sampleWith()]).sandbox)).toEqual({
      cpuMillis: 1_000,
      memoryBytesMax: 268_435_456,
      pidsMax: 64,
      diskBytesMax: 67_108_864,
      wallTimeMsMax: 10_000,
      outputBytesMax: 1_048_576,
      tmpBytesMax: 16_777_216,
      filesOpenMax: 1_024,
      fileBytesMax: 67_112_960,
    });
  });
});

describe('a suite', () => {
  it('stays the same when it is parsed again', () => {
    const suite = suiteWith([sampleWith({ files: { 'a/b.txt': 'x', 'c.bin': { base64: 'AAE=' } } })]);
    expect(suiteSchema.parse(JSON.parse(JSON.stringify(suite)))).toEqual(suite);
  });

  it('has samples that something scores', () => {
    const samples = [sampleWith(), sampleWith({ id: 'two', expectation: { containment: 'contained' } })];
    expect(problems({ dataset: { samples }, scorers: [] })).toHaveLength(2);
    expect(problems({ dataset: { samples: [sampleWith({ expectation: { reason: 'exit' } })] }, scorers: [] })).toEqual(
      [],
    );
  });

  it('names each expected alert once, and is scored by more than alerts', () => {
    const twice = sampleWith({ expectation: { reason: 'exit', alerts: ['fork-storm', 'shadow-read', 'fork-storm'] } });
    expect(problems({ dataset: { samples: [twice] } })).toEqual([
      'dataset.samples[0].expectation.alerts[2]: is listed already: an alert counts once',
    ]);
    const alone = sampleWith({ expectation: { alerts: ['fork-storm'] } });
    expect(problems({ dataset: { samples: [alone] }, scorers: [] })).toHaveLength(1);
    const misspelt = sampleWith({ expectation: { reason: 'exit', alerts: ['Fork Storm'] } });
    expect(problems({ dataset: { samples: [misspelt] } })[0]).toContain('must be the id of a rule');
  });

  it('has targets where scorers need them', () => {
    expect(problems({ scorers: [{ kind: 'exact' }] })).toEqual([
      'dataset.samples[0].target: is missing, and a scorer of this suite compares with it',
    ]);
  });

  it('has unique ids', () => {
    const samples = [sampleWith(), sampleWith(), sampleWith({ id: 'other' })];
    expect(problems({ dataset: { samples } })).toEqual([
      'dataset.samples[1].id: "one" is already the id of samples[0]: ids must be unique',
    ]);
  });

  it.each([
    ['/etc/passwd', 'absolute'],
    ['../x', 'above'],
    ['a/../../x', 'above, hidden'],
    ['a\\b', 'backslash'],
    ['a\u0000b', 'NUL'],
    ['.', 'the folder itself'],
    ['main.py', 'the program'],
    ['main.py/x', 'below the program'],
    ['a//b', 'an empty part'],
    ['a/', 'an empty name'],
  ])('does not put a file at %j (%s)', (name) => {
    expect(problems({ dataset: { samples: [sampleWith({ files: { [name]: '' } })] } })).toHaveLength(1);
  });

  it('does not make one name a file and a folder', () => {
    expect(problems({ dataset: { samples: [sampleWith({ files: { a: '', 'a/b': '' } })] } })).toEqual([
      'dataset.samples[0].files.a: is a file here and a folder elsewhere in this sample',
    ]);
  });

  it('cannot expect that its sandbox fails', () => {
    const samples = [{ ...sampleWith(), expectation: { reason: 'engine-failure' } }];
    expect(problems({ dataset: { samples } })[0]).toMatch(
      /^dataset\.samples\[0\]\.expectation\.reason: must be one of exit, /,
    );
  });

  it.each(['(?=a)', '(a)\\1', '(', 'a{1001}', '((a{1,999}){1,9})'])('does not take the pattern %j', (pattern) => {
    expect(problems({ scorers: [{ kind: 'regex', pattern }] })[0]).toMatch(/^scorers\[0\]\.pattern: /);
  });

  it('does not take a target as a pattern when it is none', () => {
    const samples = [sampleWith({ target: ['ok', '('] })];
    expect(problems({ scorers: [{ kind: 'regex' }], dataset: { samples } })[0]).toMatch(
      /^dataset\.samples\[0\]\.target: is not a regular/,
    );
  });

  it('never fails to answer, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (dataset, scorers) => {
        const parsed = suiteSchema.safeParse({ ...draft(), dataset, scorers });
        if (!parsed.success)
          expect(explainIssues(suiteSchema, parsed.error.issues, { dataset, scorers })).not.toHaveLength(0);
      }),
    );
  });
});

describe('explanations', () => {
  it('name the field that was meant', () => {
    expect(problems({ sandbox: { diks: '1MiB' } })).toEqual([
      'sandbox.diks: is not a field of this format; did you mean disk?',
    ]);
    expect(
      problems({
        scorers: [{ kind: 'includes', ignorecase: true }],
        dataset: { samples: [sampleWith({ target: 'x' })] },
      }),
    ).toEqual(['scorers[0].ignorecase: is not a field of this format; did you mean ignoreCase?']);
    expect(problems({ scorers: [{ kind: 'exitcode' }] })).toEqual([
      'scorers[0].kind: must be one of exit-code, includes, exact, regex, choice, numeric, json, program, model-graded, kernel, not the string exitcode; did you mean exit-code?',
    ]);
    expect(problems({ nothingNear: 1 })[0]).toContain('known here: apiVersion, kind');
  });

  it('tell what is missing from what is wrong', () => {
    const { metadata: _, ...rest } = draft() as SuiteFileInput;
    const parsed = suiteSchema.safeParse({ ...rest, epochs: 'two' });
    expect(explainIssues(suiteSchema, parsed.error?.issues ?? [], { ...rest, epochs: 'two' })).toEqual([
      { path: ['metadata'], message: 'is missing' },
      { path: ['epochs'], message: 'must be a whole number from 1 to 100, or { count, reducer }' },
    ]);
  });

  it('are harmless and bounded', () => {
    const [problem] = problems({ kind: `\u001b[31m${'x'.repeat(10_000)}` });
    expect(problem?.length).toBeLessThan(200);
    expect(problem).not.toContain('\u001b');
  });

  it('suggest only what is near', () => {
    expect(didYouMean('tilte', ['title', 'name'])).toBe('title');
    expect(didYouMean('colour', ['title', 'name'])).toBeUndefined();
    expect(didYouMean('Wall_Time', ['wallTime'])).toBe('wallTime');
  });

  it('quote odd keys of a path', () => {
    expect(fieldOf(['dataset', 'samples', 2, 'files', 'a b.txt'])).toBe('dataset.samples[2].files["a b.txt"]');
  });
});

describe('patterns', () => {
  it('are refused in words, never by an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (source) => {
        const compiled = compilePattern(source);
        if (compiled.ok) compiled.pattern.matches('some text');
        else expect(compiled.problem).not.toBe('');
      }),
    );
  });
});
