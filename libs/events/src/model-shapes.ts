import { z } from 'zod';
import { count, label } from './parts.ts';

/** Models that one event names at the most: those of a file, and the scripted ones. */
export const loadedModelsMax = 250;

/** US dollars for a million tokens. */
export const modelPriceSchema = z.object({
  inputUsd: z.number().min(0),
  outputUsd: z.number().min(0),
  cachedInputUsd: z.number().min(0),
});

/** A model as an executor has it. Where it is and what key it needs stay with the executor. */
export const loadedModelSchema = z.object({
  /** Name in the platform's configuration: what suites and people call it. */
  name: label.min(1),
  provider: label,
  /** The provider's own name for it. */
  modelId: label,
  /** Null where none is configured: then no cost is told, and a budget of money takes no call. */
  price: modelPriceSchema.nullable(),
  limits: z.object({
    /** Calls at once, at the most. */
    concurrencyMax: z.int().min(1),
    outputTokensMax: z.int().min(1),
    timeoutMs: count,
    attemptsMax: z.int().min(1),
  }),
});
export type LoadedModel = z.infer<typeof loadedModelSchema>;
