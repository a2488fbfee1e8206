import type { Act } from '../kernel-watch/acts.ts';

const PROCESSES_MAX = 8_192;
/** What the sandbox did last is told a moment later than its result. */
const SETTLE_MS_MAX = 60;
const INIT = 1;

/** A file that a tool of the subject's has opened for it, until the kernel's side of it is told. */
interface Opening {
  readonly path: string;
  readonly told: (n: number | null) => void;
}
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
  readonly #openings: Opening[] = [];
  readonly #watched: boolean;

  /** @param watched false where nothing is reported: then nothing is waited for either */
  constructor(watched: boolean) {
    this.#watched = watched;
  }

  /** Tells an opening by init that a file tool asked for as the subject's. */
  attribute(act: Act): Act {
    if (act.tgid !== INIT || act.kind !== 'open') return act;
    return this.#openings.some(({ path }) => path === act.path) ? { ...act, forTool: true } : act;
  }

  /** @param n number of the act's record */
  act(act: Act, n: number): void {
    if (act.kind === 'open' && act.forTool) {
      const at = this.#openings.findIndex(({ path }) => path === act.path);
      if (at !== -1) this.#openings.splice(at, 1)[0]?.told(n);
    }
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

  /**
   * A file tool is about to open this file in the sandbox. Call before it is asked to.
   * @param path as the kernel tells it
   * @returns to be asked when the tool is done: the record of its opening, or null when there was none
   */
  opening(path: string): () => Promise<KernelSpan | null> {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    // Kept beyond the wait for it: told late, it is still the subject's.
    if (this.#watched) this.#openings.push({ path, told: resolve });
    return async () => {
      const timer = setTimeout(() => resolve(null), this.#watched ? SETTLE_MS_MAX : 0);
      const n = await promise;
      clearTimeout(timer);
      return n === null ? null : { from: n, to: n };
    };
  }

  /** The records of a call that has ended; waits a moment for those that are still to come. Null when there are none. */
  async of(processId: number | null): Promise<KernelSpan | null> {
    if (processId === null || !this.#watched) return null;
    if (this.#processes.get(processId)?.exited !== true) await this.#exit(processId);
    const known = new Map([[processId, true]]);
    let span: KernelSpan | null = null;
    for (const [id, { from, to }] of this.#processes) {
      if (!this.#descends(id, known)) continue;
      span = span === null ? { from, to } : { from: Math.min(span.from, from), to: Math.max(span.to, to) };
    }
    return span;
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

  /** @param known which processes do; added to, as a guest may have made thousands, each from the last */
  #descends(id: number, known: Map<number, boolean>): boolean {
    const line: number[] = [];
    for (let at: number | undefined = id; at !== undefined && !known.has(at); at = this.#processes.get(at)?.parent) {
      line.push(at);
      known.set(at, false);
    }
    const last = line.at(-1);
    const top = last === undefined ? id : this.#processes.get(last)?.parent;
    const descends = top !== undefined && known.get(top) === true;
    for (const each of line) known.set(each, descends);
    return known.get(id) === true;
  }

  #put(id: number, parent: number, n: number): Seen {
    const seen: Seen = { parent, from: n, to: n, exited: false };
    this.#processes.delete(id);
    this.#processes.set(id, seen);
    if (this.#processes.size > PROCESSES_MAX) this.#processes.delete(this.#processes.keys().next().value as number);
    return seen;
  }
}
