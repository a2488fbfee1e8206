import { performance } from 'node:perf_hooks';
import type { EvaluationId, EventData, TrialId } from '@crucible/events';
import type { Sandbox } from '../sandbox/port.ts';
import type { TrialNote } from '../trials/open-trial.ts';
import { goneAt } from './shot.ts';
import type { Aimed } from './shot.ts';

type Confirmation = EventData<'crucible.sandbox.kill-confirmed.v1'>;

/** Why a sandbox is killed, and when that was decided. */
export interface KillOrder {
  readonly cause: Confirmation['cause'];
  readonly stopId: string | null;
  /** By `performance.now()`. */
  readonly heardAtMs: number;
  /** In words, for the end of the trial, where its cause does not say it. */
  readonly why: string | null;
}

export const killOrder = (
  cause: KillOrder['cause'],
  { stopId = null, why = null }: Partial<Pick<KillOrder, 'stopId' | 'why'>> = {},
): KillOrder => ({ cause, stopId, why, heardAtMs: performance.now() });

/** Takes notes about one trial, in the order in which they were asked for; its end comes behind them. */
export interface Pen {
  note(note: TrialNote | Promise<TrialNote | null>): Promise<number | null>;
}

/** A trial whose sandbox runs. */
export interface Target {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
  readonly sandbox: Sandbox;
  readonly shot: Aimed;
  readonly pen: Pen | undefined;
}

/** What came of one kill; null when the sandbox had ended before. */
export type Killed = Pick<Confirmation, 'gone' | 'latencyMs' | 'method'> | null;

export interface KillBounds {
  /** From the signal until waiting for the process to be gone is given up. */
  readonly confirmMsMax: number;
  /** The engine is asked as well when the sandbox has not ended by then. */
  readonly engineAfterMs: number;
}

const BOUNDS: KillBounds = { confirmMsMax: 10_000, engineAfterMs: 1_000 };

/**
 * Kills sandboxes by their processes, which is quicker than asking the engine and needs none, and sees to it that each
 * kill is confirmed and on record. All are shot before anything else is done about any of them.
 */
export class Killer {
  readonly #executorId: string;
  readonly #bounds: KillBounds;

  constructor(executorId: string, bounds: KillBounds = BOUNDS) {
    this.#executorId = executorId;
    this.#bounds = bounds;
  }

  /** @returns one promise a target, in their order; none of them rejects */
  kill(targets: readonly Target[], order: KillOrder): readonly Promise<Killed>[] {
    const answers = targets.map(({ shot }) => shot.fire());
    return targets.map((target, index) => this.#follow(target, order, answers[index] ?? 'blind'));
  }

  #follow(target: Target, order: KillOrder, answer: ReturnType<Aimed['fire']>): Promise<Killed> {
    const { sandbox, shot } = target;
    // Of a sandbox that was shot the engine has nothing to do; fifty calls of it would take longer than fifty deaths.
    sandbox.kill(
      order.cause === 'lease-lost' ? 'lease-lost' : 'stopped',
      answer === 'sent' ? this.#bounds.engineAfterMs : 0,
    );
    const killed = answer === 'gone' ? Promise.resolve(null) : this.#confirm(sandbox, shot, order, answer);
    void target.pen?.note(killed.then((done) => this.#noteOf(target, order, done)));
    return killed;
  }

  async #confirm(sandbox: Sandbox, shot: Aimed, order: KillOrder, answer: 'sent' | 'blind'): Promise<Killed> {
    const { confirmMsMax } = this.#bounds;
    const latency = (at: number): number => Math.round((at - order.heardAtMs) * 10) / 10;
    if (answer === 'sent') {
      const at = await goneAt(() => shot.isGone, confirmMsMax);
      return { gone: at !== null, latencyMs: latency(at ?? performance.now()), method: 'runtime' };
    }
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), confirmMsMax).unref());
    const end = await Promise.race([sandbox.ended, late]);
    // The engine's word is all there is: an engine that failed has given none.
    const gone = end !== null && end.reason !== 'engine-failure';
    return { gone, latencyMs: latency(performance.now()), method: 'engine' };
  }

  #noteOf({ evaluationId, trialId, sandbox }: Target, order: KillOrder, killed: Killed): TrialNote | null {
    if (killed === null) return null;
    const { cause, stopId } = order;
    const sandboxId = sandbox.containerId;
    const data = { evaluationId, trialId, executorId: this.#executorId, sandboxId, stopId, cause, ...killed };
    return { type: 'crucible.sandbox.kill-confirmed.v1', data };
  }
}
