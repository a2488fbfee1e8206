import { consumerOpts } from 'nats';
import type { JetStreamPullSubscription, JsMsg, NatsConnection } from 'nats';
import type { Bus } from './connection.ts';

/**
 * A request for one message lives this long at the server. Long, and no multiple of a delay that anything here asks for:
 * the servers we know can lose a redelivery that falls into the moment in which a request ends, and the item then comes
 * only when its lease is over.
 */
const PULL_MS = 7_300;
/** How much longer we wait for what the server sent at the last moment before we ask again. */
const MARGIN_MS = 100;
const LOOK_MS = 1_000;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

/**
 * Messages of a durable consumer, taken one at a time. The client's own `next()` has an inbox for each call, so that a
 * message sent as the call expires is lost until its lease is over; here the inbox stays while the puller does.
 */
export class Puller {
  readonly #nc: NatsConnection;
  readonly #subscription: JetStreamPullSubscription;
  readonly #messages: AsyncIterator<JsMsg>;
  readonly #aborted: Promise<void>;
  #coming: Promise<IteratorResult<JsMsg>> | undefined;
  #askedUntilMs = 0;
  #askedOf = '';

  private constructor(nc: NatsConnection, subscription: JetStreamPullSubscription, signal: AbortSignal) {
    this.#nc = nc;
    this.#subscription = subscription;
    this.#messages = subscription[Symbol.asyncIterator]();
    this.#aborted = aborted(signal);
  }

  /** @param subject the consumer's filter */
  static async open(
    { nc, js }: Bus,
    place: { readonly stream: string; readonly durable: string; readonly subject: string },
    signal: AbortSignal,
  ): Promise<Puller> {
    // Left to itself the client acknowledges a message when the next one is asked for, whatever its handler does.
    const options = consumerOpts().bind(place.stream, place.durable).manualAck();
    return new Puller(nc, await js.pullSubscribe(place.subject, options), signal);
  }

  /** The next message, or null when none came for a while or the signal did. Throws what the server says against it. */
  async next(): Promise<JsMsg | null> {
    // A server that was away has forgotten what it was asked for; a new connection has a new number.
    const connection = `${this.#nc.info?.server_id ?? ''} ${this.#nc.info?.client_id ?? ''}`;
    if (Date.now() >= this.#askedUntilMs || this.#askedOf !== connection) {
      this.#subscription.pull({ batch: 1, expires: PULL_MS });
      this.#askedUntilMs = Date.now() + PULL_MS + MARGIN_MS;
      this.#askedOf = connection;
    }
    this.#coming ??= this.#messages.next();
    // Nobody may be waiting any more when it fails; whoever asks next is told.
    this.#coming.catch(() => undefined);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), Math.min(LOOK_MS, this.#askedUntilMs - Date.now()));
    const result = await Promise.race([this.#coming, late.promise, this.#aborted]).finally(() => clearTimeout(timer));
    if (result === undefined) return null;
    this.#coming = undefined;
    this.#askedUntilMs = 0;
    if (result.done === true) throw new Error('the subscription ended');
    return result.value;
  }

  /** Ends it; a message that comes all the same is given back. */
  close(): void {
    this.#subscription.unsubscribe();
    this.#coming?.then(
      (result) => result.done !== true && result.value.nak(),
      () => undefined,
    );
  }
}
