import { z } from 'zod';
import { evaluationIdSchema } from './ids.ts';
import { count, digest, label } from './parts.ts';
import { capabilityClassSchema } from './vocabulary.ts';

/** Names as a platform's configuration has them: of a model, a provider, an agent. */
const configuredName = z.string().min(1).max(200);

/** What is evaluated. `model` is a name of the platform's configuration; its provider is null where the name says enough. */
export const subjectSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('program') }),
  z.object({ kind: z.literal('model'), model: configuredName, provider: configuredName.nullable() }),
  z.object({
    kind: z.literal('agent'),
    name: configuredName,
    /** What it reaches through the sandbox's own endpoint when it names no model. */
    model: configuredName,
    provider: configuredName.nullable(),
    /** The container image that drives itself; null for a program put into the platform's own. */
    image: z.string().min(1).max(300).nullable(),
    /** SHA-256 of the program as it is stored; null for an image. */
    programDigest: digest.nullable(),
  }),
]);
export type Subject = z.infer<typeof subjectSchema>;

/** What all of an evaluation's trials together may use. Null: no bound of its own; those of team and platform hold anyway. */
export const budgetSchema = z.object({
  tokensMax: z.int().min(1).nullable(),
  /** In millionths of a US dollar. */
  costMicroUsdMax: count.nullable(),
  callsMax: z.int().min(1).nullable(),
  /** Working time of its trials, without what was waited for on providers' limits. */
  timeMsMax: z.int().min(1).nullable(),
});
export type Budget = z.infer<typeof budgetSchema>;
export const noBudget: Budget = { tokensMax: null, costMicroUsdMax: null, callsMax: null, timeMsMax: null };

/** How the scores of one sample's epochs become one: `mean`, `median`, `mode`, `max`, `pass@3`, `at-least-2`. */
export const epochReducerSchema = z
  .string()
  .regex(
    /^(mean|median|mode|max|pass@[1-9]\d{0,2}|at-least-[1-9]\d{0,2})$/,
    'must be mean, median, mode, max, pass@k or at-least-k, such as pass@3',
  );
export type EpochReducer = z.infer<typeof epochReducerSchema>;

export const submittedV1 = z.object({
  evaluationId: evaluationIdSchema,
  suite: z.object({ name: label, version: label, title: label, digest, bytes: count }),
  subject: z.object({ kind: z.literal('program') }),
  /** Number of samples and of epochs; the evaluation asks for their product in trials. */
  samples: z.int().min(1),
  epochs: z.int().min(1),
  concurrencyMax: z.int().min(1),
  attemptsMax: z.int().min(1),
  /** SHA-256 of the request, so that a repeated Idempotency-Key with another body can be told from a repeat. */
  requestDigest: digest,
});

export const submittedV2 = submittedV1.extend({
  suite: submittedV1.shape.suite.extend({
    /** The dangerous capability that the suite measures; null where it says none. */
    capability: capabilityClassSchema.nullable(),
  }),
  subject: subjectSchema,
  budget: budgetSchema,
  epochReducer: epochReducerSchema,
});
