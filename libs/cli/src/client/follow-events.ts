import type { EventSummary } from '@crucible/api';
import { Refusal, Unreachable } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { failed } from './failure.ts';
import { followBounds } from './follow.ts';
import { listEvents } from './past.ts';
import type { EventFilter } from './past.ts';

const PAGE_EVENTS = 1_000;

export interface FollowEvents {
  /** Position behind which to begin. */
  readonly after: number;
  readonly signal: AbortSignal;
  readonly pause: (ms: number) => Promise<void>;
  readonly onEvents: (events: readonly EventSummary[]) => void;
  readonly onTrouble: (message: string) => void;
}

/** Nothing happened within the time that the platform waits for it. */
const isStill = (error: unknown): boolean => error instanceof Refusal && error.status === 409;
const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Refusal && error.status >= 500);

/**
 * Every event behind a position that a filter lets through, as it comes, through lost connections, until the signal.
 * @throws Refusal when the platform says no; Error when it stayed away too long
 */
export const followEvents = async (client: ApiClient, filter: EventFilter, options: FollowEvents): Promise<void> => {
  let { after } = options;
  let lostAt: number | undefined;
  let retryMs: number = followBounds.retryFirstMs;
  while (!options.signal.aborted) {
    try {
      const asked = { ...filter, after, order: 'asc', limit: PAGE_EVENTS, position: after + 1 } as const;
      const { items, position } = await listEvents(client, asked, options.signal);
      if (items.length > 0) options.onEvents(items);
      // A page that is not full reaches as far as the read model does, also where nothing was let through.
      after = items.length === PAGE_EVENTS ? (items.at(-1)?.position ?? after) : Math.max(after, position);
    } catch (error) {
      if (options.signal.aborted) return;
      if (!isStill(error)) {
        if (!isPassing(error)) throw error;
        const message = (error as Error).message;
        lostAt ??= performance.now();
        if (performance.now() - lostAt > followBounds.outageMsMax)
          throw failed(`lost the platform: ${message}`, './crucible status shows what is up', error);
        options.onTrouble(message);
        await options.pause(retryMs);
        retryMs = Math.min(followBounds.retryLastMs, retryMs * 2);
        continue;
      }
    }
    lostAt = undefined;
    retryMs = followBounds.retryFirstMs;
  }
};
