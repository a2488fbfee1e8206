import { subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import { encode, toStoredEvent } from './codec.ts';
import type { Edge } from './codec.ts';
import type { EventHistory, HistoryRange } from './history.ts';
import type { AppendRequest, AppendResult, EventLog, FollowOptions, StoredEvent, StoredMessage } from './port.ts';
import { subjectMatches } from './subject-match.ts';

/** The log without a server, under the same contract: for tests and simulations. */
export class InMemoryEventLog implements EventLog, EventHistory {
  readonly #messages: StoredMessage[] = [];
  /** By the id that they were published under. */
  readonly #positions = new Map<string, number>();
  readonly #edge: Edge;
  #grown = Promise.withResolvers<void>();

  constructor(edge: Edge) {
    this.#edge = edge;
  }

  // Async, so that data that is no event rejects as it does with a server, and does not throw.
  async append(request: AppendRequest): Promise<AppendResult> {
    const encoded = encode(request, this.#edge);
    if (!encoded.ok) return { ok: false, failure: 'oversize', bytes: encoded.bytes };
    const { event } = encoded;
    const last = this.#messages.findLast(({ subject }) => subject === request.subject);
    const lastSequence = last?.position ?? 0;
    const same = last?.messageId === event.id ? lastSequence : this.#positions.get(event.id);
    if (request.expectedSequence !== undefined && request.expectedSequence !== lastSequence && same !== lastSequence) {
      return { ok: false, failure: 'wrong-sequence', lastSequence };
    }
    if (same !== undefined) return { ok: true, position: same, event };
    const position = this.inject(request.subject, encoded.body, encoded.event.id);
    return { ok: true, position, event };
  }

  /** Stores bytes as they are, as somebody else's client could: they need not be an event. */
  inject(subject: string, body: Uint8Array, messageId: string | null = null): number {
    const position = this.#messages.length + 1;
    this.#messages.push({ position, subject, messageId, body });
    if (messageId !== null) this.#positions.set(messageId, position);
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
    return position;
  }

  readSubject(subject: string, from = 1): Promise<{ events: StoredEvent[]; lastSequence: number }> {
    const all = this.#messages.filter((message) => message.subject === subject);
    const events = all.filter(({ position }) => position >= from).map(toStoredEvent);
    return Promise.resolve({ events, lastSequence: all.at(-1)?.position ?? 0 });
  }

  async *readAll(subject: string, from = 1): AsyncGenerator<StoredEvent> {
    yield* (await this.readSubject(subject, from)).events;
  }

  async *readEvaluation(id: EvaluationId, range: HistoryRange = {}): AsyncGenerator<StoredEvent> {
    const { from = 1, upTo = this.#messages.length, signal } = range;
    const own = subjects.evaluation(id);
    const below = [subjects.trialsOf(id), subjects.trialCommandsOf(id)];
    for (const message of this.#messages.slice(Math.max(1, from) - 1, Math.max(0, upTo))) {
      signal?.throwIfAborted();
      if (message.subject === own || below.some((each) => subjectMatches(each, message.subject)))
        yield toStoredEvent(message);
    }
  }

  readAt(position: number): Promise<StoredEvent | null> {
    const message = this.#messages[position - 1];
    return Promise.resolve(message === undefined ? null : toStoredEvent(message));
  }

  head(): Promise<number> {
    return Promise.resolve(this.#messages.length);
  }

  async *follow({ from, subject = '>', signal }: FollowOptions): AsyncIterable<StoredEvent> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    for (let next = Math.max(1, from); !signal.aborted;) {
      const message = this.#messages[next - 1];
      if (message === undefined) {
        await Promise.race([this.#grown.promise, aborted]);
        continue;
      }
      next += 1;
      if (subjectMatches(subject, message.subject)) yield toStoredEvent(message);
    }
  }
}
