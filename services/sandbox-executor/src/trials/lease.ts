import { performance } from 'node:perf_hooks';
import type { Bus } from '@crucible/event-log';
import type { Logger } from '@crucible/service-kit';

/** Shorter than the queue's lease on a taken trial: our sandboxes are gone before another executor hears of the trial. */
const LEASE_MS = 10_000;
const ASK_EVERY_MS = 1_000;

export interface LeaseOptions {
  readonly bus: Pick<Bus, 'nc'>;
  readonly logger: Logger;
  /** Called once each time the bus stayed silent for the whole lease. */
  readonly onLost: () => void;
  readonly leaseMs?: number;
  readonly askEveryMs?: number;
}

/**
 * The executor's right to run sandboxes. It is renewed by an answer of the bus and by nothing else, so it ends with a
 * broken connection, a silent server and a network that swallows everything alike: an executor that nobody can reach or
 * stop must not go on.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #timer: NodeJS.Timeout;
  #renewedAtMs = performance.now();
  #held = true;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.askEveryMs ?? ASK_EVERY_MS);
  }

  /** Whether anything may be begun. */
  get held(): boolean {
    return this.#held;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { bus, logger, onLost, leaseMs = LEASE_MS } = this.#options;
    const askedAtMs = performance.now();
    bus.nc.rtt().then(
      () => this.#renew(askedAtMs),
      () => undefined,
    );
    if (!this.#held || askedAtMs - this.#renewedAtMs <= leaseMs) return;
    this.#held = false;
    logger.error({ leaseMs }, 'the bus is away and the lease has ended: killing every sandbox');
    onLost();
  }

  /** It counts from when it was asked for: an answer may have been under way for long. */
  #renew(askedAtMs: number): void {
    this.#renewedAtMs = Math.max(this.#renewedAtMs, askedAtMs);
    const { logger, leaseMs = LEASE_MS } = this.#options;
    if (this.#held || performance.now() - this.#renewedAtMs > leaseMs) return;
    this.#held = true;
    logger.warn('the bus is back and the lease is held again');
  }
}
