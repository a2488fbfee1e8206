import type { Act } from '../kernel-watch/acts.ts';

const PROCESSES_MAX = 8_192;
/** What the sandbox did last is told a moment later than its result. */
const SETTLE_MS_MAX = 60;
const INIT = 1;

interface Seen {
  readonly parent: number;
  from: number;
  to: number;
  exited: boolean;
}
export type KernelSpan = { readonly from: number; readonly to: number };

/** Which records of the kernel's evidence each tool call caused: those of its process and of what descends from it. */
export class KernelSpans {
  readonly #processes = new Map<number, Seen>();
  readonly #waiting = new Map<number, () => void>();
  readonly #watched: boolean;

  /** @param watched false where nothing is reported: then nothing is waited for either */
  constructor(watched: boolean) {
    this.#watched = watched;
  }

  /** @param n number of the act's record */
  act(act: Act, n: number): void {
    if (act.kind === 'spawn' && act.childTgid !== act.tgid) this.#put(act.childTgid, act.tgid, n);
    // What init does for a call is not the call's.
    if (act.tgid === INIT) return;
    const seen = this.#processes.get(act.tgid) ?? this.#put(act.tgid, INIT, n);
    seen.from = Math.min(seen.from, n);
    seen.to = n;
    if (act.kind !== 'exit') return;
    seen.exited = true;
    this.#waiting.get(act.tgid)?.();
  }

  /** The records of a call that has ended; waits a moment for those that are still to come. Null when there are none. */
  async of(processId: number | null): Promise<KernelSpan | null> {
    if (processId === null || !this.#watched) return null;
    if (this.#processes.get(processId)?.exited !== true) await this.#exit(processId);
    const own = [...this.#processes].flatMap(([id, seen]) => (this.#descends(id, processId) ? [seen] : []));
    if (own.length === 0) return null;
    return { from: Math.min(...own.map(({ from }) => from)), to: Math.max(...own.map(({ to }) => to)) };
  }

  #exit(processId: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(processId);
        resolve();
      };
      const timer = setTimeout(done, SETTLE_MS_MAX);
      this.#waiting.set(processId, done);
    });
  }

  #descends(id: number, from: number): boolean {
    for (let at = id, steps = 0; steps < PROCESSES_MAX; steps += 1) {
      if (at === from) return true;
      const seen = this.#processes.get(at);
      if (seen === undefined || seen.parent === at || seen.parent === INIT) return false;
      at = seen.parent;
    }
    return false;
  }

  #put(id: number, parent: number, n: number): Seen {
    const seen: Seen = { parent, from: n, to: n, exited: false };
    this.#processes.delete(id);
    this.#processes.set(id, seen);
    if (this.#processes.size > PROCESSES_MAX) this.#processes.delete(this.#processes.keys().next().value as number);
    return seen;
  }
}
