import { eventBytesMax, streams, subjects } from '@crucible/events';
import { DiscardPolicy, nanos, RetentionPolicy, StorageType } from 'nats';
import type { StreamConfig } from 'nats';
import { unavailable } from './connection.ts';
import type { Bus } from './connection.ts';

const TWO_MINUTES_MS = 120_000;

const definitions: readonly Partial<StreamConfig>[] = [
  {
    name: streams.events,
    subjects: [subjects.events],
    // With its headers. A single larger one, from whoever may write anything here, would leave no tile and no export whole.
    max_msg_size: eventBytesMax,
    discard: DiscardPolicy.New,
    deny_delete: true,
    deny_purge: true,
  },
  {
    name: streams.evidence,
    subjects: [subjects.everyEvidence],
    // No bound here: the server would drop the oldest unrecorded. Its only writer erases by policy, and says so in the log.
    discard: DiscardPolicy.New,
  },
  {
    name: streams.dispatch,
    subjects: [subjects.everyDispatch],
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
  },
  {
    name: streams.checkpoints,
    subjects: [subjects.checkpoints],
    discard: DiscardPolicy.New,
    deny_delete: true,
    deny_purge: true,
  },
];

const STREAM_NAME_IN_USE = 10_058;
const STREAM_NOT_FOUND = 10_059;
/** A server that has just come up answers nothing for its streams until it has opened them. */
const OPEN_MS_MAX = 15_000;
const OPEN_RETRY_MS = 100;

const errorNumber = (error: unknown): number | undefined =>
  (error as { api_error?: { err_code?: number } }).api_error?.err_code;

/** How the stream is set up; null when it is not there. @throws NatsError */
const configOf = async ({ jsm, nc }: Bus, stream: string): Promise<StreamConfig | null> => {
  for (const deadline = Date.now() + OPEN_MS_MAX; ;) {
    try {
      return (await jsm.streams.info(stream)).config;
    } catch (error) {
      if (errorNumber(error) === STREAM_NOT_FOUND) return null;
      if (Date.now() > deadline || nc.isClosed()) throw error;
      await new Promise((resolve) => setTimeout(resolve, OPEN_RETRY_MS));
    }
  }
};

/** A stream from before messages had a bound gets it. */
const tighten = async (
  { jsm, isGuest }: Bus,
  { max_msg_size }: Partial<StreamConfig>,
  config: StreamConfig,
): Promise<void> => {
  if (isGuest || max_msg_size === undefined || config.max_msg_size === max_msg_size) return;
  await jsm.streams.update(config.name, { max_msg_size });
};

/**
 * Makes the streams that are missing. Existing ones stay as they are but for that bound: EVENTS cannot be loosened by a restart. Where the
 * streams are another account's, that has made them.
 * @throws BusUnavailable when a stream is missing and cannot be made
 */
export const ensureStreams = async (bus: Bus): Promise<void> => {
  for (const definition of definitions) {
    const name = definition.name ?? '';
    try {
      const config = await configOf(bus, name);
      if (config !== null) {
        await tighten(bus, definition, config);
        continue;
      }
      if (bus.isGuest) throw new Error('it is for the platform to make, by ./crucible up');
      await bus.jsm.streams.add({
        storage: StorageType.File,
        allow_direct: true,
        duplicate_window: nanos(TWO_MINUTES_MS),
        num_replicas: 1,
        ...definition,
      });
    } catch (error) {
      // Five services start at once: whoever comes second finds the stream made.
      if (errorNumber(error) !== STREAM_NAME_IN_USE) throw unavailable(`no stream ${name}`, error);
    }
  }
};
