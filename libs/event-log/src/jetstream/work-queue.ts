import { evaluationIdSchema, streams, subjects, trialIdSchema } from '@crucible/events';
import type { JsMsg } from 'nats';
import { z } from 'zod';
import type { QueuedMessage, Work, WorkItem, WorkQueue } from '../port.ts';
import { json, publishOnce, unavailable } from './connection.ts';
import type { Bus } from './connection.ts';
import { ensureConsumer } from './consumers.ts';
import { Puller } from './pull.ts';
import { toStoredMessage } from './stored-message.ts';

const ACK_WAIT_MS = 15_000;
const RETRY_MS = 250;
const NO_ROOM_MS = 2;
/** Deliveries of one item in flight at the server, over all executors of a pool. */
const PENDING_ACKS_MAX = 4_096;

const itemSchema = z.object({ evaluationId: evaluationIdSchema, trialId: trialIdSchema, position: z.int().min(1) });

/** Work taken and not yet let go. */
interface Hand {
  items: number;
}

interface Takers {
  readonly onWork: (work: Work) => Promise<void>;
  readonly onUnreadable: (message: QueuedMessage) => Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class JetStreamWorkQueue implements WorkQueue {
  readonly #bus: Bus;
  readonly #ackWaitMs: number;

  /** @param options.ackWaitMs lease of an item: after this much silence of its taker it is given to another */
  constructor(bus: Bus, options: { readonly ackWaitMs?: number } = {}) {
    this.#bus = bus;
    this.#ackWaitMs = options.ackWaitMs ?? ACK_WAIT_MS;
  }

  async push(pool: string, item: WorkItem, round?: number): Promise<void> {
    const messageId = [item.evaluationId, item.trialId, ...(round === undefined ? [] : [round])].join('.');
    await publishOnce(this.#bus, subjects.dispatch(pool), json.encode(item), { msgID: messageId });
  }

  async take(
    pool: string,
    capacity: () => number,
    signal: AbortSignal,
    onWork: (work: Work) => Promise<void>,
    onUnreadable: (message: QueuedMessage) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const hand: Hand = { items: 0 };
    const takers = { onWork, onUnreadable };
    while (!signal.aborted) {
      let puller: Puller | undefined;
      try {
        puller = await this.#open(pool, signal);
        while (!signal.aborted) await this.#takeOne(puller, () => capacity() - hand.items, hand, signal, takers);
      } catch (error) {
        if (signal.aborted || this.#bus.nc.isClosed()) return;
        if (!(error instanceof Error)) throw error;
        await pause(RETRY_MS);
      } finally {
        puller?.close();
      }
    }
  }

  async #takeOne(
    puller: Puller,
    room: () => number,
    hand: Hand,
    signal: AbortSignal,
    { onWork, onUnreadable }: Takers,
  ): Promise<void> {
    if (room() <= 0) return pause(NO_ROOM_MS);
    // One at a time: a larger batch would wait at the client while another executor of the pool stands idle.
    const message = await puller.next();
    if (message === null) return;
    if (signal.aborted) return message.nak();
    const stored = toStoredMessage(message);
    const item = itemSchema.safeParse(decodeBody(message));
    if (!item.success) {
      return onUnreadable({ ...stored, delivery: message.info.redeliveryCount }).then(
        () => message.term(),
        () => message.nak(RETRY_MS),
      );
    }
    hand.items += 1;
    const letGo = holdLease(message, hand, this.#ackWaitMs);
    const work: Work = {
      item: item.data,
      message: stored,
      delivery: message.info.redeliveryCount,
      done: async () => {
        letGo();
        await message.ackAck().catch((error: unknown) => {
          throw unavailable('let go of an item', error);
        });
      },
      later: (delayMs) => {
        letGo();
        message.nak(delayMs);
      },
    };
    // Whoever fails with the work in hand lets its lease run out, and the item comes back.
    void onWork(work).catch(letGo);
  }

  async #open(pool: string, signal: AbortSignal): Promise<Puller> {
    const durable = `executor-${pool}`;
    const subject = subjects.dispatch(pool);
    const place = { stream: streams.dispatch, durable, subject };
    await ensureConsumer(this.#bus, { ...place, pendingMax: PENDING_ACKS_MAX, ackWaitMs: this.#ackWaitMs });
    return Puller.open(this.#bus, place, signal);
  }
}

const decodeBody = (message: JsMsg): unknown => {
  try {
    return json.decode(message.data);
  } catch {
    return undefined;
  }
};

/** Tells the server twice within each lease that the work is still being done, until it is let go, once. */
const holdLease = (message: JsMsg, hand: Hand, ackWaitMs: number): (() => void) => {
  const timer = setInterval(() => message.working(), ackWaitMs / 3);
  let held = true;
  return () => {
    clearInterval(timer);
    if (held) hand.items -= 1;
    held = false;
  };
};
