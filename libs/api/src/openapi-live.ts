import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { liveDeltaSchema, liveResetSchema, liveWaitsSchema, liveWholeSchema } from './evidence-contract.ts';
import { events, operation, refusals, trialPath } from './openapi-parts.ts';

export const liveSchemas = {
  LiveDelta: liveDeltaSchema,
  LiveReset: liveResetSchema,
  LiveWhole: liveWholeSchema,
  LiveWaits: liveWaitsSchema,
};

export const livePaths: ZodOpenApiPathsObject = {
  '/api/v1/evaluations/{id}/trials/{trialId}/live': {
    get: operation('streams', 'streamReplies', 'Follow what a trial\u2019s model says while it says it', {
      description:
        'Server-sent events: `delta` for a piece of a reply (a LiveDelta), `reset` when a reply broke and what was streamed of its turn is void (a LiveReset), `whole` when a reply is on record (a LiveWhole), `waits` while a call waits for its provider (a LiveWaits), then `end` once the trial has finished. Nothing of it is kept, and pieces may be missing: the transcript is the record. Who follows it is recorded as a reader of the transcript. Once a key of the platform stands in a reply, the rest of that reply is withheld.',
      requestParams: { path: trialPath },
      responses: { 200: events('Until the trial has finished or the client leaves.'), ...refusals(400, 404, 410, 503) },
    }),
  },
};
