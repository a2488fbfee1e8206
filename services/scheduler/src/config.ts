import { baseConfigSchema } from '@crucible/service-kit';
import { z } from 'zod';

export const configSchema = baseConfigSchema.extend({
  /** Trials in flight on the whole platform. */
  CRUCIBLE_CONCURRENCY_MAX: z.coerce.number().int().min(1).max(10_000).default(8),
});
export type Config = z.infer<typeof configSchema>;
