import { evaluationOf } from '@crucible/domain';
import type { EventLog, StoredEvent } from '@crucible/event-log';
import type { EvaluationId } from '@crucible/events';
import { LivePosition } from '../projection/live-position.ts';
import { sseMessage } from './sse.ts';
import type { SseStream } from './sse.ts';
import type { StopAudiences } from './stop-audiences.ts';

const REPLAY_EVENTS_MAX = 50_000;
/** Held for one viewer while its snapshot or replay is on its way. A viewer further behind is cut off and resumes. */
const HELD_EVENTS_MAX = 10_000;
const BURST_EVENTS_MAX = 500;
const decoder = new TextDecoder();

export interface Snapshot {
  readonly position: number;
  readonly json: string;
}

/** Which events a viewer sees: one evaluation's, or every evaluation's of its team. */
export interface View {
  readonly evaluationId?: EvaluationId;
  readonly team: string;
}

const seesEvaluation = (view: View, stored: StoredEvent): boolean => {
  if (!stored.ok || stored.event.team !== view.team) return false;
  const id = evaluationOf(stored.event);
  return id !== null && (view.evaluationId === undefined || view.evaluationId === id);
};

const messages = new WeakMap<StoredEvent, string>();
/**
 * The message for one event, made once for all its viewers. The body is sent as it is stored, on one line: outside its
 * strings, where JSON has none, a foreign writer's line breaks are white space, and in a stream they would end the message.
 */
const messageOf = (stored: StoredEvent): string => {
  let message = messages.get(stored);
  if (message === undefined) {
    message = sseMessage('event', decoder.decode(stored.body).replace(/[\r\n]+/g, ' '), stored.position);
    messages.set(stored, message);
  }
  return message;
};

/** Snapshot or replay, then every later event: no gap, no repeat, in order. */
export class EventFeed {
  readonly #live: LivePosition;
  readonly #log: EventLog;
  readonly #stops: StopAudiences;

  /** @param stops has learned of every live event before it comes past */
  constructor(live: LivePosition, log: EventLog, stops: StopAudiences) {
    this.#live = live;
    this.#log = log;
    this.#stops = stops;
  }

  async follow(
    stream: SseStream,
    view: View,
    after: number | undefined,
    snapshot: () => Promise<Snapshot>,
  ): Promise<void> {
    // Listening comes first: what happens while the snapshot is read waits in `held`.
    const held: StoredEvent[] = [];
    let hold = true;
    let sent = 0;
    const send = (stored: StoredEvent): void => {
      if (stored.position <= sent) return;
      stream.write(messageOf(stored));
      sent = stored.position;
    };
    const leave = this.#live.subscribe((events) => {
      const seen = events.filter((stored) => this.#sees(view, stored));
      if (!hold) return seen.forEach(send);
      if (held.length + seen.length > HELD_EVENTS_MAX) return stream.cut();
      held.push(...seen);
    });
    stream.signal.addEventListener('abort', leave, { once: true });
    const boundary = this.#live.position;
    const canReplay = after !== undefined && after <= boundary && boundary - after <= REPLAY_EVENTS_MAX;
    sent = canReplay ? await this.#replay(stream, view, after, boundary) : await sendSnapshot(stream, snapshot);
    while (held.length > 0 && !stream.signal.aborted) {
      held.splice(0, BURST_EVENTS_MAX).forEach(send);
      await stream.drained();
    }
    hold = false;
  }

  /** Stops come to all they are for, whoever pulled them. */
  #sees(view: View, stored: StoredEvent): boolean {
    return this.#stops.sees(view, stored) ?? seesEvaluation(view, stored);
  }

  async #replay(stream: SseStream, view: View, after: number, upTo: number): Promise<number> {
    if (after >= upTo) return after;
    const done = new AbortController();
    const signal = AbortSignal.any([done.signal, stream.signal]);
    for await (const stored of this.#log.follow({ from: after + 1, signal })) {
      if (stored.position > upTo) break;
      await this.#stops.learn([stored]);
      if (this.#sees(view, stored)) stream.write(messageOf(stored));
      await stream.drained();
      if (stored.position === upTo) break;
    }
    done.abort();
    return upTo;
  }
}

const sendSnapshot = async (stream: SseStream, snapshot: () => Promise<Snapshot>): Promise<number> => {
  const { position, json } = await snapshot();
  stream.write(sseMessage('snapshot', json, position));
  await stream.drained();
  return position;
};
