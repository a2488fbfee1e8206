import { randomUUID } from 'node:crypto';
import { strict } from '@crucible/domain';
import { KernelWatch } from '../kernel-watch/index.ts';
import { DockerSandboxEngine } from '../sandbox/engine.ts';
import type { SandboxSpec, SandboxWish } from '../sandbox/port.ts';
import { thisMachine } from './machine.ts';
import { SandboxPool } from './pool.ts';
import type { TakenSandbox } from './port.ts';

export interface PoolBenchOptions {
  /** Path of the engine's socket. */
  readonly socket: string;
  readonly runtime: string;
  /** Where that runtime reports system calls to; absent for one that does not. */
  readonly traceSocket?: string;
  readonly image: string;
  readonly trials: number;
  readonly concurrency: number;
  /** Sandboxes that may wait; with `full` a trial begins only when all of them do. */
  readonly idleMax: number;
  readonly full: boolean;
  /** A program of one line, by default `python3 -c pass`. */
  readonly argv?: readonly string[];
}

export interface PoolBenchResult {
  /** From the first trial's begin to the last one's end. What still waits then was made as well, and is not counted as a trial. */
  readonly wallMs: number;
  /** From handing the program over to its first byte of output. */
  readonly firstByteMs: readonly number[];
  /** From handing the program over to its first instruction, as the kernel's side told it; empty without a trace. */
  readonly firstInstructionMs: readonly number[];
  readonly warm: number;
}

const LOOK_EVERY_MS = 5;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const epochMs = (): number => performance.timeOrigin + performance.now();

/** Trials through the pool, as the executor runs them, without a log and evidence to keep. */
export class PoolBencher {
  readonly #options: PoolBenchOptions;
  readonly #engine: DockerSandboxEngine;
  readonly #watch: KernelWatch | null;
  readonly #pool: SandboxPool;
  readonly #wish: SandboxWish;
  readonly #firstByteMs: number[] = [];
  readonly #firstInstructionMs: number[] = [];
  #warm = 0;

  constructor(options: PoolBenchOptions) {
    const { socket, runtime, traceSocket, image, idleMax, concurrency } = options;
    this.#options = options;
    this.#engine = new DockerSandboxEngine({ socketPath: socket, runtime, executorId: `bench-${randomUUID()}` });
    this.#watch = traceSocket === undefined ? null : new KernelWatch();
    if (traceSocket !== undefined) this.#watch?.listen(traceSocket);
    this.#wish = { image, profile: strict, limits: strict.default };
    const health = { heard: () => undefined, problem: null };
    this.#pool = new SandboxPool(
      { engine: this.#engine, watch: this.#watch, machine: thisMachine, now: () => Date.now(), health },
      { idleMax, idleMsMax: 600_000, preparingMax: concurrency, availableBytesMin: 0 },
    );
  }

  async run(): Promise<PoolBenchResult> {
    try {
      if (this.#options.full) this.#pool.keep(this.#wish, this.#options.idleMax);
      const beganMs = performance.now();
      let left = this.#options.trials;
      const worker = async (): Promise<void> => {
        for (; left > 0;) {
          left -= 1;
          await this.#trial();
        }
      };
      await Promise.all(Array.from({ length: this.#options.concurrency }, worker));
      const wallMs = performance.now() - beganMs;
      return {
        wallMs,
        firstByteMs: this.#firstByteMs,
        firstInstructionMs: this.#firstInstructionMs,
        warm: this.#warm,
      };
    } finally {
      await this.#pool.drain();
      await this.#engine.drain();
      this.#watch?.close();
    }
  }

  async #trial(): Promise<void> {
    while (this.#options.full && this.#pool.idle < this.#options.idleMax) await pause(LOOK_EVERY_MS);
    const taken = await this.#pool.take(this.#wish);
    if (taken.origin === 'warm') this.#warm += 1;
    try {
      await this.#runIn(taken);
    } finally {
      taken.release();
    }
  }

  async #runIn({ prepared }: TakenSandbox): Promise<void> {
    const argv = this.#options.argv ?? ['python3', '-c', 'pass'];
    const spec: SandboxSpec = {
      evaluationId: 'bench',
      trialId: '0-1-1',
      image: this.#wish.image,
      argv,
      stdin: null,
      files: [],
      env: {},
      limits: this.#wish.limits,
    };
    let handedOverAt = 0;
    let [byteSeen, instructionSeen] = [false, false];
    const attachment = this.#watch?.attach(prepared.containerId, {
      onRecords: () => undefined,
      onAct: (act, _n, at) => {
        if (!instructionSeen && act.kind === 'image') {
          instructionSeen = true;
          this.#firstInstructionMs.push(at - handedOverAt);
        }
        return false;
      },
    });
    handedOverAt = epochMs();
    const sandbox = this.#engine.run(prepared, spec, {
      onOutput: () => {
        if (!byteSeen) this.#firstByteMs.push(epochMs() - handedOverAt);
        byteSeen = true;
      },
    });
    const end = await sandbox.ended;
    await attachment?.close();
    if (end.reason !== 'exit' || end.exitCode !== 0)
      throw new Error(
        `a trial of the measurement ended by ${end.reason}: ${end.error ?? `exit ${end.exitCode ?? ''}`}`,
      );
  }
}
