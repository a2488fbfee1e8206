import type { EventLog, StoredEvent } from '@crucible/event-log';
import { subjects } from '@crucible/events';

/** Silence after which the log is asked whether it is there at all. */
const SILENCE_MS_MAX = 10_000;

/** The next message, or null when the log is silent for too long. */
const nextOr = async (messages: AsyncIterator<StoredEvent>, silent: AbortController): Promise<StoredEvent | null> => {
  const timer = setTimeout(() => silent.abort(), SILENCE_MS_MAX);
  try {
    const { done, value } = await messages.next();
    return done === true ? null : (value as StoredEvent);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * What the log holds from one position to another, in order. What is not there is left out: whoever reads counts. A log
 * that cannot be reached is no log without messages. @throws BusUnavailable, and the signal's reason
 */
export async function* readRange(
  log: Pick<EventLog, 'follow' | 'head'>,
  range: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): AsyncGenerator<StoredEvent> {
  const to = Math.min(range.to, await log.head());
  let next = range.from;
  for (let fruitless = 0; next <= to && fruitless < 2; fruitless += 1) {
    const silent = new AbortController();
    // By subject, because a follower of everything ends where something is missing.
    const following = log.follow({
      from: next,
      subject: subjects.events,
      signal: AbortSignal.any([silent.signal, signal]),
    });
    const messages = following[Symbol.asyncIterator]();
    try {
      for (let message = await nextOr(messages, silent); message !== null; message = await nextOr(messages, silent)) {
        if (message.position > to) return;
        yield message;
        next = message.position + 1;
        fruitless = 0;
        if (next > to) return;
      }
    } finally {
      silent.abort();
      await messages.return?.();
    }
    signal.throwIfAborted();
    await log.head();
  }
}
