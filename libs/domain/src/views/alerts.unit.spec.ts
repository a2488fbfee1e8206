import type { EvaluationId } from '@crucible/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../testing/index.ts';
import type { LogEntry } from '../testing/index.ts';
import { alertAt, alertOf, alertViewSchema, reduceAlert } from './alerts.ts';
import type { AlertView } from './alerts.ts';
import { evaluationOf, reduceEvaluation } from './reduce.ts';
import type { EvaluationView } from './views.ts';

const logs = fc.nat(1_000_000).map((seed) => simulate({ seed, troubledSteps: 150 }).log.entries);

const foldAlerts = (entries: readonly LogEntry[]): Map<string, AlertView> => {
  const views = new Map<string, AlertView>();
  for (const entry of entries) {
    const id = alertOf(entry.event);
    const view = id === null ? undefined : reduceAlert(views.get(id), entry);
    if (id !== null && view !== undefined) views.set(id, view);
  }
  return views;
};
/** Each entry again now and then, and from an earlier place on, as a log that is read once more. */
const stuttered = (entries: readonly LogEntry[], from: number): LogEntry[] => [
  ...entries.flatMap((entry) => [entry, entry]),
  ...entries.slice(from),
];

describe('reduceAlert', () => {
  it('holds each alert once, as it was first raised and first acknowledged', () => {
    let acknowledged = 0;
    fc.assert(
      fc.property(logs, (entries) => {
        const views = foldAlerts(entries);
        for (const view of views.values()) {
          alertViewSchema.parse(view);
          const told = entries.filter(({ event }) => alertOf(event) === view.id);
          const first = told.find(({ event }) => event.type === 'crucible.alert.raised.v1');
          expect(view.raisedPosition).toBe(first?.position);
          const said = told.find(
            ({ event, position }) => event.type === 'crucible.alert.acknowledged.v1' && position > view.raisedPosition,
          );
          expect(view.acknowledged?.position).toBe(said?.position);
          if (said !== undefined) acknowledged += 1;
        }
        const raised = new Set(
          entries.flatMap(({ event }) => (event.type === 'crucible.alert.raised.v1' ? event.data.alertId : [])),
        );
        expect(new Set(views.keys())).toEqual(raised);
      }),
    );
    expect(acknowledged).toBeGreaterThan(20);
  });

  it('is not moved by repeats', () => {
    fc.assert(
      fc.property(logs, fc.nat(300), (entries, from) => {
        expect(foldAlerts(stuttered(entries, from))).toEqual(foldAlerts(entries));
      }),
    );
  });

  it('takes no acknowledgement of another team, trial or evaluation', () => {
    const entries = simulate({ seed: 5, troubledSteps: 400 }).log.entries;
    const raised = entries.find(({ event }) => event.type === 'crucible.alert.raised.v1') as LogEntry;
    const view = reduceAlert(undefined, raised) as AlertView;
    const { evaluationId, trialId, id: alertId } = view;
    const acknowledgement = (team: string, data: object): LogEntry =>
      ({
        position: raised.position + 1,
        event: {
          ...raised.event,
          type: 'crucible.alert.acknowledged.v1',
          team,
          data: { evaluationId, trialId, alertId, note: '', ...data },
        },
      }) as unknown as LogEntry;
    expect(reduceAlert(view, acknowledgement('other', {}))).toBe(view);
    expect(reduceAlert(view, acknowledgement('default', { trialId: '9-1-1' }))).toBe(view);
    expect(reduceAlert(view, acknowledgement('default', { alertId: 'another' }))).toBe(view);
    expect(reduceAlert(view, acknowledgement('default', {}))?.acknowledged).toMatchObject({ by: raised.event.actor });
  });
});

describe('alertAt', () => {
  it('is what the reducer came to at that position', () => {
    fc.assert(
      fc.property(logs, fc.nat(400), (entries, cut) => {
        const then = foldAlerts(entries.slice(0, cut));
        for (const [id, view] of foldAlerts(entries)) expect(alertAt(view, cut)).toEqual(then.get(id));
      }),
    );
  });
});

describe('counts of alerts', () => {
  it('are those of the events, by severity, also behind an evaluation’s end', () => {
    let counted = 0;
    fc.assert(
      fc.property(logs, (entries) => {
        const views = new Map<EvaluationId, EvaluationView>();
        for (const entry of entries) {
          const id = evaluationOf(entry.event);
          const view = id === null ? undefined : reduceEvaluation(views.get(id), entry);
          if (id !== null && view !== undefined) views.set(id, view);
        }
        for (const [id, { alerts }] of views) {
          const raised = entries.flatMap(({ event }) =>
            event.type === 'crucible.alert.raised.v1' && event.data.evaluationId === id ? event.data.severity : [],
          );
          for (const severity of ['low', 'medium', 'high', 'critical'] as const)
            expect(alerts[severity]).toBe(raised.filter((each) => each === severity).length);
          counted += raised.length;
        }
      }),
    );
    expect(counted).toBeGreaterThan(100);
  });
});
