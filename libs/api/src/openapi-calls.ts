import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { uuidSchema } from '@crucible/events';
import type { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import {
  approvalListQuerySchema,
  approvalListSchema,
  callListQuerySchema,
  callListSchema,
  decisionRequestSchema,
  sendMessageRequestSchema,
  trialCommandAcceptedSchema,
  trialReasonRequestSchema,
} from './call-contract.ts';
import { recordPageSchema, kernelQuerySchema } from './evidence-contract.ts';
import { body, json, operation, refusals, trialPath } from './openapi-parts.ts';

const command = (id: string, summary: string, request: z.ZodType, path = trialPath): ZodOpenApiOperationObject =>
  operation('trials', id, summary, {
    requestParams: { path },
    requestBody: body(request),
    responses: {
      202: json('Accepted: written to the log at `position`.', trialCommandAcceptedSchema),
      ...refusals(400, 403, 404, 409, 413, 503),
    },
  });

/** What people ask of a running trial of a model or an agent. */
const commandPaths: ZodOpenApiPathsObject = {
  '/api/v1/evaluations/{id}/trials/{trialId}/pause': {
    post: command('pauseTrial', 'Hold a trial before its next turn', trialReasonRequestSchema),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/resume': {
    post: command('resumeTrial', 'Let a paused trial go on', trialReasonRequestSchema),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/terminate': {
    post: command('terminateTrial', 'End one running trial', trialReasonRequestSchema),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/messages': {
    post: command('sendMessage', 'Say something to a running subject', sendMessageRequestSchema),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/approvals/{approvalId}': {
    post: command(
      'decideApproval',
      'Decide on a tool call that waits; the first decision counts',
      decisionRequestSchema,
      trialPath.extend({ approvalId: uuidSchema }),
    ),
  },
};

/** Of conversations: what was called, what was said, what waits for somebody. */
export const callPaths: ZodOpenApiPathsObject = {
  ...commandPaths,
  '/api/v1/evaluations/{id}/trials/{trialId}/calls': {
    get: operation('trials', 'listCalls', 'What a trial called: models and tools, in their order', {
      description: 'Names of tools were chosen by the model under test: show them as text only.',
      requestParams: { path: trialPath, query: callListQuerySchema },
      responses: { 200: json('One page.', callListSchema), ...refusals(400, 404, 503) },
    }),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/transcript': {
    get: operation('trials', 'getTranscript', 'What was said in a trial, message by message', {
      description:
        'Who reads is written into the log first. Text in it was chosen by models, sandboxes and datasets: show it as text only.',
      requestParams: { path: trialPath, query: kernelQuerySchema },
      responses: { 200: json('One page of records.', recordPageSchema), ...refusals(400, 404, 410, 503) },
    }),
  },
  '/api/v1/approvals': {
    get: operation('trials', 'listApprovals', 'Tool calls that wait for a person, oldest first', {
      description: 'Of the caller’s team. Tools and arguments were chosen by the models under test.',
      requestParams: { query: approvalListQuerySchema },
      responses: { 200: json('All that wait, of at most 500 trials.', approvalListSchema), ...refusals(400, 503) },
    }),
  },
};
