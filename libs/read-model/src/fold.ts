import type { CallView, DeadLetter, LoadedImages, LoadedModels, LoadedRules } from '@crucible/api';
import {
  alertOf,
  evaluationOf,
  isOfTrial,
  reduceAlert,
  reduceEvaluation,
  reduceStop,
  reduceTrial,
  stopIdOf,
  teamsOfStop,
  supersededBy,
} from '@crucible/domain';
import type { AlertView, EvaluationView, StopRecord, TrialView } from '@crucible/domain';
import type { CrucibleEvent, EvaluationId, TrialId } from '@crucible/events';
import { callOf } from './calls.ts';
import { deadLetterOf, reduceDeadLetter } from './dead-letters.ts';
import { isReadable, loggedRow } from './logged.ts';
import type { Logged, LoggedEvent, LoggedRow } from './logged.ts';
import type { ExecutorView } from './tables.ts';
import { textColumn } from './text-column.ts';

/** An evaluation's view and the position of its submission, which its view does not keep. */
export interface HeldEvaluation {
  readonly view: EvaluationView;
  readonly submittedPosition: number;
}
/** A view that does not say itself what event it is true of. */
export interface Held<View> {
  readonly view: View;
  readonly position: number;
}
/** A stop and the teams that may see it: none named for everybody. */
export interface HeldStop {
  readonly record: StopRecord;
  readonly teams: readonly string[];
}
export interface Delivery {
  readonly id: string;
  readonly succeeded: boolean;
  readonly position: number;
}

export type TrialKey = `${EvaluationId}/${TrialId}`;
export const trialKey = (evaluationId: EvaluationId, trialId: TrialId): TrialKey => `${evaluationId}/${trialId}`;

/** What events need to be there before they are folded. */
export interface Needs {
  readonly evaluations: Set<EvaluationId>;
  readonly trials: Map<TrialKey, readonly [EvaluationId, TrialId]>;
  readonly executors: Set<string>;
  readonly deadLetters: Set<string>;
  readonly alerts: Set<string>;
  readonly stops: Set<string>;
}

/** The trial ids that an event touches: its own, and that of the attempt it takes the place of. */
const trialsTouched = (event: CrucibleEvent): readonly TrialId[] => {
  if (!isOfTrial(event)) return [];
  const earlier = supersededBy(event);
  return earlier === null ? [event.data.trialId] : [event.data.trialId, earlier];
};

export const needsOf = (batch: readonly Logged[]): Needs => {
  const needs: Needs = {
    evaluations: new Set(),
    trials: new Map(),
    executors: new Set(),
    deadLetters: new Set(),
    alerts: new Set(),
    stops: new Set(),
  };
  for (const logged of batch) {
    if (!isReadable(logged)) continue;
    const { event } = logged;
    const id = evaluationOf(event);
    if (id !== null) {
      needs.evaluations.add(id);
      for (const trial of trialsTouched(event)) needs.trials.set(trialKey(id, trial), [id, trial]);
    }
    if (event.type === 'crucible.executor.stopped.v1' || event.type === 'crucible.executor.health-changed.v1')
      needs.executors.add(textColumn(event.data.executorId));
    const letter = deadLetterOf(event);
    if (letter !== null) needs.deadLetters.add(letter);
    const alert = alertOf(event);
    if (alert !== null) needs.alerts.add(alert);
    const stop = stopIdOf(event);
    if (stop !== null) needs.stops.add(stop);
    // Whose evaluation it is says who may see the stop.
    if (event.type === 'crucible.stop.engaged.v1' && event.data.scope.kind === 'evaluation')
      needs.evaluations.add(event.data.scope.evaluationId);
  }
  return needs;
};

/** The views that events touch, in memory, and which of them have changed since they were last written. */
export class Fold {
  readonly evaluations = new Map<EvaluationId, HeldEvaluation>();
  readonly trials = new Map<TrialKey, TrialView>();
  readonly executors = new Map<string, Held<ExecutorView>>();
  readonly deadLetters = new Map<string, Held<DeadLetter>>();
  readonly alerts = new Map<string, AlertView>();
  readonly stops = new Map<string, HeldStop>();
  readonly ruleSets = new Map<string, Held<LoadedRules>>();
  readonly modelSets = new Map<string, Held<LoadedModels>>();
  readonly imageSets = new Map<string, Held<LoadedImages>>();
  readonly changed = {
    evaluations: new Set<EvaluationId>(),
    trials: new Set<TrialKey>(),
    executors: new Set<string>(),
    deadLetters: new Set<string>(),
    alerts: new Set<string>(),
    stops: new Set<string>(),
    ruleSets: new Set<string>(),
    modelSets: new Set<string>(),
    imageSets: new Set<string>(),
  };
  /** Only ever added to: rows that no later event changes. */
  deliveries: Delivery[] = [];
  calls: CallView[] = [];
  logged: LoggedRow[] = [];

  /** Folds one message. What it touches must have been loaded; messages come in the order of the log, each once. */
  apply(message: Logged): void {
    this.logged.push(loggedRow(message));
    if (!isReadable(message)) return;
    this.#evaluation(message);
    const call = callOf(message);
    if (call !== null) this.calls.push(call);
    this.#platform(message);
    const letter = deadLetterOf(message.event);
    if (letter !== null) this.#deadLetter(letter, message);
    const alert = alertOf(message.event);
    if (alert !== null) this.#alert(alert, message);
    const stop = stopIdOf(message.event);
    if (stop !== null) this.#stop(stop, message);
  }

  #evaluation({ event, position }: LoggedEvent): void {
    const id = evaluationOf(event);
    if (id === null) return;
    const held = this.evaluations.get(id);
    const view = reduceEvaluation(held?.view, { event, position });
    if (view !== undefined && view !== held?.view) {
      this.evaluations.set(id, { view, submittedPosition: held?.submittedPosition ?? position });
      this.changed.evaluations.add(id);
    }
    if (!isOfTrial(event)) return;
    const key = trialKey(id, event.data.trialId);
    const before = this.trials.get(key);
    const trial = reduceTrial(before, { event, position });
    if (trial !== undefined && trial !== before) this.#setTrial(key, trial);
    const earlier = supersededBy(event);
    const earlierKey = earlier === null ? null : trialKey(id, earlier);
    const superseded = earlierKey === null ? undefined : this.trials.get(earlierKey);
    if (earlierKey !== null && superseded?.latest === true)
      this.#setTrial(earlierKey, { ...superseded, latest: false });
  }

  #setTrial(key: TrialKey, view: TrialView): void {
    this.trials.set(key, view);
    this.changed.trials.add(key);
  }

  #platform({ event, position }: LoggedEvent): void {
    switch (event.type) {
      case 'crucible.executor.started.v1': {
        const { executorId, pool, capacity, runtime, kernelObserved } = event.data;
        const id = textColumn(executorId);
        this.#setExecutor(id, position, {
          id,
          pool,
          capacity,
          runtime,
          kernelObserved,
          status: 'up',
          problem: null,
          since: event.time,
        });
        return;
      }
      case 'crucible.executor.stopped.v1': {
        const id = textColumn(event.data.executorId);
        const held = this.executors.get(id);
        if (held !== undefined) this.#setExecutor(id, position, { ...held.view, status: 'stopped', since: event.time });
        return;
      }
      case 'crucible.executor.health-changed.v1': {
        const id = textColumn(event.data.executorId);
        const held = this.executors.get(id);
        const problem = event.data.healthy ? null : (event.data.problem ?? 'its sandboxes cannot be proven');
        if (held !== undefined) this.#setExecutor(id, position, { ...held.view, problem });
        return;
      }
      case 'crucible.executor.rules-loaded.v1': {
        const { executorId, digest, rules } = event.data;
        const view = { executorId, digest, loadedAt: event.time, loadedPosition: position, rules };
        this.ruleSets.set(textColumn(executorId), { view, position });
        this.changed.ruleSets.add(textColumn(executorId));
        return;
      }
      case 'crucible.executor.models-loaded.v1': {
        const { executorId, models, more } = event.data;
        const view = { executorId, loadedAt: event.time, loadedPosition: position, models, more };
        this.modelSets.set(textColumn(executorId), { view, position });
        this.changed.modelSets.add(textColumn(executorId));
        return;
      }
      case 'crucible.executor.images-loaded.v1': {
        const { executorId, images, more } = event.data;
        const view = { executorId, loadedAt: event.time, loadedPosition: position, images, more };
        this.imageSets.set(textColumn(executorId), { view, position });
        this.changed.imageSets.add(textColumn(executorId));
        return;
      }
      case 'crucible.delivery.succeeded.v1':
      case 'crucible.delivery.failed.v1':
        this.deliveries.push({
          id: event.data.deliveryId,
          succeeded: event.type === 'crucible.delivery.succeeded.v1',
          position,
        });
        return;
      default:
        return;
    }
  }

  #setExecutor(id: string, position: number, view: ExecutorView): void {
    this.executors.set(id, { view, position });
    this.changed.executors.add(id);
  }

  #deadLetter(id: string, { event, position }: LoggedEvent): void {
    const held = this.deadLetters.get(id);
    const view = reduceDeadLetter(held?.view, { event, position });
    if (view === undefined || view === held?.view) return;
    this.deadLetters.set(id, { view, position });
    this.changed.deadLetters.add(id);
  }

  #alert(id: string, { event, position }: LoggedEvent): void {
    const held = this.alerts.get(id);
    const view = reduceAlert(held, { event, position });
    if (view === undefined || view === held) return;
    this.alerts.set(id, view);
    this.changed.alerts.add(id);
  }

  #stop(id: string, { event, position }: LoggedEvent): void {
    const held = this.stops.get(id);
    const record = reduceStop(held?.record, { event, position });
    if (record === undefined || record === held?.record) return;
    // Decided once, when it is engaged: its evaluation is at hand then and need not be later.
    const teams = event.type === 'crucible.stop.engaged.v1' ? this.#teamsOf(record) : (held?.teams ?? []);
    this.stops.set(id, { record, teams });
    this.changed.stops.add(id);
  }

  /** Whom a stop is for, and who pulled it. One of the whole platform is everybody's. */
  #teamsOf({ engaged }: StopRecord): string[] {
    if (engaged === null) return [];
    const teams = teamsOfStop(engaged.scope, engaged.team, (id) => this.evaluations.get(id)?.view.team);
    return [...new Set(teams.map(textColumn))];
  }
}
