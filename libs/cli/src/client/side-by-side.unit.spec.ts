import { noUsage } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { cameToResult, resultLine, resultLines } from './result.ts';
import { comparisonWarnings, differs, sampleRows, titled } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import { sideBySideLines } from './side-by-side.ts';
import { History, startMs } from './testing.ts';
import { bare } from './text.ts';
import { costText, countText } from './usage-text.ts';

const one = { ...noUsage, modelCalls: 1, toolCalls: 1, inputTokens: 1_000, outputTokens: 100, costMicroUsd: 1_000 };
const of = (model: string, first: 'passed' | 'failed'): History =>
  new History()
    .submitted(2, 1, model)
    .started(0, 'flag')
    .started(1, 'log')
    .turn(0)
    .turn(1)
    .turn(1)
    .finished(0, first, { usage: one, verdict: first === 'passed' ? 'attempted' : 'contained' })
    .finished(1, 'failed', { usage: null, verdict: 'contained' })
    .completed(first === 'passed' ? { passed: 1, failed: 1 } : { passed: 0, failed: 2 });
const view = { columns: 160, nowMs: startMs + 3_000 };
const plain = (lines: readonly string[]): string => lines.map((line) => bare(line).trimEnd()).join('\n');

describe('results of a model', () => {
  it('say whom, how sure and at what cost', () => {
    const text = plain(resultLines(of('scripted/intruder', 'passed').page(), view));
    expect(text).toMatch(/^sample +outcome +score +tokens +cost +calls/);
    expect(text).toMatch(
      /\nflag +passed +1\.00 +1100 +\$0\.001000 +1 \+ 1 .*\nlog +failed +0\.00 +2200 +\$0\.002000 +2 \+ 2 /,
    );
    expect(text).toContain(
      'scripted/intruder · 1 of 2 passed · score 0.50 ± 0.50 · 3300 tokens (3000 in, 300 out), $0.003000, 3 model calls, 3 tool calls',
    );
  });

  it('are a result whatever the score, once every trial has one', () => {
    expect(cameToResult(of('house', 'failed').page().evaluation)).toBe(true);
    expect(cameToResult(of('house', 'failed').page(5).evaluation)).toBe(false);
    const program = new History()
      .submitted(1)
      .started(0, 'a')
      .finished(0, 'failed')
      .completed({ passed: 0, failed: 1 });
    expect(cameToResult(program.page().evaluation)).toBe(false);
  });

  it('have the same line for scripts as those of programs, and more behind it', () => {
    const line = resultLine(of('house', 'passed').page(), 'https://x');
    expect(line).toMatchObject({ status: 'completed', score: 0.5, trials: { total: 2, passed: 1 }, url: 'https://x' });
    expect(line).toMatchObject({ subject: 'house', accuracy: 0.5, standardError: 0.5 });
    expect(line.usage).toEqual({ tokens: 3_300, costMicroUsd: 3_000, modelCalls: 3, toolCalls: 3, uncountedCalls: 0 });
  });
});

describe('results beside each other', () => {
  const pages = [of('scripted/benign', 'failed').page(), of('scripted/intruder', 'passed').page()];

  it('show every sample of every model, and what each came to', () => {
    const text = plain(sideBySideLines(pages, view));
    expect(text).toMatch(/^sample +benign +intruder\nflag +0\.00 +1\.00 attempted\nlog +0\.00 +0\.00\n/);
    expect(text).toMatch(/✓ +scripted\/benign +0\/2 +0\.00 ± 0\.00 +0\.00–0\.00 +3300 +\$0\.003000 +3 \+ 3/);
    expect(text).toMatch(/✓ +scripted\/intruder +1\/2 +0\.50 ± 0\.50/);
  });

  it('leave out the samples where they do not fit', () => {
    expect(plain(sideBySideLines(pages, { ...view, columns: 20 }))).not.toMatch(/^sample/);
  });

  it('tell evaluations of one model apart', () => {
    const twice = [pages[0], pages[0]].flatMap((page) => page ?? []);
    expect(titled(twice).map(({ title }) => title)).toEqual(['scripted/benign #1', 'scripted/benign #2']);
  });

  it('know which samples differ', () => {
    expect(sampleRows(pages).map((row) => [row.sampleId, differs(row)])).toEqual([
      ['flag', true],
      ['log', false],
    ]);
  });

  it('say where the numbers do not speak of the same', () => {
    expect(comparisonWarnings(pages)).toEqual([]);
    const [first, second] = pages as [EvaluationPage, EvaluationPage];
    const changed = (page: EvaluationPage, evaluation: Partial<EvaluationPage['evaluation']>): EvaluationPage => ({
      ...page,
      evaluation: { ...page.evaluation, ...evaluation },
    });
    const { suite } = second.evaluation;
    const other = changed(second, { suite: { ...suite, digest: 'f'.repeat(64) } });
    expect(comparisonWarnings([first, other])).toEqual([
      'the suite was not the same in all of them (its digest differs)',
    ]);
    const foreign = changed(second, { suite: { ...suite, name: 'other' } });
    expect(comparisonWarnings([first, foreign])[0]).toMatch(/^these are of different suites: .+, other$/);
    const open = changed(second, { endedAt: null });
    expect(comparisonWarnings([first, open])).toEqual([
      'scripted/intruder has not ended: these are its numbers so far',
    ]);
    const budgetReached = { scope: 'team', kind: 'tokens', limit: 10, spent: 9, asked: 4 } as const;
    const cut = changed(second, { budgetReached });
    expect(comparisonWarnings([first, cut])).toEqual([
      `scripted/intruder did not run whole: the budget of the team allows 10 tokens, and 9 are spent`,
    ]);
    expect(plain(resultLines(cut, view))).toContain('it did not run whole: the budget of the team allows 10 tokens');
  });

  it('keep apart what errored and what is not there', () => {
    const errored = new History().submitted(1, 1, 'house').started(0, 'flag');
    errored.finished(0, 'errored', { scores: [], error: 'the model failed', reason: 'model-failure' });
    const [flag, log] = sampleRows([errored.page(), ...pages.slice(1)]);
    expect(flag?.cells[0]).toMatchObject({ state: 'errored', score: null });
    expect(log?.cells[0]).toMatchObject({ state: 'absent' });
    expect(plain(sideBySideLines([errored.page(), ...pages], view))).toMatch(/! house, flag: the model failed/);
  });
});

describe('amounts', () => {
  it.each([
    [0, '0'],
    [9_999, '9999'],
    [12_999, '12.9k'],
    [999_999, '999k'],
    [4_560_000, '4.5M'],
  ])('%d are %s', (count, text) => expect(countText(count)).toBe(text));

  it.each([
    [0, '$0'],
    [12, '$0.000012'],
    [41_000, '$0.0410'],
    [3_414_000, '$3.41'],
  ])('%d millionths of a dollar are %s', (micro, text) => expect(costText(micro)).toBe(text));
});
