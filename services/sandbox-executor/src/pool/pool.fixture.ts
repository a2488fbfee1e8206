import { profileUsed, strict } from '@crucible/domain';
import type { PreparedSandbox, SandboxListed, SandboxWish } from '../sandbox/port.ts';
import type { PoolPorts } from './port.ts';

/** Microtasks settle, and what they began. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const wish: SandboxWish = { image: 'python', profile: strict, limits: strict.default };
export const smallWish: SandboxWish = { ...wish, limits: { ...wish.limits, pidsMax: 8 } };

interface Made extends PreparedSandbox {
  readonly wish: SandboxWish;
  readonly die: () => void;
}

interface Order {
  readonly wish: SandboxWish;
  finish(): Promise<Made>;
  fail(error: Error): Promise<void>;
}

/** An engine whose preparations end when a test says so, and all that a pool stands on. */
export class Bench {
  nowMs = 1_000_000;
  bytes = 8 * 1024 ** 3;
  cores = 2;
  readonly orders: Order[] = [];
  readonly alive = new Map<string, SandboxWish>();
  readonly discarded: string[] = [];
  readonly connected = new Set<string>();
  readonly heard: (string | null)[] = [];
  problem: string | null = null;
  /** What the engine says runs; all that is alive unless set. */
  listed: readonly string[] | undefined;
  #made = 0;

  readonly ports: PoolPorts = {
    engine: {
      prepare: (wish, onCreated) => this.#order(wish, onCreated),
      list: () =>
        Promise.resolve(
          (this.listed ?? [...this.alive.keys()]).map((containerId): SandboxListed => {
            return { containerId, evaluationId: null, trialId: null, state: 'running' };
          }),
        ),
    },
    watch: { connected: (containerId) => this.connected.has(containerId) },
    machine: { cores: 2, availableBytes: () => this.bytes },
    now: () => this.nowMs,
    health: {
      heard: (failure) => void this.heard.push(failure?.message ?? null),
      problem: null,
    },
  };

  constructor() {
    Object.defineProperty(this.ports.health, 'problem', { get: () => this.problem });
    Object.defineProperty(this.ports.machine, 'cores', { get: () => this.cores });
  }

  /** Ends every preparation that was asked for, and those that follow from it, well. */
  async makeAll(): Promise<void> {
    for (await settle(); this.orders.length > 0; await settle()) await this.orders[0]?.finish();
  }

  #order(wish: SandboxWish, onCreated?: (containerId: string) => void): Promise<PreparedSandbox> {
    const done = Promise.withResolvers<PreparedSandbox>();
    const containerId = `c${(this.#made += 1)}`;
    onCreated?.(containerId);
    const order: Order = {
      wish,
      finish: async () => {
        this.orders.splice(this.orders.indexOf(order), 1);
        const made = this.#make(wish, containerId);
        done.resolve(made);
        await settle();
        return made;
      },
      fail: async (error) => {
        this.orders.splice(this.orders.indexOf(order), 1);
        done.reject(error);
        await settle();
      },
    };
    this.orders.push(order);
    return done.promise;
  }

  #make(wish: SandboxWish, containerId: string): Made {
    const gone = Promise.withResolvers<void>();
    this.alive.set(containerId, wish);
    this.connected.add(containerId);
    const end = (): void => {
      this.alive.delete(containerId);
      gone.resolve();
    };
    return {
      wish,
      containerId,
      processId: 1,
      preflight: {
        probedAt: new Date(this.nowMs).toISOString(),
        checks: [{ name: 'kernel', held: true, seen: 'gVisor' }],
      },
      profile: profileUsed(wish.profile),
      preparedAtMs: this.nowMs,
      gone: gone.promise,
      die: end,
      discard: () => {
        this.discarded.push(containerId);
        end();
        return Promise.resolve();
      },
    };
  }
}
