import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import {
  acknowledgedSchema,
  acknowledgeRequestSchema,
  alertAnswerSchema,
  alertIdSchema,
  alertListQuerySchema,
  alertListSchema,
  ruleListSchema,
} from './alert-contract.ts';
import { kernelQuerySchema, recordPageSchema, usageQuerySchema } from './evidence-contract.ts';
import { momentQuerySchema } from './log-contract.ts';
import { listRefusals } from './openapi-history.ts';
import { body, json, operation, refusals, trialPath } from './openapi-parts.ts';

const path = z.object({ id: alertIdSchema });

export const alertPaths: ZodOpenApiPathsObject = {
  '/api/v1/alerts': {
    get: operation('alerts', 'listAlerts', 'Safety findings, newest first', {
      description: 'Of the caller’s team. Texts in them were chosen by the programs under test.',
      requestParams: { query: alertListQuerySchema },
      responses: { 200: json('One page.', alertListSchema), ...listRefusals },
    }),
  },
  '/api/v1/alerts/{id}': {
    get: operation('alerts', 'getAlert', 'One alert with the evidence it rests on', {
      requestParams: { path, query: momentQuerySchema },
      responses: { 200: json('The alert.', alertAnswerSchema), ...listRefusals, ...refusals(404) },
    }),
  },
  '/api/v1/alerts/{id}/acknowledge': {
    post: operation('alerts', 'acknowledgeAlert', 'Say that somebody looked at an alert, and what they found', {
      requestParams: { path },
      requestBody: body(acknowledgeRequestSchema),
      responses: {
        202: json('Accepted: written to the log at `position`.', acknowledgedSchema),
        ...refusals(400, 403, 404, 409, 503),
      },
    }),
  },
  '/api/v1/rules': {
    get: operation('alerts', 'listRules', 'The detectors’ rules that each executor loaded last', {
      responses: { 200: json('By executor.', ruleListSchema), ...refusals() },
    }),
  },
};

const recorded = 'Who reads is written into the log first. Strings were chosen by the program under test.';

export const evidencePaths: ZodOpenApiPathsObject = {
  '/api/v1/evaluations/{id}/trials/{trialId}/kernel': {
    get: operation('trials', 'getKernel', 'What a trial’s sandbox asked of its kernel, as seen from outside', {
      description: `Record 0 is what the sandbox was found to be before its program began. ${recorded}`,
      requestParams: { path: trialPath, query: kernelQuerySchema },
      responses: { 200: json('One page of records.', recordPageSchema), ...refusals(400, 404, 410, 503) },
    }),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/usage': {
    get: operation('trials', 'getUsage', 'What a trial’s sandbox used, second by second', {
      description: `Totals of processor time in microseconds, else what was in use at the time. ${recorded}`,
      requestParams: { path: trialPath, query: usageQuerySchema },
      responses: { 200: json('One page of samples.', recordPageSchema), ...refusals(400, 404, 410, 503) },
    }),
  },
};
