import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { approvalListQuerySchema, approvalListSchema, callListQuerySchema, callListSchema } from './call-contract.ts';
import { recordPageSchema, kernelQuerySchema } from './evidence-contract.ts';
import { json, operation, refusals, trialPath } from './openapi-parts.ts';

/** Of conversations: what was called, what was said, what waits for somebody. */
export const callPaths: ZodOpenApiPathsObject = {
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
