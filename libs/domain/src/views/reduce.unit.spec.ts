import type { EvaluationId, TrialId } from '@crucible/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTrialEvent } from '../trial/trial.ts';
import { simulate } from '../testing/index.ts';
import type { LogEntry } from '../testing/index.ts';
import { reducePage, reducePageBy } from './evaluation-page.ts';
import type { EvaluationPage } from './evaluation-page.ts';
import { evaluationOf, reduceEvaluation } from './reduce.ts';
import { evaluationViewSchema, trialViewSchema } from './views.ts';
import type { EvaluationView } from './views.ts';

/** Logs as a troubled platform writes them; a failing one is found again by its seed. */
const logs = fc.nat(1_000_000).map((seed) => ({ seed, entries: simulate({ seed, troubledSteps: 80 }).log.entries }));

const numbersOf = ({ trials: { total, ...rest } }: EvaluationView): { total: number; sum: number; least: number } => {
  const numbers = Object.values(rest);
  return { total, sum: numbers.reduce((sum, each) => sum + each, 0), least: Math.min(...numbers) };
};

/** A page begun at the evaluation's first event. */
const beginPage = (first: LogEntry): EvaluationPage => {
  const evaluation = reduceEvaluation(undefined, first);
  if (evaluation === undefined) throw new Error('a log that does not begin with a submission');
  return { evaluation, trials: new Map(), position: first.position };
};

const foldPage = (entries: readonly LogEntry[], id: EvaluationId): EvaluationPage => {
  const own = entries.filter(({ event }) => evaluationOf(event) === id);
  return own.slice(1).reduce(reducePage, beginPage(own[0] as LogEntry));
};

describe('reduceEvaluation', () => {
  it('gives numbers that add up after every event, and at the end those that were recorded', () => {
    fc.assert(
      fc.property(logs, ({ entries }) => {
        const views = new Map<EvaluationId, EvaluationView>();
        for (const entry of entries) {
          const id = evaluationOf(entry.event);
          if (id === null) continue;
          const view = reduceEvaluation(views.get(id), entry);
          if (view === undefined) throw new Error('every simulated evaluation begins with its submission');
          views.set(id, view);
          const { total, sum, least } = numbersOf(view);
          expect({ sum, negative: least < 0 }).toEqual({ sum: total, negative: false });
          if (entry.event.type === 'crucible.evaluation.completed.v1')
            expect(view.trials).toMatchObject(entry.event.data.trials);
        }
        for (const view of views.values()) evaluationViewSchema.parse(view);
      }),
    );
  });

  it('counts itself what the scheduler records at the end', () => {
    fc.assert(
      fc.property(logs, ({ entries }) => {
        for (const last of entries.filter(({ event }) => event.type === 'crucible.evaluation.completed.v1')) {
          const id = evaluationOf(last.event) as EvaluationId;
          const before = foldPage(entries.slice(0, last.position - 1), id).evaluation.trials;
          const after = foldPage(entries, id).evaluation.trials;
          expect({ ...after, waiting: before.waiting, withdrawn: before.withdrawn }).toEqual(before);
          expect(after.withdrawn).toBe(before.withdrawn + before.waiting);
        }
      }),
    );
  });

  it('stays within its numbers when events are missing, as when their bytes cannot be read', () => {
    fc.assert(
      fc.property(logs, fc.infiniteStream(fc.nat(9)), ({ entries }, chance) => {
        const views = new Map<EvaluationId, EvaluationView>();
        for (const entry of entries) {
          const id = evaluationOf(entry.event);
          if (id === null || (entry.event.type !== 'crucible.evaluation.submitted.v2' && chance.next().value === 0))
            continue;
          const view = reduceEvaluation(views.get(id), entry);
          if (view === undefined) continue;
          views.set(id, view);
          const { total, sum, least } = numbersOf(view);
          expect({ sum, negative: least < 0 }).toEqual({ sum: total, negative: false });
        }
      }),
    );
  });
});

describe('reducePage', () => {
  const withCut = logs.chain(({ seed, entries }) =>
    fc.record({
      seed: fc.constant(seed),
      entries: fc.constant(entries),
      cut: fc.nat(entries.length),
      from: fc.nat(entries.length),
    }),
  );

  it('comes to the same from a snapshot and its tail as from the whole log, also when the tail begins too early', () => {
    fc.assert(
      fc.property(withCut, ({ entries, cut, from }) => {
        const id = evaluationOf((entries[0] as LogEntry).event) as EvaluationId;
        const whole = foldPage(entries, id);
        const snapshot: EvaluationPage = {
          ...foldPage(entries.slice(0, Math.max(1, cut)), id),
          position: Math.max(1, cut),
        };
        const resumed = entries.slice(Math.min(from, cut)).reduce(reducePage, snapshot);
        expect(resumed.evaluation).toEqual(whole.evaluation);
        expect([...resumed.trials].sort()).toEqual([...whole.trials].sort());
      }),
    );
  });

  it('comes to the same by many events at once, and leaves the page it began with as it was', () => {
    fc.assert(
      fc.property(withCut, ({ entries, cut }) => {
        const id = evaluationOf((entries[0] as LogEntry).event) as EvaluationId;
        const before = foldPage(entries.slice(0, Math.max(1, cut)), id);
        const known = structuredClone(before);
        expect(reducePageBy(before, entries)).toEqual(foldPage(entries, id));
        expect(before).toEqual(known);
      }),
    );
  });

  it('is not moved by repeats', () => {
    fc.assert(
      fc.property(withCut, ({ entries, cut }) => {
        const id = evaluationOf((entries[0] as LogEntry).event) as EvaluationId;
        const whole = foldPage(entries, id);
        expect(entries.slice(0, cut).reduce(reducePage, whole)).toBe(whole);
        const stuttered = entries
          .flatMap((entry) => [entry, entry])
          .reduce(reducePage, beginPage(entries[0] as LogEntry));
        expect(stuttered).toEqual(whole);
      }),
    );
  });

  it("shows each place's last attempt as its latest, and only that", () => {
    fc.assert(
      fc.property(logs, ({ entries }) => {
        const id = evaluationOf((entries[0] as LogEntry).event) as EvaluationId;
        const { trials } = foldPage(entries, id);
        const last = new Map<string, number>();
        for (const { event } of entries) {
          if (event.type === 'crucible.trial.dispatched.v1' && event.data.evaluationId === id)
            last.set(`${event.data.sampleIndex}-${event.data.epoch}`, event.data.attempt);
        }
        for (const trial of trials.values()) {
          trialViewSchema.parse(trial);
          expect(trial.latest).toBe(last.get(`${trial.sampleIndex}-${trial.epoch}`) === trial.attempt);
        }
      }),
    );
  });

  it("leaves another evaluation's page alone, as the same object", () => {
    const { entries } = simulate({ seed: 7 }).log;
    const id = evaluationOf((entries[0] as LogEntry).event) as EvaluationId;
    const page = foldPage(entries, id);
    const foreign = entries
      .filter(({ event }) => evaluationOf(event) !== id)
      .map((entry) => ({ ...entry, position: entry.position + 1_000 }));
    expect(foreign.reduce(reducePage, page)).toBe(page);
    expect(foreign.length + entries.filter(({ event }) => isTrialEvent(event)).length).toBeGreaterThan(0);
  });

  it('keeps trials by their ids', () => {
    const { entries } = simulate({ seed: 3 }).log;
    const { trials } = foldPage(entries, evaluationOf((entries[0] as LogEntry).event) as EvaluationId);
    for (const [id, trial] of trials) expect(trial.id).toBe(id satisfies TrialId);
  });
});
