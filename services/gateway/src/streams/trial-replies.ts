import type { LiveMessageOf } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import type { LiveReplies } from '@crucible/event-log';
import type { LiveItem } from '@crucible/events';
import type { LivePosition } from '../projection/live-position.ts';
import { endsTrial, isOver } from '../queries/trial-output.ts';
import { sseMessage } from './sse.ts';
import type { SseStream } from './sse.ts';

const dataOf = {
  delta: ({ turn, attempt, kind, after, text }): LiveMessageOf<'delta'> => ({ turn, attempt, kind, after, text }),
  reset: ({ turn, attempt }): LiveMessageOf<'reset'> => ({ turn, attempt }),
  whole: ({ turn }): LiveMessageOf<'whole'> => ({ turn }),
  waits: ({ turn, account }): LiveMessageOf<'waits'> => ({ turn, account }),
} satisfies { [T in LiveItem['type']]: (item: Extract<LiveItem, { type: T }>) => LiveMessageOf<T> };

const messageOf = (item: LiveItem): string => {
  const data = (dataOf[item.type] as (item: LiveItem) => unknown)(item);
  return sseMessage(item.type, JSON.stringify(data));
};

/** What a trial's subject says, while it says it. Nothing of it is kept: who comes late sees what comes from then on. */
export class TrialReplies {
  readonly #replies: Pick<LiveReplies, 'listen'>;
  readonly #live: LivePosition;

  constructor(replies: Pick<LiveReplies, 'listen'>, live: LivePosition) {
    this.#replies = replies;
    this.#live = live;
  }

  /** Until the trial has ended or the client has gone. @param find the trial as the read model has it now */
  async follow(stream: SseStream, find: () => Promise<TrialView>): Promise<void> {
    const { evaluationId, id: trialId } = await find();
    const place = { evaluationId, trialId };
    const over = Promise.withResolvers<void>();
    const leaves = [
      this.#replies.listen(place, ({ items }) => {
        for (const item of items) stream.write(messageOf(item));
      }),
      this.#live.subscribe((events) => {
        if (events.some((stored) => endsTrial(stored, place))) over.resolve();
      }),
    ];
    stream.signal.addEventListener('abort', () => over.resolve(), { once: true });
    try {
      // Listening comes before the question whether it is over: its end cannot fall between the two.
      if (!stream.signal.aborted && !isOver(await find())) await over.promise;
    } finally {
      for (const leave of leaves) leave();
    }
    stream.write(sseMessage('end', '{}'));
    stream.end();
  }
}
