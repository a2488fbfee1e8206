import { setTimeout as pause } from 'node:timers/promises';
import { evaluationSnapshotSchema } from '@crucible/api';
import { reducePage } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import { decodeJson } from '@crucible/events';
import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import { Refusal, Unreachable } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { failed } from './failure.ts';

/** Bounds of following. The gateway sends a heartbeat every 15 s, so longer silence is a dead connection. */
export const followBounds = {
  silenceMsMax: 45_000,
  retryFirstMs: 250,
  retryLastMs: 5_000,
  outageMsMax: 120_000,
  messageCharsMax: 128 * 1024 ** 2,
} as const;

export interface Follow {
  readonly onPage: (page: EvaluationPage) => void;
  /** Called when the stream was lost and before it is opened again. */
  readonly onTrouble?: (message: string) => void;
  readonly signal: AbortSignal;
}

export const hasEnded = (page: EvaluationPage): boolean =>
  page.evaluation.status === 'completed' || page.evaluation.status === 'cancelled';

/** The page after one message of the stream; unknown messages and unreadable events change nothing. */
export const foldMessage = (
  page: EvaluationPage | undefined,
  message: EventSourceMessage,
): EvaluationPage | undefined => {
  if (message.event === 'snapshot') {
    const { evaluation, trials, position } = evaluationSnapshotSchema.parse(JSON.parse(message.data));
    if (page !== undefined && position < page.position) return page;
    return { evaluation, trials: new Map(trials.map((trial) => [trial.id, trial])), position };
  }
  const position = Number(message.id);
  if (message.event !== 'event' || page === undefined || !Number.isSafeInteger(position)) return page;
  const decoded = decodeJson(JSON.parse(message.data));
  return decoded.ok ? reducePage(page, { event: decoded.event, position }) : page;
};

/** One connection's life: folds what arrives until the evaluation ends, the stream ends or it falls silent. */
class Connection {
  page: EvaluationPage | undefined;
  lastEventId: string | undefined;
  #heard = false;

  /** Whether anything at all has arrived since this was last asked. */
  takeHeard(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }

  async listen(client: ApiClient, path: string, follow: Follow): Promise<void> {
    const silence = new AbortController();
    const signal = AbortSignal.any([follow.signal, silence.signal]);
    const timer = setTimeout(() => silence.abort(), followBounds.silenceMsMax);
    const parser = createParser({
      maxBufferSize: followBounds.messageCharsMax,
      onEvent: (message) => this.#take(message, follow),
    });
    try {
      const response = await client.stream(path, this.lastEventId, signal);
      const decoder = new TextDecoder();
      for await (const bytes of response.body ?? []) {
        this.#heard = true;
        timer.refresh();
        parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
        if (this.page !== undefined && hasEnded(this.page)) return;
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  #take(message: EventSourceMessage, follow: Follow): void {
    const before = this.page;
    this.page = foldMessage(before, message);
    if (message.id !== undefined && message.id !== '') this.lastEventId = message.id;
    if (this.page !== undefined && this.page !== before) follow.onPage(this.page);
  }
}

const isFinal = (error: unknown): boolean => error instanceof Refusal && error.status < 500 && error.status !== 429;

/**
 * Follows an evaluation until it has ended, through lost connections: every event is folded once, in order.
 * @returns the last page, or undefined when `signal` ended it before there was one
 * @throws Refusal when the platform says no; Error when it stayed away too long
 */
export const follow = async (client: ApiClient, id: string, options: Follow): Promise<EvaluationPage | undefined> => {
  const path = `/api/v1/evaluations/${id}/stream`;
  const connection = new Connection();
  let retryMs: number = followBounds.retryFirstMs;
  let lostAt: number | undefined;
  for (;;) {
    let trouble = 'the connection ended';
    try {
      await connection.listen(client, path, options);
    } catch (error) {
      if (isFinal(error)) throw error;
      trouble = error instanceof Unreachable || error instanceof Refusal ? error.message : 'the connection was lost';
    }
    if (options.signal.aborted) return connection.page;
    if (connection.page !== undefined && hasEnded(connection.page)) return connection.page;
    if (connection.takeHeard()) {
      retryMs = followBounds.retryFirstMs;
      lostAt = undefined;
    }
    const now = performance.now();
    lostAt ??= now;
    if (now - lostAt > followBounds.outageMsMax) {
      throw failed(`lost the platform: ${trouble}`, `the evaluation goes on where it runs: ./crucible watch ${id}`);
    }
    options.onTrouble?.(trouble);
    // An abort during the pause is seen at the top of the next round.
    await pause(retryMs, undefined, { signal: options.signal }).catch(() => undefined);
    retryMs = Math.min(followBounds.retryLastMs, retryMs * 2);
  }
};
