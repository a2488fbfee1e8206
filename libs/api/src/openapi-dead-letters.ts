import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import {
  deadLetterIdSchema,
  deadLetterListQuerySchema,
  deadLetterListSchema,
  deadLetterSchema,
  redriveAcceptedSchema,
} from './log-contract.ts';
import { json, operation, refusals } from './openapi-parts.ts';

const path = z.object({ id: deadLetterIdSchema });

export const deadLetterPaths: ZodOpenApiPathsObject = {
  '/api/v1/dead-letters': {
    get: operation('log', 'listDeadLetters', 'Messages that a consumer could not handle, newest first', {
      description: 'Each was put aside on the record, so that what came after it was not held up.',
      requestParams: { query: deadLetterListQuerySchema },
      responses: { 200: json('Dead letters.', deadLetterListSchema), ...refusals(400) },
    }),
  },
  '/api/v1/dead-letters/{id}': {
    get: operation('log', 'getDeadLetter', 'One dead letter', {
      requestParams: { path },
      responses: { 200: json('The dead letter.', deadLetterSchema), ...refusals(400, 404) },
    }),
  },
  '/api/v1/dead-letters/{id}/redrive': {
    post: operation('log', 'redriveDeadLetter', 'Have a dead letter handled once more', {
      description:
        'Its service reads the message at its place again and hands it to the same consumer. What becomes of it shows in the dead letter: `handled`, or `open` again with the reason.',
      requestParams: { path },
      responses: {
        202: json('Accepted: written to the log at `position`.', redriveAcceptedSchema),
        ...refusals(400, 403, 404, 409, 503),
      },
    }),
  },
};
