import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { params, problemSchema } from './contract.ts';

export const evaluationPath = z.object({ id: params.evaluationId.describe('Id of the evaluation.') });
export const trialPath = evaluationPath.extend({
  trialId: params.trialId.describe('Sample index (from 0), epoch and attempt (from 1).').meta({ example: '0-1-1' }),
});
export const resume = {
  header: z.object({
    'Last-Event-ID': z.string().regex(/^\d+$/).optional().describe('Go on behind this position, without a snapshot.'),
  }),
  query: z.object({
    after: z.string().regex(/^\d+$/).optional().describe('The same for clients that cannot set headers.'),
  }),
};

export const json = (description: string, schema: z.ZodType): ZodOpenApiResponseObject => ({
  description,
  content: { 'application/json': { schema } },
});
export const events = (description: string): ZodOpenApiResponseObject => ({
  description,
  content: { 'text/event-stream': { schema: z.string() } },
});

const problems: Readonly<Record<number, string>> = {
  400: 'The request does not fit its schema; `errors` names every wrong field.',
  401: 'No token, a wrong one, or a session that has ended.',
  403: 'A change by cookie without the header X-Crucible-Request.',
  404: 'There is no such thing, or the caller may not see it.',
  409: 'The state of things does not allow it; `detail` says why.',
  410: 'What is asked for was there and is not kept any more; `detail` says why.',
  413: 'The request or the suite is too large.',
  422: 'The Idempotency-Key was used for another request, the named suite has mistakes, or it asks for what is not there; `errors` names the fields.',
  503: 'The event log cannot be reached just now; nothing was changed, and nothing is shown that could not be recorded.',
};
export const refusals = (...statuses: readonly number[]): Record<string, ZodOpenApiResponseObject> =>
  Object.fromEntries(
    [401, ...statuses].map((status) => [
      String(status),
      { description: problems[status] ?? '', content: { 'application/problem+json': { schema: problemSchema } } },
    ]),
  );
export const body = (schema: z.ZodType): NonNullable<ZodOpenApiOperationObject['requestBody']> => ({
  required: true,
  content: { 'application/json': { schema } },
});

export const operation = (
  tag: string,
  operationId: string,
  summary: string,
  rest: Omit<ZodOpenApiOperationObject, 'tags'>,
): ZodOpenApiOperationObject => ({
  tags: [tag],
  operationId,
  summary,
  ...rest,
});
