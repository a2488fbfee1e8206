import { randomFillSync } from 'node:crypto';
import { uuidv7 } from '@crucible/events';
import { connect, ErrorCode, JSONCodec, NatsError } from 'nats';
import type {
  JetStreamClient,
  JetStreamManager,
  JetStreamPublishOptions,
  NatsConnection,
  PubAck,
  StoredMsg,
} from 'nats';
import type { Edge } from '../codec.ts';
import { BusUnavailable } from '../port.ts';

export interface BusOptions {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Shown in the server's connection list. */
  readonly name: string;
}

interface DirectReads {
  getMessage(stream: string, query: { readonly seq: number; readonly next_by_subj?: string }): Promise<StoredMsg>;
}

export interface Bus {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** Reads single messages without a consumer. */
  readonly direct: DirectReads;
  /** What calls of JetStream begin with here. */
  readonly api: string;
  /** The streams are another account's, so they and their consumers are not ours to make. */
  readonly isGuest: boolean;
  readonly edge: Edge;
}

const REQUEST_MS = 5_000;

const ID_BYTES = 16;
/** Randomness for many ids at once: asking for it costs more than an id. */
const random = new Uint8Array(256 * ID_BYTES);
let randomUsed = random.length;
const randomId = (): Uint8Array => {
  if (randomUsed === random.length) {
    randomFillSync(random);
    randomUsed = 0;
  }
  randomUsed += ID_BYTES;
  return random.subarray(randomUsed - ID_BYTES, randomUsed);
};

export const systemEdge: Edge = {
  now: () => Date.now(),
  newId: () => uuidv7(Date.now(), randomId()),
};

/** An append rested on a sequence that is not its subject's last. */
export const WRONG_LAST_SEQUENCE = 10_071;
const NO_MESSAGE_FOUND = 10_037;
const NOT_ENABLED_FOR_ACCOUNT = 10_039;

const OWN_API = '$JS.API';
/**
 * Where an account that may use the platform's streams finds the calls it was given. A server answers `$JS.API` in every
 * account itself, if only to say that it has no streams.
 */
const GUEST_API = 'CRUCIBLE.API';

/** The server's numbers as questions, in this one place. */
export const isNoMessage = (error: unknown): boolean =>
  error instanceof NatsError &&
  (error.api_error?.err_code === NO_MESSAGE_FOUND ||
    error.code === ErrorCode.JetStream404NoMessages ||
    error.code === '404');

/** Names a client failure that no caller can mend by deciding again. */
export const unavailable = (what: string, error: unknown): BusUnavailable =>
  new BusUnavailable(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });

/** Whether the account we are in has no JetStream. @throws NatsError when the server has none */
const hasNoStreams = async (nc: NatsConnection): Promise<boolean> => {
  try {
    await nc.jetstreamManager({ timeout: REQUEST_MS });
    return false;
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.err_code === NOT_ENABLED_FOR_ACCOUNT) return true;
    throw error;
  }
};

/**
 * Connects and keeps reconnecting for ever: a service outlives a restart of its bus.
 * @throws BusUnavailable when the first connection does not succeed within ten seconds
 */
export const openBus = async (options: BusOptions, edge: Edge = systemEdge): Promise<Bus> => {
  let nc: NatsConnection | undefined;
  try {
    nc = await connect({
      servers: options.url,
      name: options.name,
      ...(options.user === undefined ? {} : { user: options.user, pass: options.password ?? '' }),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      reconnectJitter: 100,
      pingInterval: 5_000,
      maxPingOut: 2,
      timeout: 10_000,
    });
    const isGuest = await hasNoStreams(nc);
    const api = isGuest ? GUEST_API : OWN_API;
    const calls = { apiPrefix: api, timeout: REQUEST_MS };
    const jsm = await nc.jetstreamManager({ ...calls, checkAPI: false });
    // The client has it and leaves it out of the interface's type.
    const { direct } = jsm as JetStreamManager & { direct: DirectReads };
    return { nc, js: nc.jetstream(calls), jsm, direct, api, isGuest, edge };
  } catch (error) {
    await nc?.close();
    throw unavailable(`no NATS server with JetStream at ${options.url}`, error);
  }
};

const PUBLISH_TRIES_MAX = 4;

/**
 * Publishes under a message id, so that asking again after a lost acknowledgement stores nothing twice (within the
 * server's two-minute window).
 * @throws BusUnavailable
 */
export const publishOnce = async (
  { js }: Bus,
  subject: string,
  body: Uint8Array,
  options: Partial<JetStreamPublishOptions> & { readonly msgID: string },
): Promise<PubAck> => {
  let lastError: unknown;
  for (let attempt = 1; attempt <= PUBLISH_TRIES_MAX; attempt += 1) {
    try {
      return await js.publish(subject, body, options);
    } catch (error) {
      lastError = error;
    }
  }
  throw unavailable(`publish ${subject}`, lastError);
};

export const json = JSONCodec<unknown>();
