import { JetStreamCheckpoints, JetStreamEventLog, openBus } from '@crucible/event-log';
import type { Bus, StoredEvent } from '@crucible/event-log';
import { streams } from '@crucible/events';
import { platform } from './facts.ts';

const withBus = async <T>(work: (bus: Bus) => Promise<T>): Promise<T> => {
  const { natsUrl: url, natsUser: user, natsPassword: password } = platform();
  const bus = await openBus({ url, user, password, name: 'acceptance' });
  try {
    return await work(bus);
  } finally {
    await bus.nc.close();
  }
};

/** Every event from a position to the log's head as it is now. */
const readFrom = async (bus: Bus, from: number): Promise<StoredEvent[]> => {
  const log = new JetStreamEventLog(bus);
  const head = await log.head();
  const events: StoredEvent[] = [];
  if (head < from) return events;
  const over = new AbortController();
  for await (const event of log.follow({ from, signal: over.signal })) {
    events.push(event);
    if (event.position >= head) break;
  }
  over.abort();
  return events;
};

/** The whole log as the server has it now, read past every service of ours. */
export const readLog = (): Promise<StoredEvent[]> => withBus((bus) => readFrom(bus, 1));

/** What this process has read before. */
let known: readonly StoredEvent[] = [];

/**
 * The same for those who ask again and again: only what is new is read. Everything is read anew when the last event that
 * was known is no longer the one at its place.
 */
export const logSoFar = (): Promise<readonly StoredEvent[]> =>
  withBus(async (bus) => {
    const before = known;
    const last = before.at(-1);
    const [again, ...more] = last === undefined ? [] : await readFrom(bus, last.position);
    const isSame = last !== undefined && again !== undefined && Buffer.compare(again.body, last.body) === 0;
    known = isSame ? [...before, ...more] : await readFrom(bus, 1);
    return known;
  });

/** Stores bytes as they are, past every service of ours. @returns their position in the stream */
export const publishRaw = (subject: string, body: Uint8Array): Promise<number> =>
  withBus(async (bus) => (await bus.js.publish(subject, body)).seq);

/** Items that executors have yet to take or to let go. */
export const queuedItems = (): Promise<number> =>
  withBus(async (bus) => (await bus.jsm.streams.info(streams.dispatch)).state.messages);

/** The last signed note of the audit service. */
export const lastCheckpoint = (): Promise<string | null> => withBus((bus) => new JetStreamCheckpoints(bus).last());
