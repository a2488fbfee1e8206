import { evaluationIdSchema, trialIdSchema, uuidSchema } from '@crucible/events';
import { z } from 'zod';

const position = z.int().min(1).describe('Place in the event log.');
const positionQuery = z.coerce.number().int().min(0);

/** `?at=`: the moment, as a position of the log, that an answer is to be true of. Absent: now. */
export const atQuerySchema = positionQuery.min(1).optional().describe('Answer as of this position of the log.');

/** `?position=`: how new an answer must be, at the least. */
export const waitQuerySchema = positionQuery
  .optional()
  .describe('Wait, at most 5 s, until the answer is at least this new; 409 if it is not.');

/** What every answer about an evaluation may be asked with. */
export const momentQuerySchema = z.strictObject({ at: atQuerySchema, position: waitQuerySchema });

/** An event as it is listed: what can be said of it without its data. `type` is null when its bytes are no event we know. */
export const eventSummarySchema = z.object({
  position,
  id: z.string().nullable(),
  type: z.string().nullable(),
  subject: z.string(),
  time: z.string().nullable(),
  actor: z.string().nullable(),
  team: z.string().nullable(),
  evaluationId: evaluationIdSchema.nullable(),
  trialId: trialIdSchema.nullable(),
});
export type EventSummary = z.infer<typeof eventSummarySchema>;

export const eventListQuerySchema = z.strictObject({
  type: z.string().max(100).optional().describe('Only this type, or every type that begins so when it ends in `*`.'),
  actor: z.string().max(200).optional(),
  evaluation: evaluationIdSchema.optional(),
  trial: trialIdSchema.optional(),
  id: z.string().max(64).optional().describe('The event with this id.'),
  after: positionQuery.optional().describe('Only events behind this position.'),
  before: positionQuery.optional().describe('Only events before this position.'),
  order: z.enum(['asc', 'desc']).default('desc'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  position: waitQuerySchema,
});
export type EventListQuery = z.output<typeof eventListQuerySchema>;
export const eventListSchema = z.object({
  items: z.array(eventSummarySchema),
  /** Position the list is true of. */
  position: z.int().min(0),
});
export type EventList = z.infer<typeof eventListSchema>;

/** One event whole. `base64` are the stored bytes, over which the log's hashes are; `event` is what they say, if we can read it. */
export const eventAnswerSchema = z.object({
  position,
  subject: z.string(),
  messageId: z.string().nullable(),
  base64: z.string(),
  event: z.record(z.string(), z.unknown()).nullable(),
  undecodable: z.string().nullable(),
});
export type EventAnswer = z.infer<typeof eventAnswerSchema>;

/** Events of one evaluation and its trials, oldest first, for whoever folds them. `null` where bytes cannot be read. */
export const historyQuerySchema = z.strictObject({
  after: positionQuery.default(0),
  limit: z.coerce.number().int().min(1).max(2_000).default(500),
  position: waitQuerySchema,
});
export const historyPageSchema = z.object({
  items: z.array(z.object({ position, event: z.record(z.string(), z.unknown()).nullable() })),
  /** Pass as `after` for the next page; null when this page reaches the present end. */
  next: z.int().nullable(),
  position: z.int().min(0),
});
export type HistoryPage = z.infer<typeof historyPageSchema>;

export const deadLetterIdSchema = uuidSchema.describe('Id of the dead letter.');
export const deadLetterSchema = z.object({
  id: z.string(),
  consumer: z.string(),
  stream: z.enum(['EVENTS', 'DISPATCH']),
  position,
  subject: z.string(),
  deliveries: z.int(),
  reason: z.enum(['undecodable', 'handler-failed']),
  detail: z.string(),
  status: z.enum(['open', 'redriving', 'handled']),
  /** How often somebody had it handled again. */
  redrives: z.int(),
  recordedAt: z.string(),
  recordedPosition: position,
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;
export const deadLetterListQuerySchema = z.strictObject({
  status: z.enum(['open', 'redriving', 'handled']).optional(),
  consumer: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export const deadLetterListSchema = z.object({ items: z.array(deadLetterSchema), position: z.int().min(0) });
export type DeadLetterList = z.infer<typeof deadLetterListSchema>;
/** The request is in the log at `position`; what becomes of it is an event too. */
export const redriveAcceptedSchema = z.object({ id: deadLetterIdSchema, position });
export type RedriveAccepted = z.infer<typeof redriveAcceptedSchema>;

export const eraseEvidenceRequestSchema = z.strictObject({
  trial: trialIdSchema.optional().describe('Only this trial’s; all of the evaluation’s when absent.'),
  reason: z.string().min(1).max(500),
});
