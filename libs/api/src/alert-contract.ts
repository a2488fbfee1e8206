import { alertCountsSchema, alertViewSchema } from '@crucible/domain';
import { capabilitySchema, evaluationIdSchema, severitySchema, trialIdSchema, uuidSchema } from '@crucible/events';
import { z } from 'zod';
import { atQuerySchema, waitQuerySchema } from './log-contract.ts';

const position = z.int().min(0).describe('Place in the event log that the answer is true of.');

export const alertIdSchema = uuidSchema.describe('Id of the alert.');

const severities = z
  .string()
  .max(100)
  .transform((text) => text.split(','))
  .pipe(z.array(severitySchema).min(1))
  .describe('Only these: `low`, `medium`, `high`, `critical`, with commas between.');

export const alertListQuerySchema = z.strictObject({
  evaluation: evaluationIdSchema.optional(),
  trial: trialIdSchema.optional().describe('Of the evaluation that is named.'),
  severity: severities.optional(),
  capability: capabilitySchema.optional(),
  rule: z.string().max(200).optional().describe('Id of the rule that raised it.'),
  acknowledged: z.stringbool().optional().describe('Only those that somebody has acknowledged, or only the others.'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(200).optional().describe('From `nextCursor` of the page before.'),
  at: atQuerySchema,
  position: waitQuerySchema,
});
export type AlertListQuery = z.output<typeof alertListQuerySchema>;

/** An alert beside what has to be known of its trial to judge it. */
export const alertItemSchema = alertViewSchema.extend({
  looserProfile: z.boolean().describe('Its trial ran in a sandbox that allows more than `strict` does.'),
});
export type AlertItem = z.infer<typeof alertItemSchema>;

/** Newest first. */
export const alertListSchema = z.object({
  items: z.array(alertItemSchema),
  nextCursor: z.string().nullable(),
  /** Of the whole team, whatever was asked for. */
  unacknowledged: alertCountsSchema.describe('Alerts of the team that nobody has acknowledged.'),
  position,
});
export type AlertList = z.infer<typeof alertListSchema>;

export const alertAnswerSchema = z.object({ alert: alertItemSchema, position });
export type AlertAnswer = z.infer<typeof alertAnswerSchema>;

export const acknowledgeRequestSchema = z.strictObject({
  note: z.string().trim().min(1, 'must say what you found: it goes on the record').max(2_000),
});

/** The acknowledgement is in the log at `position`. */
export const acknowledgedSchema = z.object({ id: alertIdSchema, position });
export type Acknowledged = z.infer<typeof acknowledgedSchema>;

/** Rules that an executor watches its trials with since `loadedAt`. */
export const loadedRulesSchema = z.object({
  executorId: z.string(),
  digest: z.string().describe('SHA-256 over the digests of all rules, sorted.'),
  loadedAt: z.string(),
  loadedPosition: z.int().min(1),
  rules: z.array(z.object({ id: z.string(), version: z.int(), digest: z.string() })),
});
export type LoadedRules = z.infer<typeof loadedRulesSchema>;
export const ruleListSchema = z.object({ executors: z.array(loadedRulesSchema), position });
export type RuleList = z.infer<typeof ruleListSchema>;
