import {
  acceptedSchema,
  evaluationAnswerSchema,
  evaluationListSchema,
  platformSchema,
  problemSchema,
  trialListSchema,
} from '@crucible/api';
import type { Accepted, EvaluationList, Platform, Problem, SubmitRequest } from '@crucible/api';
import type { EvaluationView, TrialView } from '@crucible/domain';
import { platform } from './facts.ts';
import { waitFor } from './wait.ts';

/** A request with the platform's token. The answer is given as it is, whatever its status. */
export const request = (path: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> =>
  fetch(new URL(path, platform().url), {
    signal: AbortSignal.timeout(60_000),
    ...init,
    headers: { authorization: `Bearer ${platform().token}`, ...(init.headers as Record<string, string>) },
  });

export const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });

const accepted = async (response: Response, status: number): Promise<unknown> => {
  if (response.status !== status) throw new Error(`${response.status} from ${response.url}: ${await response.text()}`);
  return response.json();
};

const get = async (path: string): Promise<unknown> => accepted(await request(path), 200);

export const problemOf = async (response: Response): Promise<Problem> => {
  if (!response.headers.get('content-type')?.startsWith('application/problem+json')) {
    throw new Error(`${response.status} without a problem: ${(await response.text()).slice(0, 500)}`);
  }
  return problemSchema.parse(await response.json());
};

export const submit = async (body: SubmitRequest, headers: Readonly<Record<string, string>> = {}): Promise<Accepted> =>
  acceptedSchema.parse(await accepted(await post('/api/v1/evaluations', body, headers), 202));

export const cancel = (id: string, reason = 'no more of it'): Promise<Response> =>
  post(`/api/v1/evaluations/${id}/cancel`, { reason });

/** One evaluation, at or behind `position` in the log where that is given. */
export const evaluationOf = async (id: string, position = 0): Promise<EvaluationView> =>
  evaluationAnswerSchema.parse(await get(`/api/v1/evaluations/${id}?position=${position}`)).evaluation;

/** All trials of an evaluation, page by page. */
export const trialsOf = async (id: string, pageItems = 500): Promise<TrialView[]> => {
  const trials: TrialView[] = [];
  for (let cursor = ''; ;) {
    const page = trialListSchema.parse(await get(`/api/v1/evaluations/${id}/trials?limit=${pageItems}${cursor}`));
    trials.push(...page.items);
    if (page.nextCursor === null) return trials;
    cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
};

export const listOf = async (query = ''): Promise<EvaluationList> =>
  evaluationListSchema.parse(await get(`/api/v1/evaluations${query}`));

export const platformAnswer = async (): Promise<Platform> => platformSchema.parse(await get('/api/v1/platform'));

const ended = new Set(['completed', 'cancelled']);

/** Waits until an evaluation has ended, through a gateway that is away for a while. */
export const endOf = (id: string, timeoutMs = 90_000): Promise<EvaluationView> =>
  waitFor(
    `evaluation ${id} to end`,
    async () => {
      const view = await evaluationOf(id);
      return ended.has(view.status) && view;
    },
    timeoutMs,
    200,
  );

/** What a trial printed, as the download gives it. */
export const outputOf = async (id: string, trialId: string): Promise<{ bytes: Buffer; headers: Headers }> => {
  const response = await request(`/api/v1/evaluations/${id}/trials/${trialId}/output.txt`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return { bytes: Buffer.from(await response.arrayBuffer()), headers: response.headers };
};
