import { stopScopeSchema, uuidSchema } from '@crucible/events';
import { z } from 'zod';
import { atQuerySchema, waitQuerySchema } from './log-contract.ts';

const REASON_CHARS_MAX = 500;
const position = z.int().min(0);

const reason = z
  .string()
  .trim()
  .min(1, 'must say why: it goes on the record')
  .max(REASON_CHARS_MAX)
  .describe('Why, for the record.');

/** Body of `POST /api/v1/stops`. */
export const engageStopRequestSchema = z.strictObject({ scope: stopScopeSchema, reason });
export type EngageStopRequest = z.infer<typeof engageStopRequestSchema>;

/** Body of `POST /api/v1/stops/{id}/release`: the second act that a release needs. */
export const releaseStopRequestSchema = z.strictObject({ reason });

export const stopIdSchema = uuidSchema;

/** What one executor did about a stop. */
export const stopAppliedSchema = z.object({
  executorId: z.string(),
  killed: z.int().min(0),
  unconfirmed: z.int().min(0).describe('Sandboxes whose process was still there when waiting was given up.'),
  latencyMs: z.number().min(0).describe('From hearing of the stop to the last process being gone.'),
});
export type StopApplied = z.infer<typeof stopAppliedSchema>;

/** One emergency stop: an item of `GET /api/v1/stops`. */
export const stopViewSchema = z.object({
  stopId: stopIdSchema,
  scope: stopScopeSchema,
  reason: z.string(),
  engagedBy: z.string(),
  engagedAt: z.string(),
  releasedBy: z.string().nullable(),
  releasedAt: z.string().nullable(),
  releaseReason: z.string().nullable(),
  /** Empty while no executor has confirmed it. */
  executors: z.array(stopAppliedSchema),
});
export type StopView = z.infer<typeof stopViewSchema>;

export const stopListQuerySchema = z.strictObject({
  engaged: z.stringbool().optional().describe('Only those in force, or only those that were released.'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(200).optional().describe('From `nextCursor` of the page before.'),
  at: atQuerySchema,
  position: waitQuerySchema,
});
export type StopListQuery = z.output<typeof stopListQuerySchema>;

/** Newest first. */
export const stopListSchema = z.object({
  items: z.array(stopViewSchema),
  nextCursor: z.string().nullable(),
  position,
});
export type StopList = z.infer<typeof stopListSchema>;

/** Answer of engaging and of releasing: the stop as it is now, and where the log says so. */
export const stopAnswerSchema = z.object({ stop: stopViewSchema, position });
export type StopAnswer = z.infer<typeof stopAnswerSchema>;
