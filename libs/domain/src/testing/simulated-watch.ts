import { subjects } from '@crucible/events';
import type { EvaluationId, EventData, NewEvent, ProfileUsed, TrialId } from '@crucible/events';
import { chanceFrom } from '../policy/random.ts';
import type { Chance } from '../policy/random.ts';
import { simulatedId } from './simulated-log.ts';
import type { SimulatedLog } from './simulated-log.ts';

interface Place {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
}
type Raised = EventData<'crucible.alert.raised.v1'>;

const digest = 'cd'.repeat(32);
const strict: ProfileUsed = { name: 'strict', version: '1', looserThanStrict: [] };
const looser: ProfileUsed = { name: 'large', version: '2', looserThanStrict: ['memoryBytesMax'] };

/**
 * What executors and people say beside the course of trials: alerts and who looked at them, kills that were confirmed, stops
 * that were applied, now and then before they are written. Its chance is its own, so that it changes no course.
 */
export class SimulatedWatch {
  readonly #log: SimulatedLog;
  readonly #chance: Chance;
  #raised: Raised[] = [];

  constructor(log: SimulatedLog, seed: number) {
    this.#log = log;
    this.#chance = chanceFrom(seed ^ 0x5eed);
  }

  /** What a sandbox of a trial that begins was made by; null as in events of before there were profiles. */
  profile(): ProfileUsed | null {
    return this.#chance.oneIn(8) ? looser : this.#chance.oneIn(8) ? null : strict;
  }

  /** One moment of watching the trials that run. */
  step(running: readonly Place[], nowMs: number): void {
    const { oneIn } = this.#chance;
    if (oneIn(8)) this.#raise(running, nowMs);
    if (oneIn(25)) this.#acknowledge(nowMs);
    if (oneIn(60)) this.#tellOfExecutor(nowMs);
  }

  /** A stop was engaged, or is about to be: executors may be sooner than the log. */
  applied(stopId: string, killed: number, nowMs: number): void {
    for (let time = this.#chance.oneIn(10) ? 2 : 1; time > 0; time -= 1) {
      const executorId = `executor-${this.#chance.between(1, 2)}`;
      const data = { stopId, executorId, killed, unconfirmed: 0, latencyMs: this.#chance.between(1, 900) };
      this.#append(subjects.platform('executor'), { type: 'crucible.stop.applied.v1', data }, nowMs);
    }
  }

  killed(place: Place, stopId: string | null, nowMs: number): void {
    const { evaluationId, trialId } = place;
    const how = { latencyMs: this.#chance.between(1, 900), method: 'engine' as const, gone: !this.#chance.oneIn(9) };
    const cause = stopId === null ? ('cancel' as const) : ('stop' as const);
    const data = { evaluationId, trialId, executorId: 'executor', sandboxId: 'sandbox', stopId, cause, ...how };
    const subject = subjects.trial(evaluationId, trialId);
    this.#append(subject, { type: 'crucible.sandbox.kill-confirmed.v1', data }, nowMs);
  }

  #raise(running: readonly Place[], nowMs: number): void {
    const { pick, between, oneIn } = this.#chance;
    const place = pick(running);
    if (place === undefined) return;
    const { evaluationId, trialId } = place;
    const known = oneIn(12) ? pick(this.#raised) : undefined;
    const data: Raised = {
      evaluationId,
      trialId,
      // An executor that comes back may say the same again.
      alertId: known?.alertId ?? simulatedId(4, this.#raised.length + 1),
      rule: { id: `rule-${between(1, 3)}`, version: 1, title: 'Simulated', digest },
      severity: pick(['low', 'medium', 'high', 'critical'] as const) ?? 'low',
      capability: pick(['system-access', 'resource-abuse'] as const) ?? 'deception',
      tags: ['attack.t1611'],
      response: 'alert',
      summary: 'open /etc/\u0000shadow\u202e',
      count: between(1, 9),
      foreignTrial: oneIn(9) ? { evaluationId, trialId } : null,
      evidence: [{ channel: 'kernel', record: between(0, 99), stream: null, offset: null, at: nowMs, excerpt: 'open' }],
    };
    if (known === undefined) this.#raised.push(data);
    this.#append(subjects.trial(evaluationId, trialId), { type: 'crucible.alert.raised.v1', data }, nowMs);
  }

  /** Also one that is known already, and one that nobody raised. */
  #acknowledge(nowMs: number): void {
    const raised = this.#chance.pick(this.#raised);
    if (raised === undefined) return;
    const { evaluationId, trialId } = raised;
    const alertId = this.#chance.oneIn(15) ? simulatedId(5, 1) : raised.alertId;
    const data = { evaluationId, trialId, alertId, note: 'looked at' };
    this.#append(subjects.team('default'), { type: 'crucible.alert.acknowledged.v1', data }, nowMs);
  }

  #tellOfExecutor(nowMs: number): void {
    const subject = subjects.platform('executor');
    const executorId = `executor-${this.#chance.between(1, 2)}`;
    const told: NewEvent[] = [
      {
        type: 'crucible.executor.started.v1',
        data: { executorId, pool: 'default', capacity: 2, runtime: 'runsc', kernelObserved: true, sandboxesReaped: 0 },
      },
      {
        type: 'crucible.executor.rules-loaded.v1',
        data: { executorId, digest, rules: [{ id: 'rule-1', version: this.#chance.between(1, 3), digest }] },
      },
      {
        type: 'crucible.executor.health-changed.v1',
        data: { executorId, healthy: false, problem: 'pre-flight: a route was found' },
      },
    ];
    const event = this.#chance.pick(told);
    if (event !== undefined) this.#append(subject, event, nowMs);
  }

  #append(subject: string, event: NewEvent, nowMs: number): void {
    this.#log.append(subject, event, this.#log.lastOf(subject), { nowMs, seen: this.#log.head });
  }
}
