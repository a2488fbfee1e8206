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

/** The whole log as the server has it now, read past every service of ours. */
export const readLog = (): Promise<StoredEvent[]> =>
  withBus(async (bus) => {
    const log = new JetStreamEventLog(bus);
    const head = await log.head();
    const events: StoredEvent[] = [];
    if (head === 0) return events;
    const over = new AbortController();
    for await (const event of log.follow({ from: 1, signal: over.signal })) {
      events.push(event);
      if (event.position >= head) break;
    }
    over.abort();
    return events;
  });

/** Stores bytes as they are, past every service of ours. @returns their position in the stream */
export const publishRaw = (subject: string, body: Uint8Array): Promise<number> =>
  withBus(async (bus) => (await bus.js.publish(subject, body)).seq);

/** Items that executors have yet to take or to let go. */
export const queuedItems = (): Promise<number> =>
  withBus(async (bus) => (await bus.jsm.streams.info(streams.dispatch)).state.messages);

/** The last signed note of the audit service. */
export const lastCheckpoint = (): Promise<string | null> => withBus((bus) => new JetStreamCheckpoints(bus).last());
