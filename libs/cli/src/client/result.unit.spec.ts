import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { findTrial, trialLines } from './description.ts';
import { progressLines, progressText, segmentedBar } from './progress.ts';
import { allPassed, containmentText, endOf, resultLine, resultLines, summaryLines } from './result.ts';
import { History, evaluationId, halfDone, startMs } from './testing.ts';
import { bare } from './text.ts';

const done = (): History => halfDone().finished(2, 'passed').completed({ passed: 2, failed: 1 });
const plain = (lines: readonly string[]): string => lines.map((line) => bare(line).trimEnd()).join('\n');
const nowMs = startMs + 3_000;

describe('progress', () => {
  it('shows counts, a bar and what runs', () => {
    const text = plain(progressLines(halfDone().page(), { columns: 81, rows: 24, nowMs }));
    expect(text).toMatch(/^first-contact {2}running {2}3\.00 s\n/);
    expect(text).toContain('2/3  66 %');
    expect(text).toContain('1 passed · 1 failed · 1 running');
    expect(text).toMatch(/\n {2}slow .*▰+▱+ .* of 5\.00 s$/);
    expect(text).not.toContain('good');
  });

  it('says in one line what a log needs', () => {
    expect(progressText(halfDone().page(), nowMs)).toBe(
      'first-contact: running, 2 of 3 done after 3.00 s (1 passed, 1 failed, 1 running)',
    );
  });

  it('says that it has lost the platform', () => {
    expect(plain(progressLines(halfDone().page(), { columns: 60, rows: 24, nowMs }, 'no answer'))).toContain(
      '! no answer: trying again',
    );
  });

  it('fits every terminal, whatever samples are called', () => {
    const names = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(
        names,
        fc.integer({ min: 21, max: 200 }),
        fc.integer({ min: 2, max: 50 }),
        (sampleIds, columns, rows) => {
          const history = new History().submitted(sampleIds.length, 2);
          sampleIds.forEach((sampleId, index) => history.started(index, sampleId));
          const lines = progressLines(history.page(), { columns, rows, nowMs });
          expect(lines.length).toBeLessThan(Math.max(2, rows));
          for (const line of lines) expect(stringWidth(line)).toBeLessThan(columns);
        },
      ),
    );
  });

  it('has bars of one length', () => {
    const counts = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(counts, fc.nat(1_000), fc.integer({ min: 1, max: 80 }), (parts, rest, columns) => {
        const total = parts.reduce((sum, part) => sum + part, rest);
        const bar = segmentedBar(
          parts.map((count) => ({ count, paint: (text: string) => text, sign: '#' })),
          total,
          columns,
        );
        expect(stringWidth(bar)).toBe(columns);
      }),
    );
  });
});

describe('the result', () => {
  it('lists trials in order, says why one failed, and sums up', () => {
    const text = plain(resultLines(done().page(), { columns: 100, nowMs }));
    expect(
      text
        .split('\n')
        .slice(0, 4)
        .map((line) =>
          line
            .split(/\s{2,}/)
            .slice(0, 2)
            .join(' '),
        ),
    ).toEqual(['sample outcome', 'good passed', 'bad failed', 'slow passed']);
    expect(text).toContain('✗ bad\n  exit-code: exit code 1, expected 0');
    expect(text).toMatch(
      /✗ first-contact 1\.0\.0 completed · 2 of 3 passed · score 0\.66 · .* s · 2 contained, 1 attempted$/,
    );
  });

  it('says of what ran under a looser profile that it did, everywhere', () => {
    const looser = { name: 'large', version: 'ab12', looserThanStrict: ['memoryBytesMax', 'kernelPlatforms'] };
    const strict: typeof looser = { name: 'strict', version: '1', looserThanStrict: [] };
    const pageOf = (profile: typeof strict) =>
      new History().submitted(1).started(0, 'a', 1, profile).finished(0, 'passed', { verdict: 'contained' }).page();
    const of = (profile: typeof strict) => {
      const page = pageOf(profile);
      const [trial] = [...page.trials.values()];
      if (trial === undefined) throw new Error('no trial');
      const sample = { id: 'a', input: { language: 'python' as const, source: 'pass' } };
      return {
        summary: plain(summaryLines(page, 200, nowMs)),
        row: plain(resultLines(page, { columns: 200, nowMs }).slice(1, 2)),
        listed: containmentText(page.evaluation),
        trial: plain(trialLines({ trial, sample, position: 1 }, [])),
      };
    };
    const marked = of(looser);
    expect(marked.summary).toMatch(/1 contained · looser profile$/);
    expect(marked.row).toContain('contained, looser profile');
    expect(marked.listed).toBe('1 contained, looser profile');
    expect(marked.trial).toMatch(/^profile +large ab12, looser than strict in memoryBytesMax, kernelPlatforms$/m);
    const plainly = of(strict);
    expect(plainly.trial).toMatch(/^profile +strict 1$/m);
    for (const text of [plainly.summary, plainly.row, plainly.listed]) expect(text).not.toContain('looser');
  });

  it('is listed by the worst that was found', () => {
    const { evaluation } = done().page();
    const of = (verdicts: Partial<typeof evaluation.verdicts>) =>
      containmentText({
        ...evaluation,
        verdicts: { contained: 0, attempted: 0, breached: 0, unknown: 0, ...verdicts },
      });
    expect(of({})).toBe('');
    expect(of({ contained: 9 })).toBe('9 contained');
    expect(of({ contained: 9, unknown: 1 })).toBe('1 unknown');
    expect(of({ contained: 9, attempted: 2, unknown: 1 })).toBe('2 attempted');
    expect(of({ contained: 9, attempted: 2, breached: 1 })).toBe('1 breached');
  });

  it('is one public line for scripts', () => {
    const page = done().page();
    expect(resultLine(page, 'http://127.0.0.1/x')).toEqual({
      evaluationId,
      status: 'completed',
      trials: { total: 3, passed: 2, failed: 1, errored: 0 },
      score: 2 / 3,
      position: page.position,
      url: 'http://127.0.0.1/x',
    });
  });

  it('counts as passed only when it completed and everything passed', () => {
    expect(allPassed(done().page().evaluation)).toBe(false);
    const all = new History().submitted(1).started(0, 'a').finished(0, 'passed');
    expect(allPassed(all.page().evaluation)).toBe(false);
    expect(allPassed(all.completed({ passed: 1, failed: 0 }).page().evaluation)).toBe(true);
  });

  it('is short when it is long, unless the whole is asked for', () => {
    const history = new History().submitted(70);
    for (let index = 0; index < 70; index += 1)
      history.started(index, `s${index}`).finished(index, index === 40 ? 'failed' : 'passed');
    const page = history.completed({ passed: 69, failed: 1 }).page();
    const short = plain(resultLines(page, { columns: 100, nowMs }));
    expect(short).toContain('s40');
    expect(short).not.toContain('s41');
    expect(short).toContain(`69 trials are not listed: ./crucible show ${evaluationId}`);
    expect(resultLines(page, { columns: 100, nowMs, whole: true }).length).toBeGreaterThan(70);
  });

  it('keeps epochs apart when names are cut', () => {
    const history = new History().submitted(1, 2).started(0, 'x'.repeat(90), 1).started(0, 'x'.repeat(90), 2);
    const rows = resultLines(history.page(), { columns: 40, nowMs }).slice(1, 3).map(bare);
    expect(rows[0]).toContain('… #1');
    expect(rows[1]).toContain('… #2');
  });

  it('is harmless, whatever a suite is called', () => {
    const history = new History()
      .submitted(1)
      .started(0, '\u001b[2Jx\u202e')
      .finished(0, 'failed', { error: '\u001b]0;evil\u0007' });
    const text = plain(resultLines(history.page(), { columns: 100, nowMs }));
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  it('names ends in few words', () => {
    const [trial] = [...done().page().trials.values()];
    if (trial === undefined) throw new Error('no trial');
    expect(endOf({ ...trial, reason: 'crash', exitCode: null, signal: 'SIGSEGV' })).toBe('crash SIGSEGV');
    expect(endOf({ ...trial, reason: 'out-of-memory', exitCode: null, signal: 'SIGKILL' })).toBe('out-of-memory');
    expect(endOf({ ...trial, reason: 'exit', exitCode: 3 })).toBe('exit 3');
  });
});

describe('one trial', () => {
  const trials = [...done().page().trials.values()];

  it('is found by its id or its sample', () => {
    expect(findTrial(trials, '1-1-1').sampleId).toBe('bad');
    expect(findTrial(trials, 'slow').id).toBe('2-1-1');
    expect(() => findTrial(trials, 'nope')).toThrow('no trial nope');
  });

  it('is described with its source cut and harmless', () => {
    const trial = findTrial(trials, 'bad');
    const source = `print("\u001b[2J")\n${'x\n'.repeat(100)}`;
    const text = plain(
      trialLines({ trial, sample: { id: 'bad', input: { language: 'python', source } }, position: 1 }, []),
    );
    expect(text).toContain('containment  attempted');
    expect(text).toContain('… cut');
    expect(text).not.toContain('\u001b');
  });
});
