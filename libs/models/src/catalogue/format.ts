import { messageCharsMax } from '@crucible/events';
import { z } from 'zod';
import { byteSize, duration } from './quantities.ts';

export const providerNames = ['openai', 'anthropic', 'openai-compatible', 'scripted'] as const;
export type ProviderName = (typeof providerNames)[number];

const MODELS_MAX = 200;
/** What a million tokens may cost: more than any price there is, and less than what makes sums of it inexact. */
const USD_PER_MILLION_MAX = 100_000;
/** A character takes at least a byte, so a reply within it fits into one message of a transcript. */
const REPLY_BYTES_MAX = messageCharsMax;

/** Limits of an entry that says nothing of them. */
export const limitDefaults = {
  concurrencyMax: 32,
  timeoutMs: 600_000,
  idleMsMax: 120_000,
  outputTokensMax: 8_192,
  replyBytesMax: 512 * 1024,
  attemptsMax: 5,
} as const;

const modelName = z
  .string()
  .max(100)
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9._:-]*(\/[a-zA-Z0-9][a-zA-Z0-9._:-]*)*$/,
    'must be letters, digits, dots, colons, hyphens and underscores, in parts joined by /',
  );

const limitsSchema = z.strictObject({
  concurrency: z.int().min(1).max(1_000).default(limitDefaults.concurrencyMax),
  timeout: duration('10m', 100, 3_600_000).default(limitDefaults.timeoutMs),
  // Node's own client gives up after five minutes.
  idleTimeout: duration('2m', 100, 290_000).default(limitDefaults.idleMsMax),
  outputTokens: z.int().min(1).max(1_000_000).default(limitDefaults.outputTokensMax),
  replyBytes: byteSize('512KiB', 1024, REPLY_BYTES_MAX).default(limitDefaults.replyBytesMax),
  attempts: z.int().min(1).max(20).default(limitDefaults.attemptsMax),
});

const usd = z.number().min(0).max(USD_PER_MILLION_MAX);

/** A key is named, never written: of what stands here nothing is ever repeated in a message. */
export const keySchema = z.union([
  z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/) }),
  z.strictObject({ file: z.string().min(1).max(4_096) }),
]);
export type KeyReference = z.infer<typeof keySchema>;

const entrySchema = z.strictObject({
  name: modelName,
  provider: z.enum(providerNames),
  model: z.string().min(1).max(200),
  baseUrl: z.string().max(2_000).optional(),
  key: keySchema.optional(),
  streaming: z.boolean().default(true),
  price: z.strictObject({ input: usd, output: usd, cachedInput: usd.optional() }).optional(),
  limits: limitsSchema.prefault({}),
});
export type WrittenEntry = z.infer<typeof entrySchema>;

export const fileSchema = z.strictObject({ models: z.array(entrySchema).max(MODELS_MAX) });

/** Names that may stand in each part of the file. */
export const knownFields = {
  file: Object.keys(fileSchema.shape),
  entry: Object.keys(entrySchema.shape),
  limits: Object.keys(limitsSchema.shape),
  price: ['input', 'output', 'cachedInput'],
  key: ['env', 'file'],
} as const;
