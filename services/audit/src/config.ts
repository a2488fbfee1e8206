import { baseConfigSchema } from '@crucible/service-kit';
import { z } from 'zod';

export const auditConfigSchema = baseConfigSchema.extend({
  /** A checkpoint is signed when this many events came in behind the last one, */
  CRUCIBLE_AUDIT_SEAL_EVENTS_MAX: z.coerce.number().int().min(1).max(1_000_000).default(1_000),
  /** or when this much time went by and at least one did. */
  CRUCIBLE_AUDIT_SEAL_WAIT_MS_MAX: z.coerce.number().int().min(100).max(3_600_000).default(2_000),
  /** Where checkpoints, tiles, proofs and exports are served, for the gateway to forward to; nowhere when absent. */
  CRUCIBLE_AUDIT_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  CRUCIBLE_AUDIT_BIND: z.string().min(1).default('127.0.0.1'),
  /** Whoever asks must show what is in this file; `secrets/audit-token` of the home when absent. */
  CRUCIBLE_AUDIT_TOKEN_FILE: z.string().min(1).optional(),
});
export type AuditConfig = z.infer<typeof auditConfigSchema>;
