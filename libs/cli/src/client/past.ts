import { evaluationSnapshotSchema, eventAnswerSchema, eventListSchema, historyPageSchema } from '@crucible/api';
import type { EvaluationSnapshot, EventAnswer, EventList, HistoryPage } from '@crucible/api';
import { decodeJson } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';
import type { ApiClient } from './api-client.ts';
import { misuse } from './failure.ts';
import { safe } from './text.ts';

const EVENTS_ASKED = 1_000;

/** An event of an evaluation's past; null where its stored bytes are no event we know. */
export interface PastEvent {
  readonly position: number;
  readonly event: CrucibleEvent | null;
}

/** @throws UsageFailure unless it is a position of a log */
export const parsePosition = (text: string, option: string): number => {
  if (/^\d{1,15}$/.test(text) && Number(text) >= 1) return Number(text);
  throw misuse(`${option} ${safe(text, 40)}: must be a position of the log, a whole number from 1 on`);
};

/** An evaluation with its trials, as they are or as they were at a position. */
export const getSnapshot = (client: ApiClient, id: string, at?: number): Promise<EvaluationSnapshot> =>
  client.get(`/api/v1/evaluations/${id}/snapshot`, evaluationSnapshotSchema, { at });

/** An evaluation's events, oldest first, up to the end there is when the last of them is asked for. */
export async function* historyOf(client: ApiClient, id: string): AsyncGenerator<PastEvent> {
  let after: number | null = 0;
  while (after !== null) {
    const asked = { after, limit: EVENTS_ASKED };
    const page: HistoryPage = await client.get(`/api/v1/evaluations/${id}/events`, historyPageSchema, asked);
    for (const { position, event } of page.items) {
      const decoded = event === null ? undefined : decodeJson(event);
      yield { position, event: decoded?.ok === true ? decoded.event : null };
    }
    after = page.next;
  }
}

export interface EventFilter {
  readonly type?: string | undefined;
  readonly actor?: string | undefined;
  readonly evaluation?: string | undefined;
  readonly trial?: string | undefined;
  readonly id?: string | undefined;
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
  readonly limit?: number | undefined;
  /** Waited for, at most 5 s; the platform refuses with 409 when it does not come. */
  readonly position?: number | undefined;
}
export const listEvents = (client: ApiClient, filter: EventFilter, signal?: AbortSignal): Promise<EventList> =>
  client.get('/api/v1/events', eventListSchema, { ...filter }, signal);

/** One event with its stored bytes. */
export const getEvent = (client: ApiClient, position: number): Promise<EventAnswer> =>
  client.get(`/api/v1/events/${position}`, eventAnswerSchema);

/** Time of the last thing a snapshot tells of, in milliseconds since 1970: "now", as it was then. */
export const momentMs = ({ evaluation, trials }: Pick<EvaluationSnapshot, 'evaluation' | 'trials'>): number => {
  let latest = Date.parse(evaluation.submittedAt);
  const see = (time: string | null): void => {
    if (time !== null) latest = Math.max(latest, Date.parse(time));
  };
  see(evaluation.startedAt);
  see(evaluation.endedAt);
  for (const { dispatchedAt, startedAt, finishedAt } of trials) [dispatchedAt, startedAt, finishedAt].forEach(see);
  return latest;
};
