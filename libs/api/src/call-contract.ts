import { waitingApprovalSchema } from '@crucible/domain';
import {
  catalogue,
  evaluationIdSchema,
  modifiedArgumentsCharsMax,
  sentMessageCharsMax,
  trialIdSchema,
} from '@crucible/events';
import { z } from 'zod';
import { waitQuerySchema } from './log-contract.ts';

const position = z.int().min(0);
const told = {
  position: position.describe('Place of its event in the log.'),
  at: z.string().describe('When it was told, ISO 8601 in UTC.'),
};

/** One call of a trial to a model or a tool, as its event tells it. What was said stands in the transcript. */
export const callViewSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('model'), ...told, ...catalogue['crucible.trial.model-called.v1'].shape }),
  z.object({ kind: z.literal('tool'), ...told, ...catalogue['crucible.trial.tool-called.v1'].shape }),
]);
export type CallView = z.infer<typeof callViewSchema>;

export const callListQuerySchema = z.strictObject({
  kind: z.enum(['model', 'tool']).optional(),
  after: z.coerce.number().int().min(0).default(0).describe('Only calls behind this position.'),
  fromTurn: z.coerce.number().int().min(0).optional().describe('Only calls of this turn and later ones.'),
  toTurn: z.coerce.number().int().min(0).optional().describe('Only calls of this turn and earlier ones.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
  position: waitQuerySchema,
});
export type CallListQuery = Omit<z.output<typeof callListQuerySchema>, 'position'>;
export const callListSchema = z.object({
  items: z.array(callViewSchema),
  next: z.int().nullable().describe('Pass as `after` for the next page; null when this page reaches the present end.'),
  position: position.describe('Stream sequence: the place in the event log that the answer is true of.'),
});
export type CallList = z.infer<typeof callListSchema>;

/** A tool call that waits for a person, with the trial that it is of. */
export const approvalItemSchema = waitingApprovalSchema.extend({
  evaluationId: evaluationIdSchema,
  trialId: trialIdSchema,
  sampleId: z.string(),
});
export const approvalListQuerySchema = z.strictObject({ position: waitQuerySchema });
export const approvalListSchema = z.object({
  items: z.array(approvalItemSchema).describe('Oldest first.'),
  position: position.describe('Stream sequence: the place in the event log that the answer is true of.'),
});
export type ApprovalList = z.infer<typeof approvalListSchema>;

const reason = z.string().max(500).default('');
export const trialReasonRequestSchema = z.strictObject({ reason });
export const sendMessageRequestSchema = z.strictObject({ content: z.string().min(1).max(sentMessageCharsMax) });

const isJsonObject = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};

export const decisionRequestSchema = z
  .strictObject({
    decision: z.enum(['approve', 'modify', 'reject', 'terminate']),
    inputText: z
      .string()
      .max(modifiedArgumentsCharsMax)
      .refine(isJsonObject, 'must be a JSON object: the arguments to run in place of the model’s')
      .optional()
      .describe('For modify: the arguments to run in place of the model’s, as JSON.'),
    reason,
  })
  .refine(({ decision, inputText }) => (decision === 'modify') === (inputText !== undefined), {
    path: ['inputText'],
    message: 'goes with the decision modify, and modify needs it',
  });
export type DecisionRequest = z.output<typeof decisionRequestSchema>;

export const trialCommandAcceptedSchema = z.object({
  evaluationId: evaluationIdSchema,
  trialId: trialIdSchema,
  position: position.describe('Place of the command in the log.'),
});
export type TrialCommandAccepted = z.infer<typeof trialCommandAcceptedSchema>;
