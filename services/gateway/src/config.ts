import { baseConfigSchema } from '@crucible/service-kit';
import { z } from 'zod';
import { isProxyName } from './auth/client-address.ts';

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  );

/** `CRUCIBLE_HEALTH_PORT` is not read here: the gateway answers for its health on its public port. */
export const configSchema = baseConfigSchema.extend({
  CRUCIBLE_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  CRUCIBLE_DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, 'must be a postgres:// address'),
  CRUCIBLE_PORT: z.coerce.number().int().min(1).max(65_535).default(4700),
  CRUCIBLE_BIND: z.string().min(1).default('127.0.0.1'),
  CRUCIBLE_TOKEN_FILE: z.string().min(1),
  CRUCIBLE_WEB_DIR: z.string().min(1),
  CRUCIBLE_SUITES_DIR: z.string().min(1),
  /** An operator's sandbox profiles; without one there is `strict` alone. */
  CRUCIBLE_PROFILES_FILE: z.string().min(1).optional(),
  /** Names this gateway may be called by, beside its own address; comma-separated. Guards against DNS rebinding. */
  CRUCIBLE_ALLOWED_HOSTS: list,
  /** Addresses and networks of proxies whose X-Forwarded-For is believed; comma-separated. */
  CRUCIBLE_TRUSTED_PROXIES: list.refine((names) => names.every(isProxyName), {
    message: 'must be addresses or networks such as 10.0.0.0/8, separated by commas',
  }),
  /** Where the audit service listens, and the token it asks for; without them `/audit/` answers 503. */
  CRUCIBLE_AUDIT_URL: z
    .string()
    .regex(/^http:\/\//, 'must be an http:// address')
    .optional(),
  CRUCIBLE_AUDIT_TOKEN_FILE: z.string().min(1).optional(),
  /** An archive: nothing is changed and nothing appended, reading is all there is. */
  CRUCIBLE_READ_ONLY: z.stringbool().default(false),
});
export type Config = z.infer<typeof configSchema>;
