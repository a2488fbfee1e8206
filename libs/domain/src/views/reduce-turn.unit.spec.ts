import { noUsage } from '@crucible/events';
import type { CrucibleEvent, EvaluationId } from '@crucible/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../testing/index.ts';
import type { LogEntry } from '../testing/index.ts';
import { evolveControl, noControl } from '../trial/control.ts';
import { reducePage } from './evaluation-page.ts';
import type { EvaluationPage } from './evaluation-page.ts';
import { evaluationOf, reduceEvaluation, reduceTrial } from './reduce.ts';
import type { TrialView } from './views.ts';

const logs = fc.nat(1_000_000).map((seed) => simulate({ seed, troubledSteps: 200 }).log.entries);

const pageOf = (entries: readonly LogEntry[], id: EvaluationId): EvaluationPage | undefined => {
  const own = entries.filter(({ event }) => evaluationOf(event) === id);
  const [first] = own;
  const evaluation = first && reduceEvaluation(undefined, first);
  if (first === undefined || evaluation === undefined) return undefined;
  return own.slice(1).reduce(reducePage, { evaluation, trials: new Map(), position: first.position });
};
const calls = (events: readonly CrucibleEvent[]) =>
  events.flatMap((event) => (event.type === 'crucible.trial.model-called.v2' ? [event.data] : []));
const sum = (numbers: readonly (number | null)[]): number =>
  numbers.reduce<number>((all, each) => all + (each ?? 0), 0);

describe('what is told of conversations', () => {
  it('adds up, call by call, in the view of the evaluation', () => {
    let seen = 0;
    fc.assert(
      fc.property(logs, (entries) => {
        const id = evaluationOf((entries[0] as LogEntry).event) as EvaluationId;
        const events = entries.map(({ event }) => event).filter((event) => evaluationOf(event) === id);
        const own = calls(events);
        seen += own.length;
        const working = events.flatMap((event) =>
          event.type === 'crucible.trial.finished.v2' ? [event.data.usage?.workingMs ?? 0] : [],
        );
        expect(pageOf(entries, id)?.evaluation.usage).toEqual({
          ...noUsage,
          modelCalls: own.length,
          toolCalls: events.filter(({ type }) => type === 'crucible.trial.tool-called.v1').length,
          inputTokens: sum(own.map(({ usage }) => usage.inputTokens)),
          outputTokens: sum(own.map(({ usage }) => usage.outputTokens)),
          reasoningTokens: sum(own.map(({ usage }) => usage.reasoningTokens)),
          costMicroUsd: sum(own.map(({ costMicroUsd }) => costMicroUsd)),
          uncountedCalls: own.filter(
            ({ usage, costMicroUsd, result, settled }) =>
              (result.status === 'replied' && (usage.inputTokens === null || costMicroUsd === null)) ||
              (settled?.tokens ?? 0) > sum([usage.inputTokens, usage.outputTokens]) ||
              (settled?.costMicroUsd ?? 0) > (costMicroUsd ?? 0),
          ).length,
          waitedMs: sum(own.map(({ waitedMs }) => Math.round(waitedMs))),
          workingMs: sum(working),
        });
      }),
    );
    expect(seen).toBeGreaterThan(30);
  });

  it('shows of each running trial what people and executors hold: the same pauses and waiting requests', () => {
    let waiting = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const { entries } = simulate({ seed, troubledSteps: 200 }).log;
      for (let cut = 1 + (seed % 7); cut <= entries.length; cut += 7) {
        const some = entries.slice(0, cut);
        const id = evaluationOf((entries[0] as LogEntry).event) as EvaluationId;
        for (const trial of pageOf(some, id)?.trials.values() ?? []) {
          const control = some
            .filter(({ event }) => (event.data as { trialId?: string }).trialId === trial.id)
            .filter(({ event }) => evaluationOf(event) === id)
            .reduce(evolveControl, noControl);
          if (trial.status !== 'running') {
            expect(trial).toMatchObject({ pause: null, approvals: [] });
            continue;
          }
          expect(trial.pause !== null).toBe(control.isPauseAsked);
          const expected = [...control.approvals].filter(([, { status }]) => status === 'waiting').map(([key]) => key);
          expect(trial.approvals.map(({ approvalId }) => approvalId)).toEqual(expected);
          waiting += expected.length;
        }
      }
    }
    expect(waiting).toBeGreaterThan(10);
  });

  it('shows a trial as paused that its lost attempt leaves so, and nothing of one that is over', () => {
    const place = { evaluationId: '017f22e2-79b0-7cc3-98c4-dc0c0c07398f', trialId: '0-1-2' };
    const told = (...types: string[]): (TrialView['pause'] | number | undefined)[] => {
      let view: TrialView | undefined;
      return types.map((name, index) => {
        const type = `crucible.trial.${name}`;
        const data = { ...place, turn: 1, fromTrialId: '0-1-1', approvalId: String(index), reason: 'r' };
        const event = { type, data, time: '2026-11-30T10:00:00Z' } as unknown as Parameters<
          typeof reduceTrial
        >[1]['event'];
        view = reduceTrial(view, { event, position: index + 1 });
        return name.startsWith('approval') ? view?.approvals.length : view?.pause;
      });
    };
    const begun = ['dispatched.v1', 'pause-carried.v1'];
    expect(told(...begun, 'started.v2', 'paused.v1', 'resumed.v1')).toEqual([null, 'asked', 'asked', 'paused', null]);
    expect(told(...begun, 'withdrawn.v1')).toEqual([null, 'asked', null]);
    // A request that waited when its executor died waits for nobody once the attempt is known to be lost.
    const lost = told(...begun, 'started.v2', 'approval-requested.v1', 'finished.v2', 'approval-requested.v1');
    expect(lost).toEqual([null, 'asked', 'asked', 1, null, 0]);
  });
});
