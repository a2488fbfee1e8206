import { liveReplyPath } from '../api.ts';
import type { LiveMessage } from '../live.ts';
import { deltaSchema, LiveReply, resetSchema, waitsSchema, wholeSchema } from '../transcript/live-reply.ts';
import type { Growing, Waiting } from '../transcript/live-reply.ts';
import { Batch } from './batch.ts';
import { follow } from './connection.svelte.ts';

/** The reply that a running trial's subject is giving right now. A platform that streams none has none to show. */
export class LiveReplyStore {
  growing = $state.raw<Growing | null>(null);
  waiting = $state.raw<Waiting | null>(null);
  readonly #reply = new LiveReply();
  readonly #batch = new Batch<LiveMessage>((messages) => this.#take(messages));

  /** @param onWhole told that a reply has gone on record */
  open(evaluationId: string, trialId: string, onWhole: () => void): () => void {
    this.#onWhole = onWhole;
    const unfollow = follow({
      path: liveReplyPath(evaluationId, trialId),
      isPrimary: false,
      onMessage: (message) => this.#batch.add(message),
      onState: (state) => {
        // What was streamed meanwhile is lost: it comes with the transcript.
        if (state === 'live') this.#reply.clear();
        if (state !== 'live') this.#show();
      },
    });
    return () => {
      unfollow();
      this.#batch.clear();
      this.#reply.clear();
      this.#show();
    };
  }

  /** The transcript has the subject's words of this turn. */
  settle(turn: number): void {
    this.#reply.settle(turn);
    this.#show();
  }

  #onWhole: () => void = () => undefined;

  #take(messages: readonly LiveMessage[]): void {
    for (const { event, data } of messages) {
      if (event === 'delta') {
        const delta = deltaSchema.safeParse(data);
        if (delta.success) this.#reply.add(delta.data);
      } else if (event === 'reset') {
        const reset = resetSchema.safeParse(data);
        if (reset.success) this.#reply.reset(reset.data.turn, reset.data.attempt);
      } else if (event === 'waits') {
        const waits = waitsSchema.safeParse(data);
        if (waits.success) this.#reply.wait(waits.data);
      } else if (event === 'whole' && wholeSchema.safeParse(data).success) this.#onWhole();
    }
    this.#show();
  }

  #show(): void {
    this.growing = this.#reply.growing;
    this.waiting = this.#reply.waiting;
  }
}
