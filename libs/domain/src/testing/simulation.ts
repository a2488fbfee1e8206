import { subjects, trialIdOf } from '@crucible/events';
import type { EvaluationId, NewEvent, StopScope, TrialId } from '@crucible/events';
import { decideEvaluation } from '../evaluation/evaluation.ts';
import { Schedule } from '../policy/schedule.ts';
import type { ScheduleAction } from '../policy/schedule.ts';
import { decideStop, stopOf } from '../policy/stops.ts';
import type { StopCommand } from '../policy/stops.ts';
import { decideTrial } from '../trial/trial.ts';
import type { Finish } from '../trial/trial.ts';
import { chanceFrom } from '../policy/random.ts';
import type { Chance } from '../policy/random.ts';
import { SimulatedLog, simulatedId } from './simulated-log.ts';
import type { LogEntry } from './simulated-log.ts';
import { SimulatedTurns } from './simulated-turns.ts';
import { SimulatedWatch } from './simulated-watch.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly evaluationsMax?: number;
  readonly samplesMax?: number;
  /** Steps in which things go wrong, before everything may come to its end. */
  readonly troubledSteps?: number;
}

/** What a run came to: its log, and what the platform was set up with. */
export interface Simulation {
  readonly log: SimulatedLog;
  readonly concurrencyMax: number;
}

const STEPS_MAX = 20_000;
const digest = 'ab'.repeat(32);

interface Item {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
  readonly delivery: number;
}

/**
 * One seeded run of people, one scheduler and its executors over one log: submissions, cancels, emergency stops and
 * their releases, errored trials, executors that die, work delivered twice or late, and a scheduler that stops between any two of its acts and starts again.
 * @throws Error when not everything ends once the trouble is over
 */
export const simulate = (options: SimulationOptions): Simulation => new World(options).run();

class World {
  readonly log = new SimulatedLog();
  readonly #options: Required<SimulationOptions>;
  readonly #chance: Chance;
  readonly #concurrencyMax: number;
  #nowMs = 1_700_000_000_000;
  #schedule: Schedule;
  #position = 0;
  #catchUpTo = 0;
  #appliedAhead = new Set<number>();
  #queue: Item[] = [];
  #running: Item[] = [];
  #stopsAsked = 0;
  readonly #watch: SimulatedWatch;
  readonly #turns: SimulatedTurns;

  constructor(options: SimulationOptions) {
    this.#options = { evaluationsMax: 3, samplesMax: 4, troubledSteps: 150, ...options };
    this.#chance = chanceFrom(options.seed);
    this.#concurrencyMax = this.#chance.between(1, 5);
    this.#schedule = new Schedule(this.#concurrencyMax);
    this.#watch = new SimulatedWatch(this.log, options.seed);
    this.#turns = new SimulatedTurns(this.log, options.seed);
  }

  run(): Simulation {
    this.#submit();
    const troubled = this.#chance.between(10, this.#options.troubledSteps);
    for (let step = 0; step < troubled; step += 1) {
      this.#trouble();
      this.#watch.step(this.#running, this.#nowMs);
      this.#turns.step(this.#running, this.#nowMs);
    }
    for (const stopId of this.log.stops().keys()) this.#stop({ type: 'release', stopId, reason: 'simulated' });
    for (let step = 0; !this.#allEnded(); step += 1) {
      if (step > STEPS_MAX) throw new Error(`seed ${this.#options.seed}: not everything ended`);
      this.#calm();
      this.#watch.step(this.#running, this.#nowMs);
      this.#turns.step(this.#running, this.#nowMs);
    }
    return { log: this.log, concurrencyMax: this.#concurrencyMax };
  }

  #trouble(): void {
    const roll = this.#chance.between(1, 100);
    if (roll <= 4) this.#submit();
    else if (roll <= 7) this.#cancel();
    else if (roll <= 12) this.#restartScheduler();
    else if (roll <= 15) this.#executorDies();
    else if (roll <= 18) this.#duplicateWork();
    else if (roll <= 20) this.#engageStop();
    else if (roll <= 24) this.#releaseStop();
    else this.#progress(roll);
  }

  /** Without trouble, but in any order. */
  #calm(): void {
    this.#progress(this.#chance.between(19, 100));
  }

  #progress(roll: number): void {
    if (roll <= 42) this.#followOne();
    else if (roll <= 65) this.#act();
    else if (roll <= 80) this.#takeWork();
    else if (roll <= 92) this.#finishOne();
    else this.#nowMs += this.#chance.between(1, 8_000);
  }

  #allEnded(): boolean {
    return this.log.submissions().every((id) => {
      const { status } = this.log.evaluation(subjects.evaluation(id));
      return status === 'completed' || status === 'cancelled';
    });
  }

  // People

  #submit(): void {
    const count = this.log.submissions().length;
    if (count >= this.#options.evaluationsMax) return;
    const evaluationId = simulatedId(2, count) as EvaluationId;
    const { between } = this.#chance;
    const submission = {
      evaluationId,
      suite: {
        name: `suite-${between(0, 2)}`,
        version: '1.0.0',
        title: 'Simulated',
        digest,
        bytes: 1,
        capability: null,
      },
      ...this.#turns.asked(),
      samples: between(1, this.#options.samplesMax),
      epochs: between(1, 2),
      concurrencyMax: between(1, 4),
      attemptsMax: between(1, 3),
      requestDigest: digest,
    };
    this.#append(subjects.evaluation(evaluationId), { type: 'crucible.evaluation.submitted.v2', data: submission }, 0);
  }

  #cancel(): void {
    const id = this.#chance.pick(this.log.submissions());
    if (id === undefined) return;
    const subject = subjects.evaluation(id);
    const decision = decideEvaluation({ type: 'request-cancel', reason: 'simulated' }, this.log.evaluation(subject));
    if (decision.accepted) this.#append(subject, decision.event, this.log.lastOf(subject));
  }

  #engageStop(): void {
    const id = this.#chance.pick(this.log.submissions());
    const scopes: StopScope[] = [
      { kind: 'platform' },
      { kind: 'team', team: 'default' },
      { kind: 'team', team: 'other' },
      ...(id === undefined ? [] : [{ kind: 'evaluation' as const, evaluationId: id }]),
    ];
    const scope = this.#chance.pick(scopes);
    if (scope === undefined) return;
    this.#stopsAsked += 1;
    this.#stop({ type: 'engage', stopId: simulatedId(3, this.#stopsAsked), scope, reason: 'simulated' });
  }

  #releaseStop(): void {
    const stopId = this.#chance.pick([...this.log.stops().keys()]);
    if (stopId !== undefined) this.#stop({ type: 'release', stopId, reason: 'simulated' });
  }

  #stop(command: StopCommand): void {
    const decision = decideStop(command, this.log.stops());
    const subject = subjects.platform('stop');
    const running = this.#running.length;
    const isEngaged = decision.accepted && command.type === 'engage';
    // Executors hear of it before it is written.
    const isSooner = isEngaged && command.stopId.endsWith('3');
    if (isSooner) this.#watch.applied(command.stopId, running, this.#nowMs);
    if (decision.accepted) this.#append(subject, decision.event, this.log.lastOf(subject));
    this.#killStopped();
    if (isEngaged && !isSooner) this.#watch.applied(command.stopId, running - this.#running.length, this.#nowMs);
  }

  // The scheduler: what services/scheduler does with a Schedule, one step at a time

  #followOne(): void {
    const entry = this.log.entries[this.#position];
    if (entry === undefined) return;
    this.#position = entry.position;
    if (this.#appliedAhead.delete(entry.position)) return;
    this.#applyOnceOrTwice(entry);
  }

  /** A handler that failed is called again with the same event; an append may be acknowledged behind its own delivery. */
  #applyOnceOrTwice(entry: LogEntry | undefined): void {
    const times = this.#chance.oneIn(5) ? 2 : 1;
    for (let time = 0; time < times && entry !== undefined; time += 1) this.#schedule.apply(entry);
  }

  #restartScheduler(): void {
    this.#schedule = new Schedule(this.#concurrencyMax);
    this.#appliedAhead = new Set();
    for (const entry of this.log.entries) this.#schedule.apply(entry);
    this.#position = this.log.head;
    for (const item of this.#schedule.awaitingExecutor()) this.#push(item);
  }

  #act(): void {
    if (this.#position < this.#catchUpTo) return;
    const action = this.#schedule.next(this.#nowMs);
    if (action === null) return;
    const [subject, event, expected] = this.#eventOf(action);
    const position = this.log.append(subject, event, expected, { nowMs: this.#nowMs, seen: this.#position });
    if (position === null) {
      this.#catchUpTo = this.log.lastOf(subject);
      return;
    }
    // It may die right behind the append: nothing applied, nothing pushed.
    if (this.#chance.oneIn(25)) return this.#restartScheduler();
    this.#appliedAhead.add(position);
    this.#applyOnceOrTwice(this.log.entries[position - 1]);
    if (action.type === 'dispatch') this.#push({ evaluationId: action.evaluationId, trialId: trialIdOf(action.place) });
  }

  #eventOf(action: ScheduleAction): [subject: string, event: NewEvent, expectedSequence: number] {
    const { evaluationId } = action;
    const subject = subjects.evaluation(evaluationId);
    switch (action.type) {
      case 'admit':
        return [
          subject,
          { type: 'crucible.evaluation.admitted.v1', data: { evaluationId, concurrency: action.concurrency } },
          action.expectedSequence,
        ];
      case 'complete': {
        const status = this.#schedule.isCancelling(evaluationId) ? 'cancelled' : 'completed';
        return [
          subject,
          { type: 'crucible.evaluation.completed.v1', data: { evaluationId, status, ...action.completion } },
          action.expectedSequence,
        ];
      }
      case 'withdraw': {
        const { trialId } = action;
        return [
          subjects.trial(evaluationId, trialId),
          { type: 'crucible.trial.withdrawn.v1', data: { evaluationId, trialId, reason: action.reason } },
          action.expectedSequence,
        ];
      }
      case 'dispatch': {
        const trialId = trialIdOf(action.place);
        const data = {
          evaluationId,
          trialId,
          sampleId: `sample-${action.place.sampleIndex}`,
          ...action.place,
          suiteDigest: digest,
          pool: 'default',
        };
        return [subjects.trial(evaluationId, trialId), { type: 'crucible.trial.dispatched.v1', data }, 0];
      }
    }
  }

  #push(item: { readonly evaluationId: EvaluationId; readonly trialId: TrialId }): void {
    this.#queue.push({ evaluationId: item.evaluationId, trialId: item.trialId, delivery: 1 });
  }

  // Executors

  #takeWork(): void {
    const item = this.#draw(this.#queue);
    if (item === undefined) return;
    const { evaluationId, trialId } = item;
    const subject = subjects.trial(evaluationId, trialId);
    const state = this.log.trial(subject);
    if (
      state.status === 'running' &&
      item.delivery > 1 &&
      !this.#running.some((held) => held.evaluationId === evaluationId && held.trialId === trialId)
    ) {
      return this.#finish(item, { outcome: 'errored', reason: 'lease-lost', scores: [] });
    }
    // An executor that hears of a stop gives the work back, and has it again when the stop was released.
    if (state.status === 'dispatched' && this.#isStopped(evaluationId)) return void this.#queue.push(item);
    const closed = ['cancelling', 'completed', 'cancelled'].includes(
      this.log.evaluation(subjects.evaluation(evaluationId)).status,
    );
    if (closed) return;
    const limits = {
      cpuMillis: 1,
      memoryBytesMax: 1,
      pidsMax: 1,
      diskBytesMax: 1,
      wallTimeMsMax: 1,
      outputBytesMax: 1,
      tmpBytesMax: 1,
      filesOpenMax: 1,
      fileBytesMax: 1,
    };
    const start = {
      evaluationId,
      trialId,
      executorId: 'executor',
      runtime: 'runsc',
      image: 'python',
      limits,
      kernelObserved: true,
      sandboxId: null,
      origin: null,
      profile: this.#watch.profile(),
      preflight: null,
    };
    const decision = decideTrial({ type: 'start', start }, state);
    if (decision.accepted && this.#append(subject, decision.event, this.log.lastOf(subject))) this.#running.push(item);
  }

  #isStopped(evaluationId: EvaluationId): boolean {
    return stopOf(this.log.stops(), { evaluationId, team: 'default' }) !== undefined;
  }

  #killStopped(): void {
    const stopped = this.#running.filter(({ evaluationId }) => this.#isStopped(evaluationId));
    this.#running = this.#running.filter(({ evaluationId }) => !this.#isStopped(evaluationId));
    const [stopId = null] = this.log.stops().keys();
    for (const item of stopped) {
      this.#watch.killed(item, stopId, this.#nowMs);
      this.#finish(item, { outcome: 'errored', reason: 'stopped', scores: [] });
    }
  }

  #finishOne(): void {
    const item = this.#draw(this.#running);
    if (item === undefined) return;
    const cancelling = this.log.evaluation(subjects.evaluation(item.evaluationId)).status === 'cancelling';
    if (cancelling && this.#chance.oneIn(2)) {
      this.#watch.killed(item, null, this.#nowMs);
      return this.#finish(item, { outcome: 'errored', reason: 'stopped', scores: [] });
    }
    if (this.#chance.oneIn(3)) return this.#finish(item, { outcome: 'errored', reason: 'engine-failure', scores: [] });
    const value = this.#chance.between(0, 4) / 4;
    const scores = this.#chance.oneIn(10) ? [] : [{ scorer: 'exact', value, explanation: '' }];
    this.#finish(item, { outcome: value === 1 ? 'passed' : 'failed', reason: 'exit', scores });
  }

  #finish({ evaluationId, trialId }: Item, how: Pick<Finish, 'outcome' | 'reason' | 'scores'>): void {
    const subject = subjects.trial(evaluationId, trialId);
    const verdict = how.outcome === 'errored' ? ('unknown' as const) : ('contained' as const);
    const rest = {
      exitCode: 0,
      signal: null,
      findings: [],
      limitsHit: [],
      durationMs: 1,
      memoryBytesPeak: null,
      evidence: [],
      error: null,
      ...this.#turns.told(evaluationId, trialId),
    };
    const decision = decideTrial(
      { type: 'finish', finish: { evaluationId, trialId, verdict, ...rest, ...how } },
      this.log.trial(subject),
    );
    if (decision.accepted) this.#append(subject, decision.event, this.log.lastOf(subject));
  }

  /** Its sandbox is gone; the queue gives the work to another. */
  #executorDies(): void {
    const item = this.#draw(this.#running);
    if (item !== undefined) this.#queue.push({ ...item, delivery: item.delivery + 1 });
  }

  #duplicateWork(): void {
    const item = this.#chance.pick([...this.#queue, ...this.#running]);
    if (item !== undefined) this.#queue.push({ ...item });
  }

  #draw(from: Item[]): Item | undefined {
    return from.length === 0 ? undefined : from.splice(this.#chance.between(0, from.length - 1), 1)[0];
  }

  #append(subject: string, event: NewEvent, expectedSequence: number): boolean {
    return this.log.append(subject, event, expectedSequence, { nowMs: this.#nowMs, seen: this.log.head }) !== null;
  }
}
