import { z } from 'zod';

/**
 * What is said in a trial of a model or an agent: the words of the `transcript` channel. Text in here was chosen by a
 * model, a sandbox or a dataset: it is untrusted wherever it is shown.
 */

/** One message's text at the most, in characters; what is longer is cut by whoever writes the record, and said to be. */
export const messageCharsMax = 1_000_000;
const text = z.string().max(messageCharsMax);
const name = z.string().min(1).max(128);
/** As the provider or the broker named it. */
export const toolCallIdSchema = z.string().min(1).max(200);

/** A model asks for a tool. `input` is the parsed JSON, or null where the model sent no JSON; `inputText` is what it sent. */
export const toolCallSchema = z.object({
  id: toolCallIdSchema,
  tool: name,
  input: z.json(),
  inputText: text,
});
export type ToolCall = z.infer<typeof toolCallSchema>;

/** One message of a conversation, in the vocabulary that providers and Inspect share. */
export const modelMessageSchema = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content: text }),
  z.object({ role: z.literal('user'), content: text }),
  z.object({
    role: z.literal('assistant'),
    content: text,
    /** Words a model thought aloud, where its provider tells them. */
    reasoning: text.nullable(),
    toolCalls: z.array(toolCallSchema).max(64),
  }),
  z.object({
    role: z.literal('tool'),
    toolCallId: toolCallIdSchema,
    tool: name,
    content: text,
    /** The tool failed, was refused or was called with arguments it does not take. */
    isError: z.boolean(),
  }),
]);
export type ModelMessage = z.infer<typeof modelMessageSchema>;
export type AssistantMessage = Extract<ModelMessage, { role: 'assistant' }>;

/** What a tool is to a model: `parameters` is a JSON Schema of an object. */
export const toolSpecSchema = z.object({
  name: z.string().regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/, 'must begin with a letter and hold letters, digits, _ and -'),
  description: z.string().max(4_000),
  parameters: z.record(z.string(), z.json()),
});
export type ToolSpec = z.infer<typeof toolSpecSchema>;

/** How a reply is sampled. Null leaves it to the provider. */
export const modelParametersSchema = z.object({
  temperature: z.number().min(0).max(2).nullable(),
  topP: z.number().min(0).max(1).nullable(),
  outputTokensMax: z.int().min(1).max(1_000_000).nullable(),
  seed: z.int().nullable(),
  stop: z.array(z.string().min(1).max(200)).max(8),
});
export type ModelParameters = z.infer<typeof modelParametersSchema>;

const count = z.int().min(0);
/** Tokens of one call as its provider counts them; null where it does not tell. */
export const tokenUsageSchema = z.object({
  inputTokens: count.nullable(),
  outputTokens: count.nullable(),
  cachedInputTokens: count.nullable(),
  reasoningTokens: count.nullable(),
});
export type TokenUsage = z.infer<typeof tokenUsageSchema>;

/** Why a reply ended: as the AI SDK and the providers say it, in one vocabulary. */
export const finishReasonSchema = z.enum(['stop', 'length', 'tool-calls', 'content-filter', 'error', 'other']);
export type FinishReason = z.infer<typeof finishReasonSchema>;

/** Why a call to a model gave no reply. */
export const modelFailureSchema = z.enum([
  'rate-limited',
  'unavailable',
  'rejected',
  'malformed',
  'timeout',
  'too-large',
  'aborted',
]);
export type ModelFailure = z.infer<typeof modelFailureSchema>;

/** Who put a message into a conversation. `user` is a simulated one, `person` somebody who watches the trial. */
export const speakerSchema = z.enum(['suite', 'subject', 'tool', 'user', 'person', 'platform']);
export type Speaker = z.infer<typeof speakerSchema>;

const recordBase = {
  /** Counts from 1, without gaps. */
  n: z.int().min(1),
  /** Epoch milliseconds. */
  at: z.number().min(0),
  /** Of the subject's conversation, from 1; 0 before its first reply. */
  turn: count,
};

/** One line of a trial's `transcript` channel. */
export const transcriptRecordSchema = z.discriminatedUnion('kind', [
  /** A message of the conversation, as the subject is given it from then on. */
  z.object({
    ...recordBase,
    kind: z.literal('message'),
    by: speakerSchema,
    message: modelMessageSchema,
    /** Of a person's message: who said it, and its position in the log. */
    actor: z.string().max(200).optional(),
    position: count.optional(),
  }),
  /** A message of another conversation for the trial's sake: with a model that plays a person, or that judges. */
  z.object({
    ...recordBase,
    kind: z.literal('aside'),
    role: z.enum(['user', 'grader']),
    message: modelMessageSchema,
  }),
  /**
   * A turn is whole. The conversation can go on from here: it has so many messages, and the SHA-256 is over all bytes of
   * the channel before this line.
   */
  z.object({ ...recordBase, kind: z.literal('turn'), messages: count, sha256: z.string() }),
]);
export type TranscriptRecord = z.infer<typeof transcriptRecordSchema>;

/**
 * What a call would be run with, as it would be run: JSON in the spelling that the digest of an approval is over.
 * @returns null where that is no record of such a call
 */
export const callArgumentsIn = (record: unknown, toolCallId: string): string | null => {
  const parsed = transcriptRecordSchema.safeParse(record);
  if (!parsed.success || parsed.data.kind !== 'message' || parsed.data.message.role !== 'assistant') return null;
  const call = parsed.data.message.toolCalls.find(({ id }) => id === toolCallId);
  return call === undefined ? null : JSON.stringify(call.input);
};
