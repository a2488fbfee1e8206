import { streams } from '@crucible/events';
import type { JsMsg } from 'nats';
import { toStoredEvent } from '../codec.ts';
import { RetryLater } from '../port.ts';
import type { DurableEvents, DurableOptions, StoredEvent } from '../port.ts';
import type { Bus } from './connection.ts';
import { ensureConsumer } from './consumers.ts';
import { Puller } from './pull.ts';
import { toStoredMessage } from './stored-message.ts';

const ACK_WAIT_MS = 30_000;
const RETRY_MS = 250;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_LAST_MS = 60_000;

type Handle = (stored: StoredEvent, delivery: number) => Promise<void>;

export class JetStreamDurableEvents implements DurableEvents {
  readonly #bus: Bus;
  readonly #ackWaitMs: number;

  /** @param options.ackWaitMs silence after which an event of a dead process is given out again */
  constructor(bus: Bus, options: { readonly ackWaitMs?: number } = {}) {
    this.#bus = bus;
    this.#ackWaitMs = options.ackWaitMs ?? ACK_WAIT_MS;
  }

  async consume(options: DurableOptions, signal: AbortSignal, handle: Handle): Promise<void> {
    const inHand = new Set<Promise<void>>();
    while (!signal.aborted) {
      let puller: Puller | undefined;
      try {
        puller = await this.#open(options, signal);
        while (!signal.aborted) await this.#takeOne(puller, options.concurrency, inHand, signal, handle);
      } catch (error) {
        if (signal.aborted || this.#bus.nc.isClosed()) break;
        if (!(error instanceof Error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      } finally {
        puller?.close();
      }
    }
    await Promise.all(inHand);
  }

  async #takeOne(
    puller: Puller,
    concurrency: number,
    inHand: Set<Promise<void>>,
    signal: AbortSignal,
    handle: Handle,
  ): Promise<void> {
    if (inHand.size >= concurrency) return Promise.race(inHand);
    // One at a time: what a client holds in advance counts as delivered, though nobody looked at it yet.
    const message = await puller.next();
    if (message === null) return;
    if (signal.aborted) return message.nak();
    const handling = this.#settle(message, handle).finally(() => inHand.delete(handling));
    inHand.add(handling);
  }

  async #open(options: DurableOptions, signal: AbortSignal): Promise<Puller> {
    const { durable, subject, concurrency, pendingMax = concurrency } = options;
    const place = { stream: streams.events, durable, subject };
    await ensureConsumer(this.#bus, { ...place, pendingMax, ackWaitMs: this.#ackWaitMs });
    return Puller.open(this.#bus, place, signal);
  }

  async #settle(message: JsMsg, handle: Handle): Promise<void> {
    const extend = setInterval(() => message.working(), this.#ackWaitMs / 3);
    const delivery = message.info.redeliveryCount;
    try {
      await handle(toStoredEvent(toStoredMessage(message)), delivery);
      message.ack();
    } catch (error) {
      const backoffMs = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(10, delivery - 1));
      message.nak(error instanceof RetryLater ? error.delayMs : backoffMs);
    } finally {
      clearInterval(extend);
    }
  }
}
