import type { TrialView } from '@crucible/domain';
import type { EventBody, Fields, LogEvent } from './shapes.ts';

export const isoOf = (ms: number): string => new Date(ms).toISOString();

/** Gives each event of one attempt its id, its time and its place in the time that was worked. */
export class Stamps {
  /** What ids of the attempt's events and messages begin with. */
  readonly prefix: string;
  readonly startMs: number;
  #waitedMs = 0;
  #events = 0;
  #span: string | undefined;

  constructor({ evaluationId, id, startedAt, dispatchedAt }: TrialView) {
    this.prefix = `${evaluationId}-${id}`;
    this.startMs = Date.parse(startedAt ?? dispatchedAt);
  }

  /** Time that passed without being worked, such as in a provider's queue. */
  waited(ms: number): void {
    this.#waitedMs += ms;
  }

  event(atMs: number, body: EventBody, more: { readonly uuid?: string; readonly metadata?: Fields } = {}): LogEvent {
    this.#events += 1;
    const working = Math.max(0, atMs - this.startMs - this.#waitedMs) / 1_000;
    return {
      uuid: more.uuid ?? `${this.prefix}-e${this.#events}`,
      ...(this.#span === undefined ? {} : { span_id: this.#span }),
      timestamp: isoOf(atMs),
      working_start: working,
      ...(more.metadata === undefined ? {} : { metadata: more.metadata }),
      ...body,
    };
  }

  info(atMs: number, about: string, data: Fields): LogEvent {
    return this.event(atMs, { event: 'info', source: `crucible/${about}`, data });
  }

  /** Events from here on stand in the span, until it ends. */
  begin(atMs: number, type: string, name: string): LogEvent {
    const id = `${this.prefix}-${type}`;
    this.#span = id;
    return this.event(atMs, { event: 'span_begin', id, type, name });
  }

  /** @returns nothing when no span is open */
  end(atMs: number): LogEvent[] {
    if (this.#span === undefined) return [];
    const ended = this.event(atMs, { event: 'span_end', id: this.#span });
    this.#span = undefined;
    return [ended];
  }
}
