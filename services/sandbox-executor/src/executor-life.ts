import type { Executor } from './executor.ts';
import type { EngineImages } from './images/engine-images.ts';
import type { KernelWatch } from './kernel-watch/index.ts';
import type { SandboxHealth, SandboxPool } from './pool/index.ts';
import type { SandboxEngine } from './sandbox/port.ts';
import type { RunningTrials } from './trials/running-trials.ts';

/** What an executor has under way while it lives. */
export interface Living {
  readonly running: RunningTrials;
  readonly pool: SandboxPool;
  readonly health: SandboxHealth;
  readonly engine: SandboxEngine;
  readonly images: Pick<EngineImages, 'close'>;
  readonly watch: KernelWatch | null;
}

/** Ends in the order that loses nothing: sandboxes while the bus still takes their ends, then what watched them. */
export class ExecutorLife {
  readonly #executor: Executor;
  readonly #living: Living;

  constructor(executor: Executor, living: Living) {
    this.#executor = executor;
    this.#living = living;
  }

  async onModuleDestroy(): Promise<void> {
    const { running, pool, health, engine, images, watch } = this.#living;
    health.close();
    images.close();
    const drained = pool.drain();
    await this.#executor.end(running);
    await drained;
    await engine.drain();
    watch?.close();
  }
}
