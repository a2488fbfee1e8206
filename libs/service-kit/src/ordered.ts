import type { EventLog, StoredEvent, StoredMessage } from '@crucible/event-log';
import { handlerAttemptsMax, pause, retryMs, whileAway } from './attempts.ts';
import type { Letters } from './attempts.ts';
import { NotRedrivable, wordsOf } from './dead-letters.ts';
import type { Logger } from './logger.ts';
import { patternOf, traceOf } from './patterns.ts';
import type { DeliverySource } from './strategy.ts';
import { traced } from './telemetry.ts';

/** Pattern of a batch of events in order: `readonly StoredEvent[]`. */
export const BATCH = 'batch';

interface Life {
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** For readers in order: what comes later was handled already, so an event cannot be handed over afterwards. */
export interface OrderedLetters extends Letters {
  /** What to do instead, told to whoever asks for a dead letter of this reader once more. Absent: the handler takes it out of order. */
  readonly insteadOfRedrive?: string;
}

export interface OrderedOptions {
  readonly from: () => number | Promise<number>;
  readonly logger: Logger;
  /** Absent: bytes that are no event go to the handler as well, and a failing event is tried for ever. */
  readonly letters?: OrderedLetters;
}

/** Tries until it is handled or the process ends. */
const untilHandled = async (handle: () => Promise<void>, position: number, { logger, signal }: Life): Promise<void> => {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await handle();
    } catch (error) {
      logger.error({ err: error, position }, 'not handled yet, trying again');
      await pause(retryMs(failures), signal);
    }
  }
};

/** Tries up to the limit. @returns why it was given up, or null when it was handled or the process ends */
const tryOrGiveUp = async (
  letters: Letters,
  handle: () => Promise<void>,
  position: number,
  life: Life,
): Promise<string | null> => {
  const attemptsMax = letters.attemptsMax ?? handlerAttemptsMax;
  for (let failures = 1; !life.signal.aborted; failures += 1) {
    try {
      await whileAway(letters, handle, life);
      return null;
    } catch (error) {
      if (life.signal.aborted) return null;
      life.logger.error({ err: error, position, failures, attemptsMax }, 'not handled yet');
      if (failures >= attemptsMax) return wordsOf(error);
      await pause(retryMs(failures), life.signal);
    }
  }
  return null;
};

const putAside = async (letters: Letters, message: StoredEvent, why: string | null, life: Life): Promise<void> => {
  const { deadLetters, consumer, attemptsMax = handlerAttemptsMax } = letters;
  const unreadable = message.ok ? '' : `${message.undecodable.failure}: ${message.undecodable.detail}`;
  const reason = message.ok ? ('handler-failed' as const) : ('undecodable' as const);
  const deliveries = message.ok ? attemptsMax : 1;
  const letter = { consumer, stream: 'EVENTS', message, deliveries, reason, detail: why ?? unreadable } as const;
  await untilHandled(() => deadLetters.record(letter), message.position, life);
};

const takeRedrives = (letters: OrderedLetters | undefined, handle: (stored: StoredEvent) => Promise<void>): void =>
  letters?.deadLetters.onRedrive(letters.consumer, (stored) =>
    letters.insteadOfRedrive === undefined
      ? handle(stored)
      : Promise.reject(new NotRedrivable(letters.insteadOfRedrive)),
  );

/**
 * Every event in order, one at a time, from a position the service keeps. One that cannot be read, or that the handler
 * failed at too often, is put aside as a dead letter before the next one is taken.
 */
export const orderedEvents = (
  log: EventLog,
  { from, subject, logger, letters }: OrderedOptions & { readonly subject?: string },
): DeliverySource => ({
  async run(deliver, signal) {
    const life = { logger, signal };
    const handle = (stored: StoredEvent): Promise<void> =>
      traced(`handle ${patternOf(stored)}`, traceOf(stored), () => deliver(patternOf(stored), stored));
    takeRedrives(letters, handle);
    const filter = subject === undefined ? {} : { subject };
    for await (const stored of log.follow({ from: await from(), signal, ...filter })) {
      if (letters === undefined) {
        await untilHandled(() => handle(stored), stored.position, life);
      } else if (!stored.ok) {
        await putAside(letters, stored, null, life);
      } else {
        const why = await tryOrGiveUp(letters, () => handle(stored), stored.position, life);
        if (why !== null) await putAside(letters, stored, why, life);
      }
    }
  },
});

/** An event that was put aside, as its reader is told of it: something whose bytes say nothing. */
const passedOver = (stored: StoredMessage, detail: string): StoredEvent => ({
  ...stored,
  ok: false,
  undecodable: { ok: false, failure: 'bad-data', detail },
});

/** Handles batches, and finds the one event that a batch fails at. */
class Batches {
  readonly #deliver: (batch: readonly StoredEvent[]) => Promise<void>;
  readonly #letters: Letters;
  readonly #life: Life;

  constructor(deliver: (batch: readonly StoredEvent[]) => Promise<void>, letters: Letters, life: Life) {
    this.#deliver = deliver;
    this.#letters = letters;
    this.#life = life;
  }

  async take(batch: readonly StoredEvent[]): Promise<void> {
    for (const stored of batch) if (!stored.ok) await putAside(this.#letters, stored, null, this.#life);
    await this.#handle(batch);
  }

  async #handle(batch: readonly StoredEvent[]): Promise<void> {
    const [first] = batch;
    if (first === undefined || this.#life.signal.aborted) return;
    if (batch.length === 1) return this.#handleOne(first);
    try {
      await whileAway(this.#letters, () => this.#deliver(batch), this.#life);
    } catch (error) {
      if (this.#life.signal.aborted) return;
      const place = { position: first.position, events: batch.length };
      this.#life.logger.error({ err: error, ...place }, 'a batch is not handled, looking for the event');
      const middle = Math.ceil(batch.length / 2);
      await this.#handle(batch.slice(0, middle));
      await this.#handle(batch.slice(middle));
    }
  }

  async #handleOne(stored: StoredEvent): Promise<void> {
    const letters = this.#letters;
    const handle = (): Promise<void> => this.#deliver([stored]);
    // Without an event in it nothing is wrong with it: what fails then is the handler.
    if (!stored.ok) return untilHandled(handle, stored.position, this.#life);
    const why = await tryOrGiveUp(letters, handle, stored.position, this.#life);
    if (why === null) return;
    await putAside(letters, stored, why, this.#life);
    await untilHandled(() => this.#deliver([passedOver(stored, why)]), stored.position, this.#life);
  }
}

/**
 * Every event in order, as many at once as are there, up to `batchMax`: for a handler whose cost is a round trip. A batch
 * that fails is halved until the one event is found that it fails at; that one is put aside, and comes once more in a batch
 * of its own as one that cannot be read, so that the handler can go on behind it.
 */
export const orderedBatches = (
  log: EventLog,
  { from, batchMax, logger, letters }: OrderedOptions & { readonly batchMax: number },
): DeliverySource => ({
  async run(deliver, signal) {
    const life = { logger, signal };
    const handle = (batch: readonly StoredEvent[]): Promise<void> => deliver(BATCH, batch);
    takeRedrives(letters, (stored) => handle([stored]));
    const batches = letters === undefined ? undefined : new Batches(handle, letters, life);
    for await (const batch of batchesOf(log, await from(), batchMax, signal)) {
      if (batches === undefined) await untilHandled(() => handle(batch), batch[0]?.position ?? 0, life);
      else await batches.take(batch);
    }
  },
});

/** What came in while the last batch was handled is the next one. */
async function* batchesOf(
  log: EventLog,
  from: number,
  batchMax: number,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredEvent[]> {
  let waiting: StoredEvent[] = [];
  let wake = (): void => undefined;
  let ended = false;
  const read = async (): Promise<void> => {
    for await (const stored of log.follow({ from, signal })) {
      waiting.push(stored);
      wake();
      while (waiting.length >= batchMax && !signal.aborted) await pause(1, signal);
    }
    ended = true;
    wake();
  };
  const reading = read();
  while (!signal.aborted && !(ended && waiting.length === 0)) {
    if (waiting.length === 0) {
      await new Promise<void>((resolve) => (wake = resolve));
      continue;
    }
    const batch = waiting;
    waiting = [];
    yield batch;
  }
  await reading;
}
