import { Catch } from '@nestjs/common';
import type { RpcExceptionFilter } from '@nestjs/common';
import { Server } from '@nestjs/microservices';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom, throwError } from 'rxjs';
import type { Observable } from 'rxjs';

/** One message for the handlers of `pattern`. Resolves when it was handled, rejects when it must be tried again. */
export type Deliver = (pattern: string, payload: unknown) => Promise<void>;

/** Where deliveries come from: an ordered follower, a durable consumer or a work queue. Runs until the signal. */
export interface DeliverySource {
  run(deliver: Deliver, signal: AbortSignal): Promise<void>;
}

/** Handlers that want every message of a source, whatever its pattern. */
export const EVERYTHING = '*';

/**
 * Nest's own NATS transport knows core NATS only. This one feeds `@EventPattern` handlers from JetStream; the source
 * decides order, acknowledgement and retry.
 */
export class JetStreamStrategy extends Server implements CustomTransportStrategy {
  readonly #source: DeliverySource;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(source: DeliverySource) {
    super();
    this.#source = source;
  }

  listen(callback: () => void): void {
    this.#running = this.#source.run((pattern, payload) => this.#deliver(pattern, payload), this.#stop.signal);
    callback();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  override on(): never {
    throw new Error('this transport has no status events');
  }

  override unwrap<T>(): T {
    return this.#source as T;
  }

  async #deliver(pattern: string, payload: unknown): Promise<void> {
    const handler = this.messageHandlers.get(pattern) ?? this.messageHandlers.get(EVERYTHING);
    if (handler === undefined) return;
    const answer: unknown = await handler(payload, undefined);
    if (isObservable(answer)) await lastValueFrom(answer as Observable<unknown>, { defaultValue: undefined });
  }
}

/** Nest would turn every handler's error into "Internal server error"; a source needs the real one to decide on a retry. */
@Catch()
export class RethrowFilter implements RpcExceptionFilter<unknown> {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
