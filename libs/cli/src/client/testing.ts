import { reducePage } from '@crucible/domain';
import type { EvaluationPage, Positioned } from '@crucible/domain';
import { envelop, evaluationIdSchema, examples, noBudget, trialIdOf, uuidv7 } from '@crucible/events';
import type { EventData, EventType, NewEvent, Outcome } from '@crucible/events';
import { reduceEvaluation } from '@crucible/domain';

export const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
export const startMs = Date.parse('2026-01-01T00:00:00.000Z');
const STEP_MS = 100;

/** One past evaluation, event by event; positions begin at 10 and leave gaps, as a shared log does. */
export class History {
  readonly events: Positioned[] = [];

  add<T extends EventType>(type: T, data: Partial<EventData<T>>): this {
    const nth = this.events.length;
    const stamp = {
      id: uuidv7(startMs + nth, new Uint8Array(16).fill(nth % 256)),
      nowMs: startMs + nth * STEP_MS,
      subject: 'crucible.events.test',
      origin: { source: 'test', team: 'default', actor: 'user:test', correlationId: evaluationId },
    };
    const event = envelop({ type, data: { ...examples[type].data, evaluationId, ...data } } as NewEvent, stamp);
    this.events.push({ position: 10 + nth * 3, event });
    return this;
  }

  /** @param model of an evaluation that asks one; a program's own suite without */
  submitted(samples: number, epochs = 1, model?: string): this {
    const suite = { ...examples['crucible.evaluation.submitted.v1'].data.suite, capability: null };
    const subject =
      model === undefined ? { kind: 'program' as const } : { kind: 'model' as const, model, provider: null };
    const what = { suite, subject, budget: noBudget, epochReducer: 'mean' };
    return this.add('crucible.evaluation.submitted.v2', { ...what, samples, epochs }).add(
      'crucible.evaluation.admitted.v1',
      {
        concurrency: 4,
      },
    );
  }

  started(
    sampleIndex: number,
    sampleId: string,
    epoch = 1,
    profile = examples['crucible.trial.started.v2'].data.profile,
  ): this {
    const trialId = trialIdOf({ sampleIndex, epoch, attempt: 1 });
    return this.add('crucible.trial.dispatched.v1', { trialId, sampleId, sampleIndex, epoch, attempt: 1 }).add(
      'crucible.trial.started.v2',
      { trialId, profile },
    );
  }

  /** One turn: a call to the model (1000 tokens read, 100 written, a tenth of a cent) and one to a tool. */
  turn(sampleIndex: number, epoch = 1): this {
    const trialId = trialIdOf({ sampleIndex, epoch, attempt: 1 });
    const usage = { inputTokens: 1_000, outputTokens: 100, cachedInputTokens: null, reasoningTokens: null };
    const settled = { tokens: 1_100, costMicroUsd: 1_000, calls: 1, timeMs: 1_834 };
    return this.add('crucible.trial.model-called.v2', { trialId, usage, costMicroUsd: 1_000, settled }).add(
      'crucible.trial.tool-called.v1',
      { trialId },
    );
  }

  finished(
    sampleIndex: number,
    outcome: Outcome,
    data: Partial<EventData<'crucible.trial.finished.v2'>> = {},
    epoch = 1,
  ): this {
    const trialId = trialIdOf({ sampleIndex, epoch, attempt: 1 });
    const value = outcome === 'passed' ? 1 : 0;
    const scores = [
      { scorer: 'exit-code', value, explanation: outcome === 'passed' ? 'exit code 0' : 'exit code 1, expected 0' },
    ];
    const { durationMs, memoryBytesPeak, verdict, evidence } = examples['crucible.trial.finished.v1'].data;
    return this.add('crucible.trial.finished.v2', {
      trialId,
      ...{ durationMs, memoryBytesPeak, verdict, evidence, usage: null, answer: null },
      outcome,
      reason: 'exit',
      exitCode: 1 - value,
      limitsHit: [],
      scores,
      ...data,
    });
  }

  completed(counts: { readonly passed: number; readonly failed: number }): this {
    const total = counts.passed + counts.failed;
    const trials = { total, ...counts, errored: 0, withdrawn: 0 };
    return this.add('crucible.evaluation.completed.v1', { trials, score: counts.passed / total });
  }

  /** The page after the first `count` events, or after all. */
  page(count = this.events.length): EvaluationPage {
    const [first, ...rest] = this.events.slice(0, count);
    const evaluation = first && reduceEvaluation(undefined, first);
    if (first === undefined || evaluation === undefined) throw new Error('a history begins with a submission');
    return rest.reduce<EvaluationPage>(reducePage, { evaluation, trials: new Map(), position: first.position });
  }
}

/** An evaluation of three samples: one passed, one failed, one still running. */
export const halfDone = (): History =>
  new History()
    .submitted(3)
    .started(0, 'good')
    .started(1, 'bad')
    .started(2, 'slow')
    .finished(0, 'passed')
    .finished(1, 'failed', { verdict: 'attempted' });
