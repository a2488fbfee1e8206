import { subjects } from '@crucible/events';
import type { EvaluationId, StopScope } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { SimulatedLog, simulatedId } from '../testing/simulated-log.ts';
import { covers, decideStop, evolveStops, isStopEvent, noStops, sameScope, stopOf } from './stops.ts';
import type { Stops } from './stops.ts';

const [a, b] = [simulatedId(2, 1), simulatedId(2, 2)] as [EvaluationId, EvaluationId];
const [one, two] = [simulatedId(3, 1), simulatedId(3, 2)];
const ofA: StopScope = { kind: 'evaluation', evaluationId: a };
const red: StopScope = { kind: 'team', team: 'red' };
const all: StopScope = { kind: 'platform' };

/** Stops after commands, each of which must be accepted. */
const after = (...commands: Parameters<typeof decideStop>[0][]): Stops => {
  const log = new SimulatedLog();
  const subject = subjects.platform('stop');
  for (const command of commands) {
    const decision = decideStop(command, log.stops());
    if (!decision.accepted) throw new Error(decision.refusal);
    log.append(subject, decision.event, log.lastOf(subject), { nowMs: 0, seen: 0 });
  }
  return log.stops();
};
const engage = (stopId: string, scope: StopScope) => ({ type: 'engage', stopId, scope, reason: 'r' }) as const;
const release = (stopId: string) => ({ type: 'release', stopId, reason: 'r' }) as const;

describe('stops', () => {
  it('take in what their scope says', () => {
    const target = { evaluationId: a, team: 'red' };
    for (const scope of [all, red, ofA]) expect(covers(scope, target)).toBe(true);
    expect(covers(red, { ...target, team: 'blue' })).toBe(false);
    expect(covers(ofA, { ...target, evaluationId: b })).toBe(false);
  });

  it('have the same scope only where it is the same thing', () => {
    const scopes: StopScope[] = [
      all,
      red,
      ofA,
      { kind: 'team', team: 'blue' },
      { kind: 'evaluation', evaluationId: b },
    ];
    for (const first of scopes) for (const second of scopes) expect(sameScope(first, second)).toBe(first === second);
  });

  it('hold until each of them is released', () => {
    const target = { evaluationId: a, team: 'red' };
    expect(stopOf(after(engage(one, ofA), engage(two, all)), target)?.stopId).toBe(one);
    expect(stopOf(after(engage(one, ofA), engage(two, all), release(one)), target)?.stopId).toBe(two);
    expect(stopOf(after(engage(one, ofA), release(one)), target)).toBeUndefined();
    expect(stopOf(after(engage(one, { kind: 'evaluation', evaluationId: b })), target)).toBeUndefined();
  });

  it('are engaged once a scope, and released once', () => {
    const engaged = after(engage(one, all));
    expect(decideStop(engage(two, all), engaged)).toEqual({ accepted: false, refusal: 'already-engaged' });
    expect(decideStop(release(two), engaged)).toEqual({ accepted: false, refusal: 'not-engaged' });
    expect(decideStop(release(one), noStops)).toEqual({ accepted: false, refusal: 'not-engaged' });
    expect(decideStop(engage(two, all), after(engage(one, all), release(one)))).toMatchObject({ accepted: true });
  });

  it('say who engaged them, when and why, and are folded the same when an event comes twice', () => {
    const stops = after(engage(one, red));
    expect(stops.get(one)).toEqual({
      stopId: one,
      scope: red,
      reason: 'r',
      engagedBy: 'user:simulated',
      engagedAt: '1970-01-01T00:00:00.000Z',
      team: 'default',
    });
    const log = new SimulatedLog();
    log.append(
      subjects.platform('stop'),
      { type: 'crucible.stop.engaged.v1', data: { stopId: one, scope: red, reason: 'r' } },
      0,
      { nowMs: 0, seen: 0 },
    );
    const events = log.entries.map(({ event }) => event).filter(isStopEvent);
    expect([...events, ...events].reduce(evolveStops, noStops)).toEqual(stops);
  });
});
