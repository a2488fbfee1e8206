import { alertViewSchema, evaluationViewSchema, trialViewSchema } from '@crucible/domain';
import { envelopeSchema } from '@crucible/events';
import { suiteSchema } from '@crucible/suite';
import { z } from 'zod';
import { createDocument } from 'zod-openapi';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import {
  acceptedSchema,
  cancelRequestSchema,
  evaluationAnswerSchema,
  evaluationListQuerySchema,
  evaluationListSchema,
  evaluationSnapshotSchema,
  loginLinkSchema,
  outputChunkSchema,
  outputPageSchema,
  outputQuerySchema,
  platformSchema,
  problemSchema,
  sessionSchema,
  submitRequestSchema,
  suiteListSchema,
  trialAnswerSchema,
  trialListQuerySchema,
  trialListSchema,
} from './contract.ts';
import {
  eraseEvidenceRequestSchema,
  eventAnswerSchema,
  eventListSchema,
  historyPageSchema,
  momentQuerySchema,
} from './log-contract.ts';
import { alertListSchema } from './alert-contract.ts';
import { approvalListSchema, callListSchema } from './call-contract.ts';
import { recordPageSchema, recordsMessageSchema, streamChannelsSchema } from './evidence-contract.ts';
import { alertPaths, evidencePaths } from './openapi-alerts.ts';
import { auditPaths } from './openapi-audit.ts';
import { callPaths } from './openapi-calls.ts';
import { deadLetterPaths } from './openapi-dead-letters.ts';
import { imageListSchema } from './image-contract.ts';
import { modelListSchema } from './model-contract.ts';
import { imagePaths } from './openapi-images.ts';
import { modelPaths } from './openapi-models.ts';
import { historyPaths, listRefusals, momentRefusals } from './openapi-history.ts';
import { livePaths, liveSchemas } from './openapi-live.ts';
import { stopPaths } from './openapi-stops.ts';
import { body, evaluationPath, events, json, operation, refusals, resume, trialPath } from './openapi-parts.ts';

const evaluationPaths: ZodOpenApiPathsObject = {
  '/api/v1/evaluations': {
    get: operation('evaluations', 'listEvaluations', 'List evaluations, newest first', {
      requestParams: { query: evaluationListQuerySchema },
      responses: { 200: json('One page.', evaluationListSchema), ...listRefusals },
    }),
    post: operation('evaluations', 'submitEvaluation', 'Submit a suite to be evaluated', {
      description: 'The same Idempotency-Key with the same body is the same evaluation, however often it is sent.',
      requestParams: {
        header: z.object({
          'Idempotency-Key': z.string().min(1).max(200).optional().describe('Visible ASCII without spaces.'),
        }),
      },
      requestBody: body(submitRequestSchema),
      responses: {
        202: json('Accepted: written to the log at `position`.', acceptedSchema),
        ...refusals(400, 403, 404, 409, 413, 422, 503),
      },
    }),
  },
  '/api/v1/evaluations/{id}': {
    get: operation('evaluations', 'getEvaluation', 'One evaluation', {
      requestParams: { path: evaluationPath, query: momentQuerySchema },
      responses: { 200: json('The evaluation.', evaluationAnswerSchema), ...momentRefusals },
    }),
  },
  '/api/v1/evaluations/{id}/cancel': {
    post: operation('evaluations', 'cancelEvaluation', 'End an evaluation: stop what runs, withdraw what waits', {
      requestParams: { path: evaluationPath },
      requestBody: body(cancelRequestSchema),
      responses: { 202: json('It is being cancelled.', acceptedSchema), ...refusals(400, 403, 404, 409, 503) },
    }),
  },
  '/api/v1/evaluations/{id}/evidence/erase': {
    post: operation('evaluations', 'eraseEvidence', 'Erase what trials printed and did, for good', {
      description:
        'Only of what has ended. The request and each erasure are events; results, seals and events stay, and the log still verifies. Evidence that was erased is answered with 410, naming the position of its erasure.',
      requestParams: { path: evaluationPath },
      requestBody: body(eraseEvidenceRequestSchema),
      responses: {
        202: json('It is being erased: the request is in the log at `position`.', acceptedSchema),
        ...refusals(400, 403, 404, 409, 503),
      },
    }),
  },
  '/api/v1/evaluations/{id}/suite': {
    get: operation('evaluations', 'getEvaluationSuite', 'The suite that an evaluation is of, as it was submitted', {
      requestParams: { path: evaluationPath },
      responses: { 200: json('With every sample and file.', suiteSchema), ...refusals(400, 404) },
    }),
  },
  '/api/v1/evaluations/{id}/stream': {
    get: operation('streams', 'streamEvaluation', 'Follow one evaluation', {
      description:
        'Server-sent events. `snapshot` comes first, unless resumed: an EvaluationSnapshot. Then `event` for every later event of this evaluation and its trials: an Event. `id` is the position in the log; a heartbeat comment comes every 15 s.',
      requestParams: { path: evaluationPath, ...resume },
      responses: { 200: events('Until the client leaves.'), ...refusals(400, 404) },
    }),
  },
};

const trialPaths: ZodOpenApiPathsObject = {
  '/api/v1/evaluations/{id}/trials': {
    get: operation('trials', 'listTrials', 'Trials by sample, epoch and attempt', {
      requestParams: { path: evaluationPath, query: trialListQuerySchema },
      responses: { 200: json('One page.', trialListSchema), ...momentRefusals },
    }),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}': {
    get: operation('trials', 'getTrial', 'One trial with its sample', {
      requestParams: { path: trialPath, query: momentQuerySchema },
      responses: { 200: json('The trial.', trialAnswerSchema), ...momentRefusals },
    }),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/output': {
    get: operation('trials', 'getOutput', 'What a trial printed, in chunks', {
      description: 'The bytes were chosen by the program under test: treat them as hostile.',
      requestParams: { path: trialPath, query: outputQuerySchema },
      responses: { 200: json('One page of chunks.', outputPageSchema), ...refusals(400, 404, 410, 503) },
    }),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/output.txt': {
    get: operation('trials', 'downloadOutput', 'What a trial printed, as a file', {
      requestParams: { path: trialPath },
      responses: {
        200: {
          description: 'The raw bytes, always as an attachment.',
          content: { 'text/plain': { schema: z.string() } },
        },
        ...refusals(400, 404, 410, 503),
      },
    }),
  },
  '/api/v1/evaluations/{id}/trials/{trialId}/output/stream': {
    get: operation('streams', 'streamOutput', 'Follow what a trial prints', {
      description:
        'Server-sent events: `chunk` for what it printed (an OutputChunk), `records` for what `channels` asks for besides (a RecordsMessage), then `end` once the trial has finished. `id` is the place in the evidence stream.',
      requestParams: {
        path: trialPath,
        header: resume.header,
        query: resume.query.extend({ channels: streamChannelsSchema }),
      },
      responses: { 200: events('Until the trial has finished or the client leaves.'), ...refusals(400, 404, 410, 503) },
    }),
  },
};

const platformPaths: ZodOpenApiPathsObject = {
  '/api/v1/stream': {
    get: operation('streams', 'streamEvaluations', 'Follow all evaluations', {
      description:
        'Server-sent events. `snapshot` comes first, unless resumed: an EvaluationList. Then `event` for every later event of every evaluation: an Event.',
      requestParams: resume,
      responses: { 200: events('Until the client leaves.'), ...refusals() },
    }),
  },
  '/api/v1/suites': {
    get: operation('suites', 'listSuites', 'Suites this platform has', {
      responses: { 200: json('All of them, also those with mistakes.', suiteListSchema), ...refusals() },
    }),
  },
  '/api/v1/suites/{name}': {
    get: operation('suites', 'getSuite', 'One suite with its samples', {
      requestParams: { path: z.object({ name: z.string().max(64) }) },
      responses: { 200: json('The suite as it would be submitted.', suiteSchema), ...refusals(404, 422) },
    }),
  },
  '/api/v1/platform': {
    get: operation('platform', 'getPlatform', 'Version, executors and deliveries', {
      responses: { 200: json('The platform.', platformSchema), ...refusals() },
    }),
  },
  '/api/v1/session': {
    get: operation('session', 'getSession', 'Who the caller is', {
      responses: { 200: json('The caller.', sessionSchema), ...refusals() },
    }),
  },
  '/api/v1/logout': {
    post: operation('session', 'logout', 'End a browser’s session', {
      responses: { 204: { description: 'The cookie is gone.' }, ...refusals(403) },
    }),
  },
  '/api/v1/login-links': {
    post: operation('session', 'makeLoginLink', 'Make a link that logs one browser in, once', {
      security: [{ token: [] }],
      responses: { 201: json('The link.', loginLinkSchema), ...refusals(400) },
    }),
  },
  '/api/v1/openapi.json': {
    get: operation('platform', 'getOpenApi', 'This description', {
      responses: { 200: json('OpenAPI 3.1.', z.record(z.string(), z.unknown())), ...refusals() },
    }),
  },
  '/healthz': { get: health('isAlive', 'Whether the process lives') },
  '/readyz': { get: health('isReady', 'Whether it can serve: the log and the read model are reached') },
};

function health(operationId: string, summary: string): ZodOpenApiOperationObject {
  const answer = z.object({ status: z.string() });
  return operation('platform', operationId, summary, {
    security: [],
    responses: { 200: json('Yes.', answer), 503: json('No.', answer) },
  });
}

export type OpenApiDocument = ReturnType<typeof createDocument>;

const generated = (): OpenApiDocument =>
  createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Crucible',
      version: '1.0.0',
      description:
        'Submit suites, watch them live, read what happened. Every answer carries the position of the event log it is true of. Errors are RFC 9457 problems.',
    },
    servers: [{ url: '/', description: 'The gateway that serves this description.' }],
    security: [{ token: [] }, { session: [] }],
    tags: [
      { name: 'evaluations', description: 'One submission: a suite, run once.' },
      { name: 'trials', description: 'One attempt at one sample, in a sandbox of its own.' },
      { name: 'streams', description: 'Server-sent events that resume without gaps.' },
      { name: 'stops', description: 'Ending what runs, at once and for whoever it is.' },
      { name: 'suites', description: 'Suites on the platform’s shelf.' },
      { name: 'session', description: 'Who asks.' },
      { name: 'platform', description: 'The platform itself.' },
      { name: 'alerts', description: 'Safety findings of the detectors, and who looked at them.' },
      { name: 'log', description: 'The log itself: events, and what could not be handled.' },
      { name: 'audit', description: 'Proof that the log is what it was.' },
    ],
    paths: {
      ...evaluationPaths,
      ...trialPaths,
      ...platformPaths,
      ...historyPaths,
      ...deadLetterPaths,
      ...stopPaths,
      ...auditPaths,
      ...alertPaths,
      ...evidencePaths,
      ...callPaths,
      ...modelPaths,
      ...imagePaths,
      ...livePaths,
    },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The token in `secrets/token` of the platform’s home.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'crucible_4700',
          description:
            'Set by a login link; its name ends in the gateway’s port. Changes also need the header `X-Crucible-Request: 1`.',
        },
      },
      schemas: {
        Accepted: acceptedSchema,
        ApprovalList: approvalListSchema,
        CallList: callListSchema,
        Alert: alertViewSchema,
        AlertList: alertListSchema,
        Evaluation: evaluationViewSchema,
        EvaluationList: evaluationListSchema,
        EvaluationSnapshot: evaluationSnapshotSchema,
        EventAnswer: eventAnswerSchema,
        EventList: eventListSchema,
        HistoryPage: historyPageSchema,
        Event: envelopeSchema,
        ModelList: modelListSchema,
        ImageList: imageListSchema,
        ...liveSchemas,
        OutputChunk: outputChunkSchema,
        Platform: platformSchema,
        Problem: problemSchema,
        RecordPage: recordPageSchema,
        RecordsMessage: recordsMessageSchema,
        Suite: suiteSchema,
        SuiteList: suiteListSchema,
        Trial: trialViewSchema,
        TrialList: trialListSchema,
      },
    },
  });

const REFERENCE = '#/components/schemas/';

/** The generator names what is only ever answered `XOutput` and leaves an unused `X` beside it: the plain name is enough. */
const plainNames = (document: OpenApiDocument): OpenApiDocument => {
  const { schemas = {} } = document.components ?? {};
  const text = JSON.stringify(document);
  const isUsed = (name: string): boolean => text.includes(`"${REFERENCE}${name}"`);
  const spare = Object.keys(schemas).filter((name) => `${name}Output` in schemas && !isUsed(name));
  const rename = (name: string): string =>
    name.endsWith('Output') && spare.includes(name.slice(0, -6)) ? name.slice(0, -6) : name;
  const renamed = JSON.parse(text, (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' ? rename(value.slice(REFERENCE.length)).replace(/^/, REFERENCE) : value,
  ) as OpenApiDocument;
  const kept = Object.entries(renamed.components?.schemas ?? {}).filter(([name]) => !spare.includes(name));
  const sorted = kept.map(([name, schema]) => [rename(name), schema] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...renamed, components: { ...renamed.components, schemas: Object.fromEntries(sorted) } };
};

/** The description of the HTTP API, OpenAPI 3.1. It is made of the schemas that parse the requests, so it cannot lag behind. */
export const buildOpenApi = (): OpenApiDocument => plainNames(generated());
