import { setTimeout as pause } from 'node:timers/promises';
import { liveDeltaSchema, liveResetSchema, liveWaitsSchema, liveWholeSchema } from '@crucible/api';
import type { LiveMessageOf } from '@crucible/api';
import { displayable } from '@crucible/events';
import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import { pc } from '../colours.ts';
import { Unreachable } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { failed } from './failure.ts';
import { followBounds } from './follow.ts';
import { concurrencyText } from './model-concurrency.ts';

/** What is printed of a trial's replies, message by message. Hostile text stays text. */
export class ReplyText {
  #part = '';
  /** How much was told of each part of this reply so far. */
  readonly #heard = new Map<string, number>();
  /** How its provider stood when a wait was told of last. */
  #waited = '';

  of({ event, data }: Pick<EventSourceMessage, 'event' | 'data'>): string {
    switch (event) {
      case 'delta': {
        const { turn, attempt, kind, after, text } = liveDeltaSchema.parse(JSON.parse(data));
        const part = `turn ${turn}${attempt > 1 ? `, attempt ${attempt}` : ''}: ${kind}`;
        const head = part === this.#part ? '' : `${this.#begin()}${pc.dim(part)}\n`;
        // Who comes later, or comes back, must not take the rest for all of it.
        const missing = after > (this.#heard.get(part) ?? 0) ? '…' : '';
        this.#part = part;
        this.#heard.set(part, after + text.length);
        return head + missing + displayable(text);
      }
      case 'reset': {
        const { turn } = liveResetSchema.parse(JSON.parse(data));
        return this.#mark(`turn ${turn}: the reply broke, and what was shown of it is void`);
      }
      case 'waits':
        return this.#waits(liveWaitsSchema.parse(JSON.parse(data)));
      case 'whole':
        return this.#mark(`turn ${liveWholeSchema.parse(JSON.parse(data)).turn}: on record`);
      default:
        return '';
    }
  }

  /** A line when it begins, and whenever how many calls the provider takes has changed. */
  #waits({ turn, account }: LiveMessageOf<'waits'>): string {
    const stands = account === null ? '' : `${account.effective} ${account.pausedMs > 0}`;
    if (stands === this.#waited) return '';
    this.#waited = stands;
    return account === null
      ? ''
      : this.#mark(`turn ${turn}: waits for ${account.provider}, which takes ${concurrencyText(account)}`);
  }

  #begin(): string {
    return this.#part === '' ? '' : '\n';
  }

  #mark(line: string): string {
    const begin = this.#begin();
    this.#part = '';
    this.#heard.clear();
    return `${begin}${pc.dim(line)}\n`;
  }
}

const KINDS: ReadonlySet<string | undefined> = new Set(['delta', 'reset', 'whole', 'waits']);

interface WatchReplies {
  readonly json: boolean;
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
}

/** @returns whether the trial has ended */
const listen = async (
  client: ApiClient,
  path: string,
  { signal, write }: WatchReplies,
  textOf: (message: EventSourceMessage) => string,
): Promise<boolean> => {
  let ended = false;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), followBounds.silenceMsMax);
  const parser = createParser({
    maxBufferSize: followBounds.messageCharsMax,
    onEvent: (message) => {
      if (message.event === 'end') ended = true;
      else write(textOf(message));
    },
  });
  try {
    const response = await client.stream(path, undefined, AbortSignal.any([signal, silence.signal]));
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), followBounds.silenceMsMax);
      parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
    }
  } finally {
    clearTimeout(timer);
  }
  return ended;
};

/** Shows what a trial's model says while it says it, until the trial ends. What passes while the connection is lost is not shown. */
export const watchReplies = async (
  client: ApiClient,
  { id, trialId }: { readonly id: string; readonly trialId: string },
  options: WatchReplies,
): Promise<void> => {
  const path = `/api/v1/evaluations/${id}/trials/${encodeURIComponent(trialId)}/live`;
  const text = new ReplyText();
  const textOf = (message: EventSourceMessage): string => {
    if (!options.json) return text.of(message);
    return KINDS.has(message.event) ? `${JSON.stringify({ event: message.event, ...JSON.parse(message.data) })}\n` : '';
  };
  let lostAt: number | undefined;
  while (!options.signal.aborted) {
    const beganAt = performance.now();
    try {
      if (await listen(client, path, options, textOf)) return;
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof Unreachable) && !(error instanceof TypeError) && !(error instanceof DOMException))
        throw error;
    }
    const now = performance.now();
    // A connection that held for a while had found the platform again.
    if (now - beganAt > followBounds.retryLastMs) lostAt = undefined;
    lostAt ??= now;
    if (now - lostAt > followBounds.outageMsMax)
      throw failed('lost the platform', `what was said is in the transcript: ./crucible show ${id}`);
    await pause(followBounds.retryFirstMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
};
