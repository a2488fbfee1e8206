import {
  acceptedSchema,
  acknowledgedSchema,
  alertListSchema,
  approvalListSchema,
  callListSchema,
  deadLetterListSchema,
  evaluationAnswerSchema,
  evaluationListSchema,
  evaluationSnapshotSchema,
  eventAnswerSchema,
  eventListSchema,
  historyPageSchema,
  modelListSchema,
  outputPageSchema,
  platformSchema,
  problemSchema,
  recordPageSchema,
  sessionSchema,
  stopAnswerSchema,
  stopListSchema,
  suiteListSchema,
  trialAnswerSchema,
  trialCommandAcceptedSchema,
} from '@crucible/api';
import type {
  Accepted,
  Acknowledged,
  AlertList,
  ApprovalList,
  CallList,
  DeadLetterList,
  EvaluationAnswer,
  EvaluationList,
  EvaluationSnapshot,
  EventAnswer,
  EventList,
  EventListQuery,
  HistoryPage,
  ModelList,
  OutputPage,
  Platform,
  Problem,
  RecordPage,
  Session,
  StopAnswer,
  StopList,
  SubmitRequest,
  SuiteList,
  TrialAnswer,
  TrialCommandAccepted,
} from '@crucible/api';
import type { EvaluationStatus } from '@crucible/domain';
import type { StopScope } from '@crucible/events';
import { ApiProblem } from './problem.ts';

const root = '/api/v1';
const requestMsMax = 30_000;

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { message: string } };
}

/** For answers of which only the arrival matters. */
const anythingSchema: Schema<unknown> = { safeParse: (data) => ({ success: true, data }) };

/** Told of every 401, so that one place can say how to sign in again. */
let onSignedOut: () => void = () => undefined;
export const whenSignedOut = (tell: () => void): void => {
  onSignedOut = tell;
};

const problem = (status: number, title: string, detail: string): ApiProblem =>
  new ApiProblem({ type: 'about:blank', status, title, detail });

const problemOf = async (answer: Response): Promise<ApiProblem> => {
  const parsed = problemSchema.safeParse(await answer.json().catch(() => null));
  if (parsed.success) return new ApiProblem(parsed.data as Problem);
  return problem(
    answer.status,
    `Status ${answer.status}`,
    `The platform answered with status ${answer.status} and no explanation.`,
  );
};

/** @throws ApiProblem for every refusal, an unreachable platform, and an answer that is not of the contract */
const request = async <T>(schema: Schema<T>, path: string, init: RequestInit = {}): Promise<T> => {
  let answer: Response;
  try {
    answer = await fetch(`${root}${path}`, {
      ...init,
      credentials: 'same-origin',
      signal: AbortSignal.any([AbortSignal.timeout(requestMsMax), ...(init.signal ? [init.signal] : [])]),
      headers: { accept: 'application/json', 'x-crucible-request': '1', ...init.headers },
    });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw problem(0, 'No answer', 'The platform did not answer. It may be starting, or down: ./crucible status tells.');
  }
  if (answer.status === 401) onSignedOut();
  if (!answer.ok) throw await problemOf(answer);
  const parsed = schema.safeParse(await answer.json().catch(() => null));
  if (!parsed.success)
    throw problem(
      answer.status,
      'Unreadable answer',
      'The platform is of another version than this page. Reload the page.',
    );
  return parsed.data;
};

const query = (values: Readonly<Record<string, string | number | null | undefined>>): string => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
};

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

export interface EvaluationFilter {
  readonly status: EvaluationStatus | null;
  readonly suite: string | null;
  /** Name of a model. */
  readonly model: string | null;
}

export const listEvaluations = (
  filter: EvaluationFilter,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<EvaluationList> =>
  request(evaluationListSchema, `/evaluations${query({ ...filter, cursor, limit: 50 })}`, signal ? { signal } : {});

/** Waits, bounded by the gateway, until the read model holds `position`. */
export const getEvaluation = (id: string, position?: number): Promise<EvaluationAnswer> =>
  request(evaluationAnswerSchema, `/evaluations/${encodeURIComponent(id)}${query({ position })}`);

export const getTrial = (evaluationId: string, trialId: string, signal: AbortSignal): Promise<TrialAnswer> =>
  request(trialAnswerSchema, `/evaluations/${encodeURIComponent(evaluationId)}/trials/${encodeURIComponent(trialId)}`, {
    signal,
  });

const outputPath = (evaluationId: string, trialId: string): string =>
  `/evaluations/${encodeURIComponent(evaluationId)}/trials/${encodeURIComponent(trialId)}/output`;

export const getOutput = (
  evaluationId: string,
  trialId: string,
  range: { readonly after: number; readonly limit: number },
  signal: AbortSignal,
): Promise<OutputPage> => request(outputPageSchema, `${outputPath(evaluationId, trialId)}${query(range)}`, { signal });

const trialPath = (evaluationId: string, trialId: string, part: string): string =>
  `/evaluations/${encodeURIComponent(evaluationId)}/trials/${encodeURIComponent(trialId)}/${part}`;

type RecordRange = Readonly<{
  after?: number;
  before?: number;
  around?: number;
  from?: number;
  limit: number;
  kind?: string;
}>;

/** Records of what the sandbox's kernel saw, of what was said, or of what the sandbox used, ascending by `n`. */
export const getRecords = (
  channel: 'kernel' | 'transcript' | 'usage',
  evaluationId: string,
  trialId: string,
  range: RecordRange,
  signal: AbortSignal,
): Promise<RecordPage> =>
  request(recordPageSchema, `${trialPath(evaluationId, trialId, channel)}${query(range)}`, { signal });

/** Calls of a stretch of turns to models and tools, in their order. */
export const getCalls = (
  evaluationId: string,
  trialId: string,
  range: Readonly<{ fromTurn: number; toTurn: number; after: number; limit: number }>,
  signal: AbortSignal,
): Promise<CallList> =>
  request(callListSchema, `${trialPath(evaluationId, trialId, 'calls')}${query(range)}`, { signal });

/** Where a reply is streamed while it is given. */
export const liveReplyPath = (evaluationId: string, trialId: string): string =>
  `${root}${trialPath(evaluationId, trialId, 'live')}`;

export type TrialCommand = 'pause' | 'resume' | 'terminate';
export const commandTrial = (
  evaluationId: string,
  trialId: string,
  command: TrialCommand,
  reason: string,
): Promise<TrialCommandAccepted> =>
  request(trialCommandAcceptedSchema, trialPath(evaluationId, trialId, command), json({ reason }));

export const sendMessage = (evaluationId: string, trialId: string, content: string): Promise<TrialCommandAccepted> =>
  request(trialCommandAcceptedSchema, trialPath(evaluationId, trialId, 'messages'), json({ content }));

/** Tool calls that wait for a person, the oldest first. */
export const listApprovals = (): Promise<ApprovalList> => request(approvalListSchema, '/approvals');

export type ApprovalAnswer = Readonly<{
  decision: 'approve' | 'modify' | 'reject' | 'terminate';
  /** For modify: the arguments to run, as JSON. */
  inputText?: string;
  reason: string;
}>;
export const decideApproval = (
  evaluationId: string,
  trialId: string,
  approvalId: string,
  answer: ApprovalAnswer,
): Promise<TrialCommandAccepted> =>
  request(
    trialCommandAcceptedSchema,
    trialPath(evaluationId, trialId, `approvals/${encodeURIComponent(approvalId)}`),
    json(answer),
  );

export const outputStreamPath = (evaluationId: string, trialId: string): string =>
  `${root}${outputPath(evaluationId, trialId)}/stream`;
export const outputTextPath = (evaluationId: string, trialId: string): string =>
  `${root}${outputPath(evaluationId, trialId)}.txt`;
export const evaluationStreamPath = (id: string): string => `${root}/evaluations/${encodeURIComponent(id)}/stream`;
export const listStreamPath = `${root}/stream`;

/** @param body the request as JSON, kept as text so that a repeat under the same key is the same to the byte */
export const submit = (body: string, idempotencyKey: string): Promise<Accepted> => {
  const init = json(body);
  return request(acceptedSchema, '/evaluations', {
    ...init,
    headers: { ...init.headers, 'idempotency-key': idempotencyKey },
  });
};
export type { SubmitRequest };

export const cancelEvaluation = (id: string, reason: string): Promise<Accepted> =>
  request(acceptedSchema, `/evaluations/${encodeURIComponent(id)}/cancel`, json({ reason }));

export const listSuites = (): Promise<SuiteList> => request(suiteListSchema, '/suites');
export const listModels = (): Promise<ModelList> => request(modelListSchema, '/models');
export const getPlatform = (): Promise<Platform> => request(platformSchema, '/platform');

/** The evaluation as it was at a position of the log. */
export const getSnapshot = (id: string, at: number, signal: AbortSignal): Promise<EvaluationSnapshot> =>
  request(evaluationSnapshotSchema, `/evaluations/${encodeURIComponent(id)}/snapshot${query({ at })}`, { signal });

/** The evaluation with all of its trials, as it is. */
export const getSnapshotNow = (id: string, signal: AbortSignal): Promise<EvaluationSnapshot> =>
  request(evaluationSnapshotSchema, `/evaluations/${encodeURIComponent(id)}/snapshot`, { signal });

const historyItemsMax = 2_000;
/** Events of one evaluation behind position `after`, oldest first. */
export const getHistory = (id: string, after: number, signal: AbortSignal): Promise<HistoryPage> =>
  request(
    historyPageSchema,
    `/evaluations/${encodeURIComponent(id)}/events${query({ after, limit: historyItemsMax })}`,
    { signal },
  );

export const listEvents = (wanted: Partial<EventListQuery>, signal?: AbortSignal): Promise<EventList> =>
  request(eventListSchema, `/events${query(wanted)}`, signal ? { signal } : {});
export const getEvent = (position: number, signal: AbortSignal): Promise<EventAnswer> =>
  request(eventAnswerSchema, `/events/${position}`, { signal });

export const listDeadLetters = (limit: number): Promise<DeadLetterList> =>
  request(deadLetterListSchema, `/dead-letters${query({ limit })}`);
/** Asks for a dead letter to be handled once more. */
export const redrive = (id: string): Promise<unknown> =>
  request(anythingSchema, `/dead-letters/${encodeURIComponent(id)}/redrive`, json({}));

export const getSession = (): Promise<Session> => request(sessionSchema, '/session');

export const listStops = (): Promise<StopList> => request(stopListSchema, '/stops');
export const engageStop = (scope: StopScope, reason: string): Promise<StopAnswer> =>
  request(stopAnswerSchema, '/stops', json({ scope, reason }));
export const releaseStop = (id: string, reason: string): Promise<StopAnswer> =>
  request(stopAnswerSchema, `/stops/${encodeURIComponent(id)}/release`, json({ reason }));

export interface AlertFilter {
  readonly severity: string | null;
  readonly capability: string | null;
  readonly acknowledged: string | null;
  readonly evaluation: string | null;
  readonly trial?: string | null;
}
export const listAlerts = (
  filter: AlertFilter,
  range: { readonly limit: number; readonly cursor?: string | null },
  signal?: AbortSignal,
): Promise<AlertList> => request(alertListSchema, `/alerts${query({ ...filter, ...range })}`, signal ? { signal } : {});
export const acknowledgeAlert = (id: string, note: string): Promise<Acknowledged> =>
  request(acknowledgedSchema, `/alerts/${encodeURIComponent(id)}/acknowledge`, json({ note }));

/** Addresses that the browser itself downloads from. */
export const exportPath = (evaluationId: string | null = null): string =>
  `/audit/export${query({ purpose: 'export', evaluation: evaluationId })}`;
export const proofPath = (position: number): string => `/audit/proof/${position}`;
