import { stopAnswerSchema, stopListSchema } from '@crucible/api';
import type { StopApplied, StopView } from '@crucible/api';
import type { StopScope } from '@crucible/events';
import { PlatformFailure } from '../platform/failure.ts';
import type { PlatformInfo } from '../platform/info.ts';
import { ApiClient, explained, Refusal, Unreachable } from './api-client.ts';
import { StopBus } from './stop-bus.ts';

/** How long the gateway may take before the bus is used instead: whoever stops a platform does not wait for it. */
const GATEWAY_MS_MAX = 1_500;
const SERVER_FAULT = 500;
/** An executor hears of a stop before it is in the log, and may answer before it is there. */
const EARLIER_MAX = 20_000;

export interface Stopped {
  readonly stopId: string;
  readonly position: number;
  /** Which way it went. */
  readonly by: 'gateway' | 'bus';
}

/** Ways to the executors' stop: the gateway, which knows who asks, and the bus, which needs nothing else of the platform. */
export class StopClient {
  readonly #api: ApiClient;
  readonly #open: () => Promise<StopBus | null>;
  #bus: Promise<StopBus | null> | undefined;

  constructor(info: PlatformInfo, open = () => StopBus.open(info)) {
    this.#api = new ApiClient(info);
    this.#open = open;
  }

  /** The operator's connection, made at the first use; null when the bus does not answer. */
  bus(): Promise<StopBus | null> {
    return (this.#bus ??= this.#open());
  }

  async close(): Promise<void> {
    await (await this.#bus)?.close();
  }

  engage(scope: StopScope, reason: string): Promise<Stopped> {
    return this.#either(
      (signal) => this.#post('/api/v1/stops', { scope, reason }, signal),
      (bus) => bus.engage(scope, reason),
    );
  }

  release(stopId: string, reason: string): Promise<Stopped> {
    return this.#either(
      (signal) => this.#post(`/api/v1/stops/${stopId}/release`, { reason }, signal),
      (bus) => bus.release(stopId, reason),
    );
  }

  async list(): Promise<readonly StopView[]> {
    try {
      const signal = AbortSignal.timeout(GATEWAY_MS_MAX);
      return (await this.#api.get('/api/v1/stops', stopListSchema, {}, signal)).items;
    } catch (error) {
      if (!mayBeAway(error)) throw explained(error);
      return (await this.#needBus(error)).list();
    }
  }

  /** What executors did about a stop, as they tell it; ends when all that are up have told, or with the time. */
  async *confirmations(stop: Stopped, before: Watched | null, waitMsMax: number): AsyncGenerator<StopApplied> {
    const bus = await this.bus();
    if (bus === null || before === null) return;
    const missing = new Set(before.executors);
    if (missing.size === 0) return;
    const from = Math.max(1, Math.min(before.head, stop.position) - EARLIER_MAX);
    const told = bus.confirmations(stop.stopId, from, AbortSignal.timeout(waitMsMax));
    for await (const { applied, position } of told) {
      // Of a stop that is asked for again: what was left alive then is shot again now, and told of anew.
      if (applied.unconfirmed > 0 && position <= before.head) continue;
      if (!missing.delete(applied.executorId)) continue;
      yield applied;
      if (missing.size === 0) return;
    }
  }

  /**
   * What has to be known before the stop is asked for, to see afterwards who answered to it; null when the bus cannot be
   * read: then nobody knows who should have answered.
   */
  async watch(): Promise<Watched | null> {
    const bus = await this.bus();
    if (bus === null) return null;
    return Promise.all([bus.executors(), bus.head()]).then(
      ([executors, head]) => ({ executors, head }),
      () => null,
    );
  }

  async #post(path: string, body: unknown, signal: AbortSignal): Promise<{ stopId: string; position: number }> {
    const { stop, position } = await this.#api.post(path, body, stopAnswerSchema, {}, signal);
    return { stopId: stop.stopId, position };
  }

  async #either(
    byGateway: (signal: AbortSignal) => Promise<Omit<Stopped, 'by'>>,
    byBus: (bus: StopBus) => Promise<Omit<Stopped, 'by'>>,
  ): Promise<Stopped> {
    try {
      return { ...(await byGateway(AbortSignal.timeout(GATEWAY_MS_MAX))), by: 'gateway' };
    } catch (error) {
      if (!mayBeAway(error)) throw explained(error);
      return { ...(await byBus(await this.#needBus(error))), by: 'bus' };
    }
  }

  async #needBus(cause: unknown): Promise<StopBus> {
    const bus = await this.bus();
    if (bus !== null) return bus;
    throw new PlatformFailure(
      'neither the gateway nor the bus answers: executors end what they run when their lease ends, ten seconds after the bus went',
      './crucible status shows what is up; ./crucible down ends everything on this machine',
      { cause },
    );
  }
}

export interface Watched {
  readonly executors: ReadonlySet<string>;
  readonly head: number;
}

/** Executors that have not answered to a stop. */
export const silentOf = (before: Watched, executors: readonly StopApplied[]): readonly string[] =>
  [...before.executors].filter((id) => !executors.some(({ executorId }) => executorId === id));

/** Whether it is known that nothing of a stopped scope runs: every executor said so, and it is known who they are. */
export const isConfirmed = (before: Watched | null, executors: readonly StopApplied[]): boolean =>
  before !== null &&
  silentOf(before, executors).length === 0 &&
  executors.every(({ unconfirmed }) => unconfirmed === 0);

const mayBeAway = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Refusal && error.status >= SERVER_FAULT);
