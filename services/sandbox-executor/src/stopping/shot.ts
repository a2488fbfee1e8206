import { performance } from 'node:perf_hooks';
import { hostProcess, isAlive, isSentryOf, killProcess, processesOf } from './host-process.ts';
import type { HostProcess } from './host-process.ts';

/** One look at whether something is gone costs a few reads of kernel memory, so many may look often. */
const LOOK_MS = 4;

/**
 * A sandbox from the host's side: the processes it consists of, found by its container's id and not by what the engine
 * says. Everything here is done at once and waits for nobody.
 */
export class Shot {
  readonly #containerId: string;
  readonly #known = new Map<number, HostProcess>();
  #seen = false;

  /**
   * Taken while the sandbox is known to run: from then on its processes are told apart from any later ones.
   * @param processId what the engine gives as its process: enough where its cgroup is not to be seen
   */
  constructor(containerId: string, processId: number | null = null) {
    this.#containerId = containerId;
    this.#look();
    if (this.#seen || processId === null || !isSentryOf(processId, containerId)) return;
    this.#seen = this.#learn(processId) !== undefined;
  }

  /**
   * Kills every process of the sandbox, gVisor's kernel first: nothing of the guest goes on without it.
   * @returns `sent`; `gone` when it had ended; `blind` when its processes are not to be seen or signalled from here
   */
  fire(): 'sent' | 'gone' | 'blind' {
    this.#look();
    if (!this.#seen) return 'blind';
    const sentryFirst = [...this.#known.values()].sort((one, other) => this.#rank(one) - this.#rank(other));
    const answers = new Set(sentryFirst.map(killProcess));
    if (answers.has('refused')) return 'blind';
    return answers.has('sent') ? 'sent' : 'gone';
  }

  /** Whether its processes were ever to be seen from here. */
  get isSeen(): boolean {
    return this.#seen;
  }

  /** Whether not one process of the sandbox is left. Always false where they were never to be seen. */
  get isGone(): boolean {
    if (!this.#seen) return false;
    const inside = processesOf(this.#containerId) ?? [];
    const unknown = inside.filter((pid) => !this.#known.has(pid));
    // Begun between our look and our shot; whatever made it is dead, and now it will be.
    for (const pid of unknown) this.#learn(pid)?.forEach((process_) => void killProcess(process_));
    return ![...this.#known.values()].some(isAlive);
  }

  #look(): void {
    const inside = processesOf(this.#containerId);
    if (inside === null) return;
    for (const pid of inside) this.#learn(pid);
    this.#seen ||= inside.length > 0;
  }

  #learn(pid: number): readonly HostProcess[] | undefined {
    const found = hostProcess(pid);
    if (found === null) return undefined;
    this.#known.set(pid, found);
    return [found];
  }

  #rank({ pid }: HostProcess): number {
    return isSentryOf(pid, this.#containerId) ? 0 : 1;
  }
}

/** What is needed of a sandbox to shoot it. */
export type Aimed = Pick<Shot, 'fire' | 'isGone' | 'isSeen'>;

/**
 * Waits until a shot sandbox is gone.
 * @returns when that was, by `performance.now()`; null when it was not within `waitMsMax`
 */
export const goneAt = async (isGone: () => boolean | Promise<boolean>, waitMsMax: number): Promise<number | null> => {
  const until = performance.now() + waitMsMax;
  while (!(await isGone())) {
    if (performance.now() > until) return null;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return performance.now();
};
