import {
  budgetSchema,
  capabilityClassSchema,
  evaluationIdSchema,
  limitSchema,
  outcomeSchema,
  reasonSchema,
  trialIdSchema,
  verdictSchema,
} from '@crucible/events';
import { evaluationStatusSchema, evaluationViewSchema, trialStatusSchema, trialViewSchema } from '@crucible/domain';
import { inlineSampleSchema, platformMaxima, solverKinds, suiteSchema } from '@crucible/suite';
import { z } from 'zod';
import { atQuerySchema, waitQuerySchema } from './log-contract.ts';
import { stopViewSchema } from './stop-contract.ts';

const position = z.int().min(0).describe('Stream sequence: the place in the event log that the answer is true of.');

/** RFC 9457. `errors` names each wrong field by JSON pointer and says how to mend it. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

const modelName = z.string().min(1).max(200);
/** What a suite is run against. Whether a platform has a model of this name, its executors know. */
export const submitSubjectSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('program') }).describe('The suite’s own programs.'),
  z.strictObject({
    kind: z.literal('model'),
    model: modelName.describe('A name of the platform’s configuration of models.'),
    provider: modelName.optional().describe('Where the name alone does not say enough.'),
  }),
  z
    .strictObject({
      kind: z.literal('agent'),
      model: modelName.describe('The model that the agent may use, by its name in the platform’s configuration.'),
      provider: modelName.optional().describe('Where the name alone does not say enough.'),
    })
    .describe('The suite’s agent program. What it is called, the suite says.'),
]);
export const submitBudgetSchema = z.strictObject({
  tokensMax: budgetSchema.shape.tokensMax.optional(),
  costMicroUsdMax: budgetSchema.shape.costMicroUsdMax.optional().describe('Millionths of a US dollar.'),
  callsMax: budgetSchema.shape.callsMax.optional(),
  timeMsMax: budgetSchema.shape.timeMsMax.optional().describe('Working time of all trials together.'),
});

/** A suite by its name, or a part of it. */
export const shelvedSuiteSchema = z.strictObject({
  name: z.string().max(64).describe('A suite this platform has.'),
  epochs: z.int().min(1).max(platformMaxima.epochs).optional().describe('How often each sample is tried.'),
  limit: z.int().min(1).max(platformMaxima.samples).optional().describe('Only the first so many samples.'),
  samples: z
    .array(z.string().max(200))
    .min(1)
    .max(1_000)
    .optional()
    .describe('Only the samples of these ids; `limit` counts among them.'),
});

export const submitRequestSchema = z.strictObject({
  suite: z.union([shelvedSuiteSchema, suiteSchema]),
  concurrency: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('Trials at once, where less than the suite asks for is wanted.'),
  subject: submitSubjectSchema
    .optional()
    .describe(
      'Left out: the suite’s own programs. A suite whose solver asks a model needs one of kind model, one whose solver is agent-program one of kind agent.',
    ),
  budget: submitBudgetSchema.optional().describe('What it may use, where less than the suite allows is wanted.'),
});
export type SubmitRequest = z.input<typeof submitRequestSchema>;

export const acceptedSchema = z.object({ id: evaluationIdSchema, position, url: z.string() });
export type Accepted = z.infer<typeof acceptedSchema>;

const pageLimit = z.coerce.number().int().min(1).max(500);
const cursor = z.string().max(200).describe('From `nextCursor` of the page before.');

export const evaluationListQuerySchema = z.strictObject({
  status: evaluationStatusSchema.optional(),
  suite: z.string().max(64).optional(),
  model: z.string().max(200).optional().describe('Only evaluations of the model of this name.'),
  limit: pageLimit.default(50),
  cursor: cursor.optional(),
  at: atQuerySchema,
  position: waitQuerySchema,
});
export const evaluationListSchema = z.object({
  items: z.array(evaluationViewSchema),
  nextCursor: z.string().nullable(),
  position,
});
export type EvaluationList = z.infer<typeof evaluationListSchema>;

export const evaluationAnswerSchema = z.object({
  evaluation: evaluationViewSchema,
  stop: stopViewSchema.nullable().describe('The emergency stop that holds it, the oldest if there are several.'),
  position,
});
export type EvaluationAnswer = z.infer<typeof evaluationAnswerSchema>;

export const trialListQuerySchema = z.strictObject({
  status: trialStatusSchema.optional(),
  outcome: outcomeSchema.optional(),
  reason: reasonSchema.optional(),
  verdict: verdictSchema.optional(),
  limitHit: limitSchema.optional(),
  latest: z.stringbool().optional().describe('Only the last attempt of each sample and epoch.'),
  limit: pageLimit.default(100),
  cursor: cursor.optional(),
  at: atQuerySchema,
  position: waitQuerySchema,
});
export const trialListSchema = z.object({
  items: z.array(trialViewSchema),
  nextCursor: z.string().nullable(),
  position,
});
export type TrialList = z.infer<typeof trialListSchema>;

export const trialAnswerSchema = z.object({ trial: trialViewSchema, sample: inlineSampleSchema, position });
export type TrialAnswer = z.infer<typeof trialAnswerSchema>;

export const cancelRequestSchema = z.strictObject({ reason: z.string().max(500).default('cancelled by a person') });

/** One piece of what a program printed. The bytes are hostile: decode leniently, show as text only. */
export const outputChunkSchema = z.object({
  sequence: z.int().min(1).describe('Place in the evidence stream; chunks of one trial ascend by it.'),
  stream: z.enum(['stdout', 'stderr']),
  atMs: z.int().min(0).describe('Since the trial started.'),
  at: z.number().min(0).describe('Milliseconds since 1970, by the clock of all of the trial’s evidence.'),
  base64: z.string(),
});
export type OutputChunk = z.infer<typeof outputChunkSchema>;

export const outputQuerySchema = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).describe('Only chunks behind this sequence.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});
export const outputPageSchema = z.object({
  chunks: z.array(outputChunkSchema),
  /** Pass as `after` for the next page; null when this page reaches the present end. */
  next: z.int().nullable(),
  /** True once the trial has finished: no more will come. */
  complete: z.boolean(),
});
export type OutputPage = z.infer<typeof outputPageSchema>;

export const suiteSummarySchema = z.object({
  name: z.string(),
  version: z.string(),
  title: z.string(),
  description: z.string(),
  samples: z.int(),
  epochs: z.int(),
  /** Least number of epochs that its reducer takes. */
  epochsMin: z.int(),
  solver: z.enum(solverKinds).describe('All but `program` ask a model, which a submission names.'),
  image: z.string().describe('The image that its sandboxes are made from.'),
  capability: capabilityClassSchema.nullable().describe('The dangerous capability that it measures.'),
  models: z.array(z.string()).describe('Models that it names itself: who plays its user, who grades its answers.'),
  budget: budgetSchema.describe('What all of its trials together may use.'),
  /** Set when the file on disk cannot be used, with every reason. */
  invalid: z.array(z.string()).nullable(),
});
export const suiteListSchema = z.object({ items: z.array(suiteSummarySchema) });
export type SuiteList = z.infer<typeof suiteListSchema>;
export type SuiteSummary = z.infer<typeof suiteSummarySchema>;

export const platformSchema = z.object({
  version: z.string(),
  position,
  executors: z.array(
    z.object({
      id: z.string(),
      pool: z.string(),
      capacity: z.int(),
      runtime: z.string(),
      kernelObserved: z.boolean(),
      status: z.enum(['up', 'stopped']),
      problem: z.string().nullable().describe('Why it takes no trials, when its sandboxes cannot be proven.'),
      since: z.string(),
    }),
  ),
  deliveries: z.object({ succeeded: z.int(), failed: z.int() }),
});
export type Platform = z.infer<typeof platformSchema>;

export const loginLinkSchema = z.object({ url: z.string(), expiresAt: z.string() });
export const sessionSchema = z.object({ actor: z.string(), team: z.string() });
export type Session = z.infer<typeof sessionSchema>;

/** First message of `GET /api/v1/evaluations/{id}/stream` (event `snapshot`). Every later one is an event of the log. */
export const evaluationSnapshotSchema = z.object({
  evaluation: evaluationViewSchema,
  trials: z.array(trialViewSchema),
  position,
});
export type EvaluationSnapshot = z.infer<typeof evaluationSnapshotSchema>;

export const params = {
  evaluationId: evaluationIdSchema,
  trialId: trialIdSchema,
} as const;
