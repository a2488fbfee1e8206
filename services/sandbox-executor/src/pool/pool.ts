import type { SandboxWish } from '../sandbox/port.ts';
import { kindOf } from './kind.ts';
import type { PoolBounds, PoolOrigin, PoolPorts, TakenSandbox } from './port.ts';
import { PoolClosed, PoolHeld } from './refusals.ts';
import { emptiest, mostSpare, mostWaitedFor, Shelf } from './shelf.ts';
import type { Waiting } from './shelf.ts';
import { traceCheck } from './trace-check.ts';

const SWEEP_MS = 10_000;

/** Containers that run; null when the engine does not say, which ends nothing that we know of: taking one will tell. */
const runningAt = async (engine: PoolPorts['engine']): Promise<ReadonlySet<string> | null> => {
  try {
    const listed = await engine.list();
    return new Set(listed.flatMap(({ containerId, state }) => (state === 'running' ? [containerId] : [])));
  } catch {
    return null;
  }
};

/**
 * Sandboxes made and proven ahead of their trials, by kind. A trial takes one that waits, or waits for one that is being
 * made: each taken sandbox is replaced, as many as were lately asked for, within the machine's bounds. Sandboxes that
 * trials wait for come first; those made ahead are made few at a time, because making one costs a quarter of a second of
 * a core that a running trial may need.
 */
export class SandboxPool {
  readonly #ports: PoolPorts;
  readonly #bounds: PoolBounds;
  readonly #shelves = new Map<string, Shelf>();
  /** Containers that are ours though no trial may have begun in them yet: being made, waiting, or taken. */
  readonly #held = new Set<string>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #sweeper: NodeJS.Timeout;
  #preparing = 0;
  #busy = 0;
  #closed = false;
  #isHeld = false;

  constructor(ports: PoolPorts, bounds: PoolBounds) {
    this.#ports = ports;
    this.#bounds = bounds;
    this.#sweeper = setInterval(() => void this.sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Whether a container is the pool's or a trial's that has not released it. */
  holds(containerId: string): boolean {
    return this.#held.has(containerId);
  }

  /** How many wait. */
  get idle(): number {
    return this.#all.reduce((sum, { ready }) => sum + ready.length, 0);
  }

  /** Keeps at least `count` of a kind waiting, whatever the demand. */
  keep(wish: SandboxWish, count: number): void {
    this.#shelfOf(wish).standing = count;
    this.#pump();
  }

  /**
   * A proven sandbox of a kind, at once if one waits.
   * @throws PreflightMiss, EngineError when none could be prepared; PoolHeld, PoolClosed
   */
  async take(wish: SandboxWish): Promise<TakenSandbox> {
    if (this.#closed) throw new PoolClosed();
    if (this.#isHeld) throw new PoolHeld();
    const shelf = this.#shelfOf(wish);
    const sinceMs = this.#ports.now();
    shelf.demand.take(sinceMs);
    const warm = this.#fitFrom(shelf);
    if (warm !== undefined) {
      const taken = this.#taken(warm, 'warm');
      this.#pump();
      return taken;
    }
    const given = new Promise<Waiting>((give, fail) => shelf.waiters.push({ sinceMs, give, fail }));
    this.#pump();
    return this.#taken(await given, 'cold');
  }

  /**
   * Everything is stopped: trials that wait are sent away, what waits for trials is destroyed, and nothing is made ahead.
   * @param first is awaited before anything is destroyed: what runs a guest is to die first, and all share one machine
   */
  hold(first: Promise<unknown> = Promise.resolve()): void {
    this.#isHeld = true;
    this.#sendAway(new PoolHeld());
    const empty = (): void => {
      if (this.#isHeld) this.#discardAll();
    };
    first.then(empty, empty);
  }

  /** Makes again what is wanted. */
  resume(): void {
    this.#isHeld = false;
    this.#pump();
  }

  /**
   * Prepares one sandbox, whoever wants it, to see whether it can be done: also while the pool is held, or an executor that
   * began in a stop could never say that it is well. @throws PreflightMiss, EngineError when it cannot; PoolClosed
   */
  async probe(wish: SandboxWish): Promise<void> {
    if (this.#closed) throw new PoolClosed();
    const failure = await this.#prepare(this.#shelfOf(wish));
    if (failure !== null) throw failure;
  }

  /** Destroys what has waited too long and what the engine no longer has, and makes what is wanted. */
  async sweep(): Promise<void> {
    const oldestMs = this.#ports.now() - this.#bounds.idleMsMax;
    for (const shelf of this.#all)
      for (const waiting of shelf.ready.filter(({ prepared }) => prepared.preparedAtMs <= oldestMs))
        this.#discard(shelf, waiting);
    if (this.idle > 0) await this.#dropLost();
    for (const [kind, shelf] of this.#shelves) if (shelf.isForgotten(this.#ports.now())) this.#shelves.delete(kind);
    this.#pump();
  }

  /** Destroys what waits and gives no more. Resolves when all of it is gone. */
  async drain(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
    this.#sendAway(new PoolClosed());
    this.#discardAll();
    while (this.#underWay.size > 0) await Promise.allSettled([...this.#underWay]);
  }

  #sendAway(error: Error): void {
    for (const { waiters } of this.#all) for (const { fail } of waiters.splice(0)) fail(error);
  }

  #discardAll(): void {
    for (const shelf of this.#all) for (const waiting of [...shelf.ready]) this.#discard(shelf, waiting);
  }

  get #all(): readonly Shelf[] {
    return [...this.#shelves.values()];
  }

  #shelfOf(wish: SandboxWish): Shelf {
    const kind = kindOf(wish);
    const shelf = this.#shelves.get(kind) ?? new Shelf(wish, this.#bounds.idleMsMax);
    this.#shelves.set(kind, shelf);
    return shelf;
  }

  /** The oldest that waits and is still what it was proven to be. */
  #fitFrom(shelf: Shelf): Waiting | undefined {
    for (let waiting = shelf.ready[0]; waiting !== undefined; waiting = shelf.ready[0]) {
      if (this.#ports.watch?.connected(waiting.prepared.containerId) === false) {
        this.#discard(shelf, waiting);
        continue;
      }
      shelf.ready.shift();
      return waiting;
    }
    return undefined;
  }

  #taken({ prepared, preflight }: Waiting, origin: PoolOrigin): TakenSandbox {
    this.#busy += 1;
    let out = true;
    const release = (): void => {
      if (!out) return;
      out = false;
      this.#busy -= 1;
      this.#held.delete(prepared.containerId);
      this.#pump();
    };
    return { prepared, preflight, origin, release };
  }

  /** Begins whatever may be begun now. */
  #pump(): void {
    while (!this.#closed) {
      const shelf = this.#nextToMake();
      if (shelf === undefined) return;
      void this.#prepare(shelf);
    }
  }

  #nextToMake(): Shelf | undefined {
    if (this.#preparing >= this.#bounds.preparingMax) return undefined;
    const waitedFor = mostWaitedFor(this.#all);
    if (waitedFor !== undefined) return waitedFor;
    return this.#mayMakeAhead() ? this.#nextToMakeAhead(this.#ports.now()) : undefined;
  }

  /**
   * Trials have the machine first: nothing is made ahead while one waits for a sandbox, and while they keep every core
   * busy only one at a time.
   */
  #mayMakeAhead(): boolean {
    const { machine, health } = this.#ports;
    const atOnceMax = this.#busy < machine.cores ? machine.cores : 1;
    if (this.#isHeld || health.problem !== null || this.#preparing >= atOnceMax) return false;
    return this.#all.every(({ waiters }) => waiters.length === 0);
  }

  #nextToMakeAhead(nowMs: number): Shelf | undefined {
    const { idleMax, availableBytesMin } = this.#bounds;
    const lacking = emptiest(this.#all, idleMax, nowMs);
    if (lacking === undefined || this.#ports.machine.availableBytes() < availableBytesMin) return undefined;
    if (this.idle + this.#preparing < idleMax) return lacking;
    const spare = mostSpare(this.#all, nowMs);
    const [oldest] = spare?.ready ?? [];
    if (spare === undefined || oldest === undefined) return undefined;
    this.#discard(spare, oldest);
    return lacking;
  }

  /** Makes one for a shelf and gives it to who waits longest. Resolves to why it could not be made, else null. */
  #prepare(shelf: Shelf): Promise<Error | null> {
    shelf.preparing += 1;
    this.#preparing += 1;
    return this.#track(
      this.#make(shelf.wish)
        .finally(() => {
          shelf.preparing -= 1;
          this.#preparing -= 1;
        })
        .then(
          (waiting) => this.#arrived(shelf, waiting),
          (error: unknown) => this.#failed(shelf, error instanceof Error ? error : new Error(String(error))),
        ),
    );
  }

  async #make(wish: SandboxWish): Promise<Waiting> {
    let containerId: string | undefined;
    try {
      const prepared = await this.#ports.engine.prepare(wish, (id) => {
        containerId = id;
        this.#held.add(id);
      });
      this.#held.add(prepared.containerId);
      return { prepared, preflight: await traceCheck(this.#ports.watch, prepared, this.#ports.now) };
    } catch (error) {
      if (containerId !== undefined) this.#held.delete(containerId);
      throw error;
    }
  }

  #arrived(shelf: Shelf, waiting: Waiting): null {
    this.#ports.health.heard(null);
    const waiter = shelf.waiters.shift();
    if (waiter !== undefined) waiter.give(waiting);
    else if (this.#closed || this.#isHeld || this.idle >= this.#bounds.idleMax) this.#destroy(waiting);
    else this.#shelve(shelf, waiting);
    this.#pump();
    return null;
  }

  #failed(shelf: Shelf, error: Error): Error {
    if (!this.#closed) this.#ports.health.heard(error);
    shelf.waiters.shift()?.fail(error);
    this.#pump();
    return error;
  }

  #shelve(shelf: Shelf, waiting: Waiting): void {
    shelf.ready.push(waiting);
    void waiting.prepared.gone.then(() => {
      if (!shelf.ready.includes(waiting)) return;
      this.#discard(shelf, waiting);
      this.#pump();
    });
  }

  #discard(shelf: Shelf, waiting: Waiting): void {
    const at = shelf.ready.indexOf(waiting);
    if (at !== -1) shelf.ready.splice(at, 1);
    this.#destroy(waiting);
  }

  #destroy({ prepared }: Waiting): void {
    void this.#track(prepared.discard().finally(() => this.#held.delete(prepared.containerId)));
  }

  async #dropLost(): Promise<void> {
    const before = new Set(this.#all.flatMap(({ ready }) => ready));
    const running = await runningAt(this.#ports.engine);
    if (running === null) return;
    for (const shelf of this.#all)
      for (const waiting of [...shelf.ready])
        if (before.has(waiting) && !running.has(waiting.prepared.containerId)) this.#discard(shelf, waiting);
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const forget = (): void => void this.#underWay.delete(work);
    work.then(forget, forget);
    return work;
  }
}
