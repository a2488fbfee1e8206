import { z } from 'zod';
import {
  answerSchema,
  budgetKindSchema,
  budgetSchema,
  budgetScopeSchema,
  capabilityClassSchema,
  epochReducerSchema,
  evaluationIdSchema,
  limitSchema,
  outcomeSchema,
  reasonSchema,
  scoreSchema,
  subjectSchema,
  toolCallIdSchema,
  trialIdSchema,
  usageTotalsSchema,
  uuidSchema,
  verdictSchema,
} from '@crucible/events';
import { evidenceSealSchema, preflightSchema, profileUsedSchema, sandboxLimitsSchema } from '@crucible/events';

const count = z.int().min(0);
const time = z.string();

export const evaluationStatusSchema = z.enum(['submitted', 'running', 'cancelling', 'completed', 'cancelled']);
export type EvaluationStatus = z.infer<typeof evaluationStatusSchema>;

/** Where the asked-for trials (samples x epochs) stand now; the numbers add up to `total`. */
export const trialCountsSchema = z.object({
  total: count,
  waiting: count,
  dispatched: count,
  running: count,
  passed: count,
  failed: count,
  errored: count,
  withdrawn: count,
});
export type TrialCounts = z.infer<typeof trialCountsSchema>;

export const verdictCountsSchema = z.object({ contained: count, attempted: count, breached: count, unknown: count });

/** Alerts that were raised, by how bad they are, whether or not somebody has acknowledged them. */
export const alertCountsSchema = z.object({ low: count, medium: count, high: count, critical: count });
export type AlertCounts = z.infer<typeof alertCountsSchema>;
export const noAlerts: AlertCounts = { low: 0, medium: 0, high: 0, critical: 0 };

/** A kill from outside and how it was confirmed. `latencyMs` is from hearing of it to the last process being gone. */
export const killViewSchema = z.object({
  cause: z.enum(['stop', 'cancel', 'lease-lost', 'detector']),
  stopId: z.string().nullable(),
  latencyMs: z.number().min(0),
  method: z.enum(['init', 'engine', 'runtime']),
  gone: z.boolean().describe('False when a process was still there when waiting was given up.'),
});

/** The budget that kept further trials of an evaluation from beginning. */
export const budgetReachedViewSchema = z.object({
  scope: budgetScopeSchema,
  kind: budgetKindSchema,
  limit: count,
  spent: count,
  asked: count.nullable().describe('What a call might have come to; null where the model has no price.'),
});
export type BudgetReachedView = z.infer<typeof budgetReachedViewSchema>;

/** One evaluation as pages and the API show it. Times are ISO 8601 in UTC. */
export const evaluationViewSchema = z.object({
  id: evaluationIdSchema,
  team: z.string(),
  submittedBy: z.string(),
  suite: z.object({
    name: z.string(),
    version: z.string(),
    title: z.string(),
    digest: z.string(),
    capability: capabilityClassSchema.nullable().describe('The dangerous capability that it measures.'),
  }),
  subject: subjectSchema,
  budget: budgetSchema,
  epochReducer: epochReducerSchema,
  status: evaluationStatusSchema,
  samples: count,
  epochs: count,
  /** How many trials may run at once: as asked until admission, then as granted. */
  concurrency: count,
  trials: trialCountsSchema,
  verdicts: verdictCountsSchema.describe('Every finished attempt counts, also one that was tried again.'),
  alerts: alertCountsSchema.describe('Of every attempt.'),
  usage: usageTotalsSchema.describe('Of every attempt.'),
  looserProfile: z.boolean().describe('A trial of it ran in a sandbox that allows more than `strict` does.'),
  score: z.number().min(0).max(1).nullable(),
  submittedAt: time,
  startedAt: time.nullable(),
  endedAt: time.nullable(),
  cancelReason: z.string().nullable(),
  budgetReached: budgetReachedViewSchema.nullable().describe('Set when a budget kept further trials from beginning.'),
  /** Stream sequence of the last event that changed this view. */
  position: count,
});
export type EvaluationView = z.infer<typeof evaluationViewSchema>;

/** A tool call that waits for a person. Its arguments were chosen by a model: show them as text only. */
export const waitingApprovalSchema = z.object({
  approvalId: uuidSchema,
  toolCallId: toolCallIdSchema,
  turn: count,
  tool: z.string(),
  argumentsDigest: z.string(),
  excerpt: z.string(),
  record: count.nullable().describe('The message of the transcript that holds the call.'),
  requestedAt: time,
  expiresAt: time.describe('Denied from then on.'),
});
export type WaitingApproval = z.infer<typeof waitingApprovalSchema>;

export const trialStatusSchema = z.enum(['dispatched', 'running', 'finished', 'withdrawn']);

export const trialViewSchema = z.object({
  evaluationId: evaluationIdSchema,
  id: trialIdSchema,
  sampleId: z.string(),
  sampleIndex: count,
  epoch: count,
  attempt: count,
  status: trialStatusSchema,
  /** False once a later attempt at the same sample and epoch has been dispatched. */
  latest: z.boolean(),
  executorId: z.string().nullable(),
  limits: sandboxLimitsSchema.nullable(),
  kernelObserved: z.boolean().nullable(),
  sandboxId: z.string().nullable(),
  origin: z.enum(['warm', 'cold']).nullable().describe('Whether the sandbox was made and proven ahead of the trial.'),
  profile: profileUsedSchema.nullable(),
  preflight: preflightSchema.nullable(),
  alerts: alertCountsSchema,
  usage: usageTotalsSchema,
  turn: count.describe('The last turn of the conversation that something was told of; 0 when none was.'),
  pause: z.enum(['asked', 'paused']).nullable().describe('Asked for: it takes effect before the next turn.'),
  approvals: z.array(waitingApprovalSchema).describe('What waits for a decision now.'),
  answer: answerSchema.nullable(),
  kill: killViewSchema.nullable().describe('Set when the sandbox was killed from outside.'),
  outcome: outcomeSchema.nullable(),
  reason: reasonSchema.nullable(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  verdict: verdictSchema.nullable(),
  findings: z.array(z.string()),
  limitsHit: z.array(limitSchema),
  scores: z.array(scoreSchema),
  evidence: z.array(evidenceSealSchema),
  error: z.string().nullable(),
  memoryBytesPeak: count.nullable(),
  durationMs: count.nullable(),
  dispatchedAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  position: count,
});
export type TrialView = z.infer<typeof trialViewSchema>;
