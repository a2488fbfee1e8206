import type { EvaluationId, TrialId } from '@crucible/events';
import type { Sandbox } from '../sandbox/port.ts';
import { killOrder } from '../stopping/killer.ts';
import type { Killed, Killer, KillOrder } from '../stopping/killer.ts';
import { Shot } from '../stopping/shot.ts';
import type { Aimed } from '../stopping/shot.ts';
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
  shot: Aimed | undefined;
  order: KillOrder | undefined;
  /** What came of the order; null when nothing ran that could be killed. */
  readonly killed: PromiseWithResolvers<Killed>;
}

const keyOf = (evaluationId: EvaluationId, trialId: TrialId): string => `${evaluationId}/${trialId}`;

type AimAt = (sandbox: Sandbox) => Aimed;
const shotAt: AimAt = ({ containerId, processId }) => new Shot(containerId, processId);

/** Orders that leave nothing alive behind them, whatever was ordered before. */
const INSISTENT: ReadonlySet<KillOrder['cause']> = new Set(['stop', 'lease-lost']);

/** The trials this executor has in hand, from the moment they are taken: one may be stopped before it has a sandbox. */
export class RunningTrials {
  readonly #running = new Map<string, Running>();
  /** Trials that have ended and whose sandboxes have processes yet. */
  readonly #outlived = new Set<Running>();
  readonly #killer: Killer;
  readonly #aimAt: AimAt;
  #idle = Promise.withResolvers<void>();

  constructor(killer: Killer, aimAt: AimAt = shotAt) {
    this.#killer = killer;
    this.#aimAt = aimAt;
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
    running.shot = this.#aimAt(sandbox);
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
    this.#forgetGone();
    // Nothing more is told of the trial behind its end, and what it printed is not kept for the sake of its processes.
    if (running !== undefined && isAlive(running)) this.#outlived.add({ ...running, run: undefined });
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
   * Kills what is wanted, all at once: what was not killed before, and, where the order is to leave nothing alive, also
   * what was killed before and is not seen to be gone.
   * @returns what comes of each; null where nothing ran. None of them rejects
   */
  kill(wanted: (running: Running) => boolean, order: KillOrder): readonly Promise<Killed>[] {
    const all = [...this.#running.values()].filter(wanted);
    const fresh = all.filter((running) => running.order === undefined);
    const insisted = INSISTENT.has(order.cause) ? this.#survivors(all, wanted) : [];
    for (const running of fresh) running.order = order;
    const killed = this.#shoot([...fresh, ...insisted], order);
    // Of a trial without a sandbox it is known when it gets one or ends, whoever ordered it.
    const unborn = INSISTENT.has(order.cause) ? all.filter(({ shot }) => shot === undefined) : fresh;
    const open = unborn.filter(({ shot }) => shot === undefined).map((running) => running.killed.promise);
    return [...killed, ...open];
  }

  /** What an earlier kill, or the end of its trial, has left alive. */
  #survivors(all: readonly Running[], wanted: (running: Running) => boolean): readonly Running[] {
    this.#forgetGone();
    const ordered = all.filter((running) => running.order !== undefined && running.shot?.isGone === false);
    return [...ordered, ...[...this.#outlived].filter(wanted)];
  }

  #forgetGone(): void {
    for (const running of this.#outlived) if (!isAlive(running)) this.#outlived.delete(running);
  }

  #shoot(chosen: readonly Running[], order: KillOrder): readonly Promise<Killed>[] {
    const shootable = chosen.flatMap((running) => {
      const { evaluationId, trialId, sandbox, shot, run } = running;
      if (sandbox === undefined || shot === undefined) return [];
      return [{ running, target: { evaluationId, trialId, sandbox, shot, pen: run?.record } }];
    });
    const killed = this.#killer.kill(
      shootable.map(({ target }) => target),
      order,
    );
    killed.forEach((done, index) => shootable[index]?.running.killed.resolve(done));
    return killed;
  }

  /** Resolves when no trial is in hand, or after `waitMsMax`. */
  async emptied(waitMsMax: number): Promise<void> {
    if (this.#running.size === 0) return;
    await Promise.race([this.#idle.promise, new Promise((resolve) => setTimeout(resolve, waitMsMax))]);
  }
}

/** Whether processes of a trial's sandbox are to be seen. Where they never are, the engine's word has to do. */
const isAlive = ({ shot }: Running): boolean => shot !== undefined && shot.isSeen && !shot.isGone;
