import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { listRefusals } from './openapi-history.ts';
import { body, json, operation, refusals } from './openapi-parts.ts';
import {
  engageStopRequestSchema,
  releaseStopRequestSchema,
  stopAnswerSchema,
  stopIdSchema,
  stopListQuerySchema,
  stopListSchema,
} from './stop-contract.ts';

const path = z.object({ id: stopIdSchema.describe('Id of the stop.') });

export const stopPaths: ZodOpenApiPathsObject = {
  '/api/v1/stops': {
    get: operation('stops', 'listStops', 'Emergency stops, newest first', {
      description:
        'With what each executor did about them. Those of the platform, of the caller’s team and of its evaluations.',
      requestParams: { query: stopListQuerySchema },
      responses: { 200: json('One page.', stopListSchema), ...listRefusals },
    }),
    post: operation('stops', 'engageStop', 'Stop an evaluation, a team or the whole platform at once', {
      description:
        'Sandboxes in its scope are killed and no trial of it begins, until it is released. Executors are told before it is written. Needs no read model. A scope that is stopped already is answered with its stop.',
      requestBody: body(engageStopRequestSchema),
      responses: {
        200: json('It was stopped already; executors were told once more.', stopAnswerSchema),
        201: json('Engaged: written to the log at `position`.', stopAnswerSchema),
        ...refusals(400, 403, 404, 409, 503),
      },
    }),
  },
  '/api/v1/stops/{id}/release': {
    post: operation('stops', 'releaseStop', 'Release a stop: what had not begun may begin', {
      description: 'Trials that the stop ended stay ended.',
      requestParams: { path },
      requestBody: body(releaseStopRequestSchema),
      responses: { 200: json('Released.', stopAnswerSchema), ...refusals(400, 403, 404, 409, 503) },
    }),
  },
};
