import { suiteSchema } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import { UsageFailure } from '../exit.ts';
import { comparisonCsv, comparisonOf } from '@crucible/domain';
import { retryRequest, retryTitle, samplesToRetry } from './retry-suite.ts';
import { History, evaluationId } from './testing.ts';

const suite: Suite = suiteSchema.parse({
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name: 'sums', version: '1.0.0', title: 'Sums' },
  solver: { kind: 'generate' },
  scorers: [{ kind: 'includes' }],
  limits: { concurrency: 2 },
  dataset: { samples: ['good', 'bad', 'broken', 'never'].map((id) => ({ id, input: `${id}?`, target: id })) },
});
const ended = (): History =>
  new History()
    .submitted(4, 1, 'house')
    .started(0, 'good')
    .started(1, 'bad')
    .started(2, 'broken')
    .finished(0, 'passed')
    .finished(1, 'failed')
    .finished(2, 'errored', { scores: [], error: 'the model failed', reason: 'model-failure' })
    .completed({ passed: 1, failed: 3 });

describe('a retry', () => {
  it('is of what failed, errored or never began', () => {
    expect(samplesToRetry(ended().page(), suite, false)).toEqual(['bad', 'broken', 'never']);
    expect(samplesToRetry(ended().page(), suite, true)).toEqual(['broken', 'never']);
  });

  it('keeps suite and subject, and names the evaluation that it is of', () => {
    const request = retryRequest(ended().page(), suite, true);
    expect(request.subject).toEqual({ kind: 'model', model: 'house' });
    expect(request.concurrency).toBe(2);
    const submitted = suiteSchema.parse(request.suite);
    expect(submitted.metadata.title).toBe(`Sums (retry of ${evaluationId})`);
    expect(submitted.dataset.samples.map(({ id }) => id)).toEqual(['broken', 'never']);
    expect(submitted.scorers).toEqual(suite.scorers);
  });

  it('runs the same agent again, whose program is in the suite', () => {
    const page = ended().page();
    const agent = {
      kind: 'agent',
      name: 'tiny',
      model: 'house',
      provider: null,
      image: null,
      programDigest: null,
    } as const;
    const again = retryRequest({ ...page, evaluation: { ...page.evaluation, subject: agent } }, suite, true);
    expect(again.subject).toEqual({ kind: 'agent', model: 'house' });
  });

  it('of a retry names the last one only, in a title of bounded length', () => {
    const once = retryTitle('x'.repeat(120), evaluationId);
    expect(once).toHaveLength(120);
    const twice = retryTitle(once, evaluationId.replace('0', '1'));
    expect(twice).toHaveLength(120);
    expect(twice.match(/retry of/g)).toHaveLength(1);
  });

  it('is refused while the evaluation runs, and where there is nothing to try again', () => {
    expect(() => retryRequest(ended().page(5), suite, false)).toThrow(UsageFailure);
    expect(() => retryRequest(ended().page(5), suite, false)).toThrow(/has not ended\n.*crucible watch/);
    const all = new History().submitted(1, 1, 'house').started(0, 'good').finished(0, 'passed');
    const one = { ...suite, dataset: { samples: suite.dataset.samples.slice(0, 1) } };
    const page = all.completed({ passed: 1, failed: 0 }).page();
    expect(() => retryRequest(page, one, false)).toThrow(/every trial of this evaluation passed/);
    expect(() => retryRequest(page, one, true)).toThrow(/no trial of this evaluation errored/);
  });
});

describe('a comparison', () => {
  it('has scores with intervals, and every sample', () => {
    const other = new History().submitted(2, 1, 'rival').started(0, 'good').started(1, 'bad');
    other.finished(0, 'passed').finished(1, 'passed').completed({ passed: 2, failed: 0 });
    const { evaluations, samples } = comparisonOf([ended().page(), other.page()]);
    expect(evaluations).toMatchObject([
      { title: 'house', samples: 2, accuracy: 0.5, interval: { low: 0, high: 1, level: 0.95 } },
      { title: 'rival', samples: 2, accuracy: 1, standardError: 0 },
    ]);
    expect(samples.map(({ sampleId, differs }) => [sampleId, differs])).toEqual([
      ['good', false],
      ['bad', true],
      ['broken', true],
    ]);
  });

  it('is CSV that no spreadsheet runs', () => {
    const odd = new History().submitted(2, 1, 'a,"b"').started(0, '=HYPERLINK("x")').started(1, 'two\nlines');
    odd.finished(0, 'passed').finished(1, 'failed').completed({ passed: 1, failed: 1 });
    const csv = comparisonCsv(comparisonOf([odd.page()]), 'samples');
    expect(csv).toBe(
      'sample,"a,""b"" score","a,""b"" verdict"\r\n"\'=HYPERLINK(""x"")",1,contained\r\n"two\nlines",0,contained\r\n',
    );
  });
});
