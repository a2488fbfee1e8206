import { loadedImageSchema } from '@crucible/events';
import { z } from 'zod';

/** The sandbox images that an executor told of last. */
export const loadedImagesSchema = z.object({
  executorId: z.string(),
  loadedAt: z.string(),
  loadedPosition: z.int().min(1),
  images: z.array(loadedImageSchema),
  more: z.int().min(0),
});
export type LoadedImages = z.infer<typeof loadedImagesSchema>;

export const knownImageSchema = loadedImageSchema.extend({
  executors: z.array(z.string()).describe('Executors that are up and have exactly this image of that name.'),
});
export type KnownImage = z.infer<typeof knownImageSchema>;

export const imageListSchema = z.object({
  items: z.array(knownImageSchema),
  complete: z
    .boolean()
    .describe('False where an executor that is up has not told all of its images, or none is up: there may be others.'),
  position: z.int().min(0).describe('Place in the event log that the answer is true of.'),
});
export type ImageList = z.infer<typeof imageListSchema>;
