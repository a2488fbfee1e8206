import { loadedModelSchema } from '@crucible/events';
import { z } from 'zod';

/** The models that an executor loaded last. */
export const loadedModelsSchema = z.object({
  executorId: z.string(),
  loadedAt: z.string(),
  loadedPosition: z.int().min(1),
  models: z.array(loadedModelSchema),
  more: z.int().min(0),
});
export type LoadedModels = z.infer<typeof loadedModelsSchema>;

export const knownModelSchema = loadedModelSchema.extend({
  executors: z.array(z.string()).describe('Executors that are up and can call it.'),
});
export type KnownModel = z.infer<typeof knownModelSchema>;

export const modelListSchema = z.object({
  items: z.array(knownModelSchema),
  complete: z
    .boolean()
    .describe('False where an executor that is up has not told all of its models, or none is up: there may be others.'),
  position: z.int().min(0).describe('Place in the event log that the answer is true of.'),
});
export type ModelList = z.infer<typeof modelListSchema>;
