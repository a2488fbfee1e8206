import { z } from 'zod';
import { count, digest, label, prose, trialPlace } from './parts.ts';
import {
  channelSchema,
  limitSchema,
  outcomeSchema,
  reasonSchema,
  reasonV1Schema,
  verdictSchema,
} from './vocabulary.ts';

/** What one channel of evidence held when it was closed: the seal that lets its payload be erased and the log still verify. */
export const evidenceSealSchema = z.object({
  channel: channelSchema,
  chunks: count,
  bytes: count,
  /** Bytes or records that were produced and not kept. */
  dropped: count,
  /** SHA-256 over the kept payloads, joined in order. */
  sha256: digest,
});
export type EvidenceSeal = z.infer<typeof evidenceSealSchema>;

const scoreV1 = z.object({ scorer: label, value: z.number().min(0).max(1), explanation: prose });

/** One scorer's word on a trial. Explanation and answer may hold what the subject said. */
export const scoreSchema = scoreV1.extend({
  /** What the scorer took for the answer, cut. */
  answer: prose.optional(),
  metadata: z.record(z.string().max(60), z.union([z.string().max(500), z.number(), z.boolean(), z.null()])).optional(),
});
export type Score = z.infer<typeof scoreSchema>;

/** What calls to models and tools came to, added up. Tokens that a provider did not tell are not in the sums. */
export const usageTotalsSchema = z.object({
  modelCalls: count,
  toolCalls: count,
  inputTokens: count,
  outputTokens: count,
  cachedInputTokens: count,
  reasoningTokens: count,
  /** In millionths of a US dollar, of the calls whose price is known. */
  costMicroUsd: count,
  /** Calls of whose tokens or price something was not told, as of a reply that broke off: the sums are lower bounds when there are any. */
  uncountedCalls: count,
  /** Time that trials worked, without `waitedMs`; told when a trial ends. */
  workingMs: count,
  /** Time spent waiting for a turn at a provider, for its limits to allow it and between attempts. */
  waitedMs: count,
});
export type UsageTotals = z.infer<typeof usageTotalsSchema>;
export const noUsage: UsageTotals = {
  modelCalls: 0,
  toolCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  costMicroUsd: 0,
  uncountedCalls: 0,
  workingMs: 0,
  waitedMs: 0,
};

/** A subject's answer: the beginning of it, and the digest of the whole, which stands in the transcript. */
export const answerSchema = z.object({
  excerpt: prose,
  chars: count,
  /** SHA-256 of the whole in UTF-8. */
  sha256: digest,
});
export type Answer = z.infer<typeof answerSchema>;

export const finishedV1 = trialPlace.extend({
  outcome: outcomeSchema,
  reason: reasonV1Schema,
  exitCode: z.int().min(0).max(255).nullable(),
  signal: label.nullable(),
  verdict: verdictSchema,
  /** Why the verdict is what it is, one clause a finding. */
  findings: z.array(prose).max(40),
  limitsHit: z.array(limitSchema).max(6),
  scores: z.array(scoreV1).max(20),
  durationMs: count,
  memoryBytesPeak: count.nullable(),
  evidence: z.array(evidenceSealSchema).max(4),
  /** For an errored trial, what failed and on whose side. */
  error: prose.nullable(),
});

export const finishedV2 = finishedV1.extend({
  reason: reasonSchema,
  scores: z.array(scoreSchema).max(20),
  /** Null for a program, and for a trial whose executor was lost with its count. */
  usage: usageTotalsSchema.nullable(),
  /** Null for a program, and where none was given. */
  answer: answerSchema.nullable(),
});
