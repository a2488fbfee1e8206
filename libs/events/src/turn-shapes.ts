import { z } from 'zod';
import { trialIdSchema, uuidSchema } from './ids.ts';
import { count, digest, label, prose, trialPlace } from './parts.ts';
import {
  finishReasonSchema,
  modelFailureSchema,
  modelParametersSchema,
  tokenUsageSchema,
  toolCallIdSchema,
} from './transcript.ts';

/** Of the subject's conversation, from 1. Calls of a grader or a simulated user belong to the turn they come behind. */
const turn = count;
const milliseconds = z.number().min(0);
/** Number of a record in the trial's `transcript` channel, as its `n` says; null where it was lost. */
const transcriptRecord = count.nullable();
/** Chosen by a model: it may name what is no tool. */
const toolName = z.string().min(1).max(128);

/** For whom a model was called: the one that is evaluated, one that plays a person, one that judges. */
export const modelRoleSchema = z.enum(['subject', 'user', 'grader']);
export type ModelRole = z.infer<typeof modelRoleSchema>;

export const modelCalledV1 = trialPlace.extend({
  callId: uuidSchema,
  turn,
  role: modelRoleSchema,
  /** Name in the platform's configuration. */
  model: label,
  provider: label,
  /** The provider's own id of the model, as it answered; as it was asked for when it did not say. */
  providerModel: label,
  parameters: modelParametersSchema,
  result: z.discriminatedUnion('status', [
    z.object({ status: z.literal('replied'), finishReason: finishReasonSchema }),
    z.object({ status: z.literal('failed'), failure: modelFailureSchema, detail: prose }),
  ]),
  /** Of every attempt together. */
  usage: tokenUsageSchema,
  /** In millionths of a US dollar; null where no price is configured or no tokens were told. */
  costMicroUsd: count.nullable(),
  /** Of the attempt that counted, from its first byte out to its last byte in. */
  latencyMs: milliseconds,
  /** Null when the reply was not streamed or nothing came. */
  firstTokenMs: milliseconds.nullable(),
  /** Waited for a turn, for limits and between attempts. */
  waitedMs: milliseconds,
  attempts: z.int().min(1),
  records: z.object({
    /** The last message of the request. */
    request: transcriptRecord,
    reply: transcriptRecord,
  }),
  /** SHA-256 of the request's body as it was sent. */
  requestSha256: digest,
});

/** What was written into the budgets that pay for a call, of each kind that they bound. */
export const settledSchema = z.object({ tokens: count, costMicroUsd: count, calls: count, timeMs: count });

export const modelCalledV2 = modelCalledV1.extend({
  /**
   * What was counted, and all that was held where nobody counted; each attempt whose reply broke off adds all that was held
   * for it. Null in what version 1 told.
   */
  settled: settledSchema.nullable(),
});

export const toolStatusSchema = z.enum([
  'ok',
  'error',
  'timeout',
  'output-limit',
  'invalid-arguments',
  'denied',
  'sandbox-gone',
]);
export type ToolStatus = z.infer<typeof toolStatusSchema>;

export const toolCalled = trialPlace.extend({
  toolCallId: toolCallIdSchema,
  turn,
  tool: toolName,
  /** SHA-256 of the arguments as they were run: those of the model, or as a person modified them. */
  argumentsDigest: digest,
  /** The approval that it waited for; null when a policy decided. */
  approvalId: uuidSchema.nullable(),
  status: toolStatusSchema,
  exitCode: z.int().min(0).max(255).nullable(),
  durationMs: milliseconds,
  outputBytes: count,
  droppedBytes: count,
  /** First and last record of the `kernel` channel that it caused, both included; null when it caused none or none was seen. */
  kernel: z.object({ from: count, to: count }).nullable(),
  records: z.object({ result: transcriptRecord }),
});

export const approvalRequested = trialPlace.extend({
  approvalId: uuidSchema,
  toolCallId: toolCallIdSchema,
  turn,
  tool: toolName,
  /** SHA-256 of the arguments that would be run: what is approved is this and nothing else. */
  argumentsDigest: digest,
  /** The arguments made displayable and cut. Still chosen by a model; the whole is in `record`. */
  excerpt: prose,
  /** The message that holds the call. */
  record: transcriptRecord,
  /** ISO 8601, UTC: denied from then on. */
  expiresAt: z.iso.datetime(),
});

/** Arguments that a person wrote in place of the model's, in characters of JSON. */
export const modifiedArgumentsCharsMax = 16_000;

/**
 * What became of a request. A person's word stands among the people's commands, `expired` among the trial's own events; of
 * several the first in the log counts.
 */
export const approvalDecisionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('approve') }),
  z.object({
    kind: z.literal('modify'),
    /** JSON, as it is to be run. */
    inputText: z.string().max(modifiedArgumentsCharsMax),
    argumentsDigest: digest,
  }),
  z.object({ kind: z.literal('reject') }),
  z.object({ kind: z.literal('terminate') }),
  z.object({ kind: z.literal('expired') }),
]);
export type ApprovalDecision = z.infer<typeof approvalDecisionSchema>;

export const approvalDecided = trialPlace.extend({
  approvalId: uuidSchema,
  decision: approvalDecisionSchema,
  reason: prose,
});

/** Whose bound was reached, from the narrowest to the widest. */
export const budgetScopeSchema = z.enum(['trial', 'evaluation', 'team', 'platform']);
export type BudgetScope = z.infer<typeof budgetScopeSchema>;
/** What is bounded. Money is in millionths of a US dollar, time is working time: without waiting for a provider's limits. */
export const budgetKindSchema = z.enum(['tokens', 'costMicroUsd', 'calls', 'timeMs']);
export type BudgetKind = z.infer<typeof budgetKindSchema>;

/** A call was not made, for what is left of a budget does not pay for it. */
export const budgetReached = trialPlace.extend({
  turn,
  scope: budgetScopeSchema,
  kind: budgetKindSchema,
  limit: count,
  /** For good. Beyond the limit only where a call came to more than was held for it. */
  spent: count,
  /** What the call might have come to; null where the model has no price and money is bounded. */
  asked: count.nullable(),
});

export const pauseRequested = trialPlace.extend({ reason: prose });
/** Asked of an attempt that was lost before it was let go on: it holds for the one that takes its place. */
export const pauseCarried = trialPlace.extend({ fromTrialId: trialIdSchema });
export const paused = trialPlace.extend({ turn });
export const resumed = trialPlace.extend({ reason: prose });
/** What a person says to a running agent, in characters. */
export const sentMessageCharsMax = 8_000;
export const messageSent = trialPlace.extend({ content: z.string().min(1).max(sentMessageCharsMax) });
export const terminationRequested = trialPlace.extend({ reason: prose });
