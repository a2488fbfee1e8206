import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { evaluationSnapshotSchema, problemSchema } from './contract.ts';
import type { Problem } from './contract.ts';
import {
  eventAnswerSchema,
  eventListQuerySchema,
  eventListSchema,
  historyPageSchema,
  historyQuerySchema,
  momentQuerySchema,
} from './log-contract.ts';
import { evaluationPath, json, operation, refusals } from './openapi-parts.ts';

const exampleOf = (status: number, kind: string, detail: string, errors?: Problem['errors']): Problem => ({
  type: `urn:crucible:problem:${kind}`,
  title: kind.replaceAll('-', ' '),
  status,
  detail,
  ...(errors === undefined ? {} : { errors }),
});
const id = '019af3c2-71b0-7a42-9d3e-2f6b8c0d1e2f';

const invalid = exampleOf(400, 'invalid-request', 'The request does not fit; see errors.', [
  { pointer: '/at', detail: 'must be at least 1' },
]);
const unknown = exampleOf(404, 'not-found', `There is no evaluation ${id}.`);
const notYet = exampleOf(
  404,
  'not-yet-submitted',
  `There was no evaluation ${id} yet at position 41: it was submitted at position 57.`,
);
const beyond = exampleOf(409, 'beyond-the-log', 'The log ends at 1200: there is no position 999999 yet.');
const behind = exampleOf(
  409,
  'position-not-reached',
  'The read model is at 1190 and has not reached 1200 yet; ask again.',
);
const tooLong = exampleOf(
  422,
  'history-too-long',
  `Evaluation ${id} has more than 200000 events up to position 612000: read its events and fold them yourself.`,
);
const busy = exampleOf(503, 'busy', 'Many are looking into the past just now; try again in a moment.');
const nothing = exampleOf(404, 'not-found', 'There is no event at position 999999.');

const refused = (description: string, ...examples: readonly Problem[]): ZodOpenApiResponseObject => ({
  description,
  content: {
    'application/problem+json': {
      schema: problemSchema,
      examples: Object.fromEntries(
        examples.map((value, index) => [`${value.title.replaceAll(' ', '-')}-${index + 1}`, { value }]),
      ),
    },
  },
});

const fits = 'A query value does not fit its schema; `errors` names it.';
const waited = refused('The read model did not reach `position` within 5 s.', behind);

/** What a list may be refused with that can be asked for as of a past position. */
export const listRefusals: ZodOpenApiOperationObject['responses'] = {
  ...refusals(),
  400: refused(fits, invalid),
  409: refused('There is no such position yet.', beyond, behind),
  503: refused('The log cannot be reached just now, or too many look into the past at once.', busy),
};

/** The same for what belongs to one evaluation. */
export const momentRefusals: ZodOpenApiOperationObject['responses'] = {
  ...listRefusals,
  404: refused('There is none, the caller may not see it, or there was none yet at that position.', unknown, notYet),
  422: refused('There is more to fold than this platform folds for one answer.', tooLong),
};

const eventPath = z.object({
  position: z.coerce.number().int().min(1).describe('Place in the event log.').meta({ example: 57 }),
});

export const historyPaths: ZodOpenApiPathsObject = {
  '/api/v1/evaluations/{id}/snapshot': {
    get: operation('log', 'getSnapshot', 'One evaluation with all its trials, now or at a past position', {
      description: 'What its page shows. Folding every later event of the evaluation into it gives any later moment.',
      requestParams: { path: evaluationPath, query: momentQuerySchema },
      responses: { 200: json('The evaluation and its trials.', evaluationSnapshotSchema), ...momentRefusals },
    }),
  },
  '/api/v1/evaluations/{id}/events': {
    get: operation('log', 'listHistory', 'Events of one evaluation and its trials, oldest first', {
      description: 'Decoded, in their newest version. `event` is null where the stored bytes are no event we know.',
      requestParams: { path: evaluationPath, query: historyQuerySchema },
      responses: {
        200: json('One page.', historyPageSchema),
        ...refusals(503),
        400: refused(fits, { ...invalid, errors: [{ pointer: '/limit', detail: 'must be at most 2000' }] }),
        404: refused('There is no such evaluation, or the caller may not see it.', unknown),
        409: waited,
      },
    }),
  },
  '/api/v1/events': {
    get: operation('log', 'listEvents', 'The log as a list, without the events’ data', {
      description:
        'Of the caller’s team and of the platform itself. Go on with `after` or `before` of the last position.',
      requestParams: { query: eventListQuerySchema },
      responses: {
        200: json('One page.', eventListSchema),
        ...refusals(),
        400: refused(fits, { ...invalid, errors: [{ pointer: '/order', detail: 'must be one of asc, desc' }] }),
        409: waited,
      },
    }),
  },
  '/api/v1/events/{position}': {
    get: operation('log', 'getEvent', 'One event with its stored bytes', {
      description: 'The log’s hashes are over exactly these bytes.',
      requestParams: { path: eventPath },
      responses: {
        200: json('The event.', eventAnswerSchema),
        ...refusals(503),
        400: refused('That is no position.', {
          ...invalid,
          errors: [{ pointer: '', detail: 'must be a position of the log' }],
        }),
        404: refused('There is none yet, or the caller may not see it.', nothing),
      },
    }),
  },
};
