import { profileUsed, tighten } from '@crucible/domain';
import type { Preflight, ProfileUsed, SandboxLimits } from '@crucible/events';
import type { SandboxCgroup } from './cgroup.ts';
import type { SandboxContainer } from './container.ts';
import type { PreparedSandbox, SandboxWish, SessionSpec } from './port.ts';

/** Decided when the container is made; the other limits are a matter of each run. */
const BUILT_IN: readonly (keyof SandboxLimits)[] = [
  'cpuMillis',
  'memoryBytesMax',
  'pidsMax',
  'diskBytesMax',
  'tmpBytesMax',
  'filesOpenMax',
  'fileBytesMax',
];

/** All that a run needs. */
export interface Taken {
  readonly container: SandboxContainer;
  readonly cgroup: SandboxCgroup;
  readonly processId: number;
}

/** A container whose init was probed and waits. Only its engine makes, runs and discards one. */
export class WaitingSandbox implements PreparedSandbox {
  readonly containerId: string;
  readonly processId: number;
  readonly profile: ProfileUsed;
  readonly preflight: Preflight;
  readonly preparedAtMs: number;
  readonly gone: Promise<void>;
  readonly #wish: SandboxWish;
  readonly #taken: Taken;
  readonly #discard: () => Promise<void>;
  #used = false;
  #ended = false;

  constructor(wish: SandboxWish, made: Taken & Pick<Preflight, 'checks'>, discard: () => Promise<void>) {
    const { checks, ...taken } = made;
    this.#wish = wish;
    this.#taken = taken;
    this.#discard = discard;
    this.containerId = taken.container.id;
    this.processId = taken.processId;
    this.profile = profileUsed(wish.profile);
    this.preparedAtMs = Date.now();
    this.preflight = { probedAt: new Date(this.preparedAtMs).toISOString(), checks };
    const note = (): void => void (this.#ended = true);
    this.gone = taken.container.exited.then(note, note);
  }

  /** The container, for the one run or session there is. @throws Error saying why this spec cannot run here */
  take(spec: Pick<SessionSpec, 'image' | 'limits'>): Taken {
    if (this.#used) throw new Error('the prepared sandbox was used or discarded before');
    if (this.#ended) throw new Error('the prepared sandbox ended while it waited');
    const other = BUILT_IN.find((field) => spec.limits[field] !== this.#wish.limits[field]);
    if (other !== undefined) throw new Error(`the sandbox was prepared with another ${other}`);
    if (spec.image !== this.#wish.image) throw new Error('the sandbox was prepared from another image');
    const granted = tighten(this.#wish.profile, spec.limits);
    if (!granted.ok) throw new Error(granted.problems.map(({ field, message }) => `${field} ${message}`).join('; '));
    this.#used = true;
    return this.#taken;
  }

  async discard(): Promise<void> {
    if (this.#used) return;
    this.#used = true;
    await this.#discard();
  }
}
