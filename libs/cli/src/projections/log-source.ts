import { JetStreamEventLog, openBus, readStretch } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import type { LogSource } from '@crucible/read-model';
import type { PlatformInfo } from '../platform/info.ts';

const BATCH_MAX = 2_000;

/** The event log as the read model is replayed from it, by the operator. */
export const sourceFrom = (bus: Bus): LogSource => {
  const log = new JetStreamEventLog(bus);
  return {
    head: () => log.head(),
    read: (from, to, signal) => readStretch(bus, { from, to, batchMax: BATCH_MAX }, signal),
  };
};

/** Opens the log of a platform that is up, for as long as `work` takes. */
export const withLog = async <T>(
  info: PlatformInfo,
  name: string,
  work: (source: LogSource) => Promise<T>,
): Promise<T> => {
  const bus = await openBus({ url: info.natsUrl, user: info.natsUser, password: info.natsPassword, name });
  try {
    return await work(sourceFrom(bus));
  } finally {
    await bus.nc.close();
  }
};
