import {
  acceptedSchema,
  evaluationAnswerSchema,
  evaluationListSchema,
  loginLinkSchema,
  outputPageSchema,
  trialAnswerSchema,
  trialListSchema,
} from '@crucible/api';
import type {
  Accepted,
  EvaluationAnswer,
  EvaluationList,
  OutputChunk,
  SubmitRequest,
  TrialAnswer,
} from '@crucible/api';
import type { EvaluationView, TrialView } from '@crucible/domain';
import { Unreachable } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { misuse } from './failure.ts';

const ROOT = '/api/v1/evaluations';
const SUBMIT_ATTEMPTS_MAX = 5;
const LIST_PAGES_MAX = 40;
const PAGE_ITEMS = 500;

/**
 * Submits once, however often it has to ask: the key makes a repeated request the same submission.
 * @param pauseMs waits between attempts
 */
export const submit = async (
  client: ApiClient,
  request: SubmitRequest,
  idempotencyKey: string,
  pauseMs: (ms: number) => Promise<void>,
): Promise<Accepted> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.post(ROOT, request, acceptedSchema, { 'idempotency-key': idempotencyKey });
    } catch (error) {
      if (!(error instanceof Unreachable) || attempt === SUBMIT_ATTEMPTS_MAX) throw error;
      await pauseMs(250 * 2 ** attempt);
    }
  }
};

/** One evaluation as the read model has it, at or after `position` when that is given. */
export const getEvaluation = (client: ApiClient, id: string, position?: number): Promise<EvaluationAnswer> =>
  client.get(`${ROOT}/${id}`, evaluationAnswerSchema, { position });

export interface ListFilter {
  readonly status?: string | undefined;
  readonly suite?: string | undefined;
  readonly model?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  /** As it was at this position of the log. */
  readonly at?: number | undefined;
}
export const listEvaluations = (client: ApiClient, filter: ListFilter = {}): Promise<EvaluationList> =>
  client.get(ROOT, evaluationListSchema, { ...filter });

export const getTrial = (client: ApiClient, id: string, trialId: string, at?: number): Promise<TrialAnswer> =>
  client.get(`${ROOT}/${id}/trials/${trialId}`, trialAnswerSchema, { at });

/** All trials of an evaluation in order, page by page, however many there are. */
export async function* eachTrial(client: ApiClient, id: string): AsyncGenerator<TrialView> {
  let cursor: string | undefined;
  do {
    const page: { items: TrialView[]; nextCursor: string | null } = await client.get(
      `${ROOT}/${id}/trials`,
      trialListSchema,
      { limit: PAGE_ITEMS, cursor },
    );
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** All trials of an evaluation in order, at most 20,000. */
export const listTrials = async (client: ApiClient, id: string): Promise<TrialView[]> => {
  const trials: TrialView[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < LIST_PAGES_MAX; page += 1) {
    const answer = await client.get(`${ROOT}/${id}/trials`, trialListSchema, { limit: PAGE_ITEMS, cursor });
    trials.push(...answer.items);
    if (answer.nextCursor === null) break;
    cursor = answer.nextCursor;
  }
  return trials;
};

/** What a trial printed, in order. Its bytes are hostile. */
export async function* outputOf(client: ApiClient, id: string, trialId: string): AsyncGenerator<OutputChunk> {
  let after: number | null = 0;
  while (after !== null) {
    const page: { chunks: OutputChunk[]; next: number | null } = await client.get(
      `${ROOT}/${id}/trials/${trialId}/output`,
      outputPageSchema,
      { after, limit: 1_000 },
    );
    yield* page.chunks;
    after = page.next;
  }
}

export const cancel = (client: ApiClient, id: string, reason: string | undefined): Promise<Accepted> =>
  client.post(`${ROOT}/${id}/cancel`, reason === undefined ? {} : { reason }, acceptedSchema);

/** Asks for evidence to be erased: of one trial, or of all when `trial` is undefined. */
export const eraseEvidence = (
  client: ApiClient,
  id: string,
  trial: string | undefined,
  reason: string,
): Promise<Accepted> =>
  client.post(`${ROOT}/${id}/evidence/erase`, { reason, ...(trial === undefined ? {} : { trial }) }, acceptedSchema);

/** A link that opens the UI once, without a password. */
export const loginLink = async (client: ApiClient): Promise<string> => {
  const { url } = await client.post('/api/v1/login-links', {}, loginLinkSchema);
  return client.address(url).href;
};

const FULL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PREFIX = /^[0-9a-f][0-9a-f-]{3,35}$/;
const SHOWN_MAX = 5;

/** How much of an id lists show: the whole time stamp, so two evaluations of one minute still differ. */
export const shortId = (id: string): string => id.slice(0, 13);

/**
 * The evaluation that a person means by an id or the beginning of one.
 * @throws UsageFailure when there is none or more than one
 */
export const resolveId = async (client: ApiClient, given: string): Promise<string> => {
  const prefix = given.trim().toLowerCase();
  if (FULL_ID.test(prefix)) return prefix;
  if (!PREFIX.test(prefix)) {
    throw misuse(
      'that is not an evaluation id: give an id or at least its first 4 characters',
      './crucible list shows the ids',
    );
  }
  const found: EvaluationView[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < LIST_PAGES_MAX && found.length <= SHOWN_MAX; page += 1) {
    const list = await listEvaluations(client, { limit: PAGE_ITEMS, cursor });
    found.push(...list.items.filter(({ id }) => id.startsWith(prefix)));
    if (list.nextCursor === null) break;
    cursor = list.nextCursor;
  }
  const [only] = found;
  if (only === undefined) throw misuse(`no evaluation id begins with ${prefix}`, './crucible list shows the ids');
  if (found.length === 1) return only.id;
  const shown = found.slice(0, SHOWN_MAX).map(({ id }) => `\n  ${id}`);
  throw misuse(`more than one evaluation id begins with ${prefix}:${shown.join('')}`, 'give more characters');
};
