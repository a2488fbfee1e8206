import { z } from 'zod';

/** Images that one event names at the most. */
export const loadedImagesMax = 200;

/** Words of an image's own command, and bytes of them all as JSON: beyond, an image is not added. */
export const imageCommandWordsMax = 100;
export const imageCommandBytesMax = 4_096;

/** What suites call an image. */
export const imageNameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens, at most 32');

/** Which image exactly: what the engine knows it by, derived from its content. */
export const imageDigestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits');

/** A sandbox image as an executor has it. */
export const loadedImageSchema = z.object({
  name: imageNameSchema,
  digest: imageDigestSchema,
  /** What it runs when nobody says anything else: its entry point and command. Empty where it has none. */
  command: z.array(z.string().max(imageCommandBytesMax)).max(imageCommandWordsMax),
  /** The platform's own, and not one that an operator added. */
  own: z.boolean(),
});
export type LoadedImage = z.infer<typeof loadedImageSchema>;
