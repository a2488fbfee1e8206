import { streams } from '@crucible/events';
import { toStoredEvent } from '../codec.ts';
import { LogIncomplete } from '../port.ts';
import type { StoredEvent } from '../port.ts';
import { unavailable } from './connection.ts';
import type { Bus } from './connection.ts';
import { toStoredMessage } from './stored-message.ts';

const MESSAGES_AHEAD_MAX = 4_000;
/** A consumer that brings nothing for so long is given up for a new one. */
const SILENCE_MS_MAX = 5_000;
const TRIES_MAX = 12;

/**
 * A stretch of the log through a consumer, in batches: about twice as fast as following it. Only for the operator, who alone
 * may make consumers, and for what is there already.
 * @throws LogIncomplete where a position is missing, BusUnavailable when the server stays away for a minute
 */
export async function* readStretch(
  bus: Bus,
  { from, to, batchMax }: { readonly from: number; readonly to: number; readonly batchMax: number },
  signal: AbortSignal,
): AsyncGenerator<StoredEvent[]> {
  let next = from;
  let silences = 0;
  while (next <= to && !signal.aborted) {
    const before = next;
    for await (const batch of consume(bus, next, to, batchMax, signal)) {
      for (const { position } of batch) {
        if (position !== next)
          throw new LogIncomplete(`${streams.events} has no message ${next}, though it has ${position}`);
        next += 1;
      }
      yield batch;
      if (signal.aborted) return;
    }
    silences = next === before ? silences + 1 : 0;
    if (silences === TRIES_MAX) throw unavailable(`read the log from ${next}`, new Error('the server sends nothing'));
  }
}

/** What one consumer brings; it ends early when the consumer falls silent. */
async function* consume(
  bus: Bus,
  from: number,
  to: number,
  batchMax: number,
  signal: AbortSignal,
): AsyncGenerator<StoredEvent[]> {
  const consumer = await bus.js.consumers.get(streams.events, { opt_start_seq: from }).catch(() => undefined);
  if (consumer === undefined) return void (await new Promise((resolve) => setTimeout(resolve, SILENCE_MS_MAX)));
  const messages = await consumer.consume({ max_messages: MESSAGES_AHEAD_MAX });
  const stop = (): void => void messages.close();
  signal.addEventListener('abort', stop, { once: true });
  const watch = setTimeout(stop, SILENCE_MS_MAX);
  let batch: StoredEvent[] = [];
  try {
    for await (const message of messages) {
      watch.refresh();
      batch.push(toStoredEvent(toStoredMessage(message)));
      if (batch.length < batchMax && message.seq < to) continue;
      yield batch;
      batch = [];
      if (message.seq >= to) break;
    }
    if (batch.length > 0) yield batch;
  } finally {
    clearTimeout(watch);
    signal.removeEventListener('abort', stop);
    await messages.close();
    await consumer.delete().catch(() => undefined);
  }
}
