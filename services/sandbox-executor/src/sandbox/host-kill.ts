import { runtimeProcesses } from '../reaper/leftovers.ts';
import { killProcess } from '../stopping/host-process.ts';
import { Shot } from '../stopping/shot.ts';

/** From the engine's kill to ours, when the engine has not told of the sandbox's end by then. Milliseconds. */
const SHOOT_AFTER_MS = 2_000;
/** From there to the end of whoever should have told of it. */
const SHIM_AFTER_MS = 2_000;

/**
 * The end of a sandbox whose engine does not bring it about: first of its own processes, then of the engine's shim. The
 * shim of containerd can come to a standstill over the many deaths of a fork bomb, and then never tells of any; once it is
 * gone itself, the engine finds out.
 */
export class HostKill {
  readonly #containerId: string;
  readonly #isOver: () => boolean;
  #fired = false;

  constructor(containerId: string, isOver: () => boolean) {
    this.#containerId = containerId;
    this.#isOver = isOver;
  }

  /** Whether the sandbox was killed by its processes: the engine may then complain that there is nothing to kill. */
  get fired(): boolean {
    return this.#fired;
  }

  arm(afterMs: number): void {
    setTimeout(() => this.#isOver() || this.#shoot(), afterMs + SHOOT_AFTER_MS).unref();
  }

  #shoot(): void {
    const shot = new Shot(this.#containerId);
    this.#fired = shot.fire() !== 'blind';
    setTimeout(() => this.#isOver() || this.#endShim(), SHIM_AFTER_MS).unref();
  }

  #endShim(): void {
    const shims = runtimeProcesses().filter(
      ({ containerId, program }) => containerId === this.#containerId && program.startsWith('containerd-shim'),
    );
    this.#fired ||= shims.length > 0;
    shims.forEach(killProcess);
  }
}
