import type { EvaluationId, TrialId } from '@crucible/events';
import type { Sandbox } from '../sandbox/port.ts';
import { killOrder } from '../stopping/killer.ts';
import type { Killed, Killer, KillOrder } from '../stopping/killer.ts';
import { Shot } from '../stopping/shot.ts';
import type { TrialRun } from './trial-run.ts';

export interface Running {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
  /** Whose it is; undefined until the trial was read. */
  team: string | undefined;
  /** From its start on record. */
  run: TrialRun | undefined;
  sandbox: Sandbox | undefined;
  /** The sandbox from the host's side, known since it ran. */
  shot: Shot | undefined;
  order: KillOrder | undefined;
  /** What came of the order; null when nothing ran that could be killed. */
  readonly killed: PromiseWithResolvers<Killed>;
}

const keyOf = (evaluationId: EvaluationId, trialId: TrialId): string => `${evaluationId}/${trialId}`;

/** The trials this executor has in hand, from the moment they are taken: one may be stopped before it has a sandbox. */
export class RunningTrials {
  readonly #running = new Map<string, Running>();
  readonly #killer: Killer;
  #idle = Promise.withResolvers<void>();

  constructor(killer: Killer) {
    this.#killer = killer;
  }

  get size(): number {
    return this.#running.size;
  }

  has(evaluationId: EvaluationId, trialId: TrialId): boolean {
    return this.#running.has(keyOf(evaluationId, trialId));
  }

  begin(evaluationId: EvaluationId, trialId: TrialId): void {
    const nothing = { team: undefined, run: undefined, sandbox: undefined, shot: undefined, order: undefined };
    const killed = Promise.withResolvers<Killed>();
    this.#running.set(keyOf(evaluationId, trialId), { evaluationId, trialId, ...nothing, killed });
  }

  belongsTo(evaluationId: EvaluationId, trialId: TrialId, team: string): void {
    const running = this.#running.get(keyOf(evaluationId, trialId));
    if (running !== undefined) running.team = team;
  }

  /** Gives a trial its sandbox. If the trial was stopped meanwhile, the sandbox is killed at once. */
  attach(evaluationId: EvaluationId, trialId: TrialId, sandbox: Sandbox, run?: TrialRun): void {
    const running = this.#running.get(keyOf(evaluationId, trialId));
    if (running === undefined) return;
    running.sandbox = sandbox;
    running.shot = new Shot(sandbox.containerId, sandbox.processId);
    running.run = run;
    if (running.order !== undefined) this.#shoot([running], running.order);
  }

  /** Why the trial was stopped, if it was. */
  killed(evaluationId: EvaluationId, trialId: TrialId): KillOrder | undefined {
    return this.#running.get(keyOf(evaluationId, trialId))?.order;
  }

  end(evaluationId: EvaluationId, trialId: TrialId): void {
    const key = keyOf(evaluationId, trialId);
    const running = this.#running.get(key);
    this.#running.delete(key);
    // Of a trial that came to have no sandbox nothing was killed; of the others the killer has said what was.
    if (running?.shot === undefined || running.order === undefined) running?.killed.resolve(null);
    if (this.#running.size > 0) return;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }

  killTrial(evaluationId: EvaluationId, trialId: TrialId, cause: 'detector'): void {
    this.kill((running) => running.evaluationId === evaluationId && running.trialId === trialId, killOrder(cause));
  }

  killEvaluation(evaluationId: EvaluationId, order = killOrder('cancel')): number {
    return this.kill((running) => running.evaluationId === evaluationId, order).length;
  }

  killAll(order: KillOrder): number {
    return this.kill(() => true, order).length;
  }

  /**
   * Kills what is wanted and was not killed before, all at once.
   * @returns what comes of each; null where nothing ran. None of them rejects
   */
  kill(wanted: (running: Running) => boolean, order: KillOrder): readonly Promise<Killed>[] {
    const chosen = [...this.#running.values()].filter((running) => wanted(running) && running.order === undefined);
    for (const running of chosen) running.order = order;
    this.#shoot(chosen, order);
    return chosen.map(({ killed }) => killed.promise);
  }

  #shoot(chosen: readonly Running[], order: KillOrder): void {
    const targets = chosen.flatMap((running) => {
      const { evaluationId, trialId, sandbox, shot, run, killed } = running;
      return sandbox === undefined || shot === undefined
        ? []
        : [{ evaluationId, trialId, sandbox, shot, pen: run?.record, killed }];
    });
    this.#killer.kill(targets, order).forEach((done, index) => targets[index]?.killed.resolve(done));
  }

  /** Resolves when no trial is in hand, or after `waitMsMax`. */
  async emptied(waitMsMax: number): Promise<void> {
    if (this.#running.size === 0) return;
    await Promise.race([this.#idle.promise, new Promise((resolve) => setTimeout(resolve, waitMsMax))]);
  }
}
