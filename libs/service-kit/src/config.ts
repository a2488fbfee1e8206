import { z } from 'zod';

const port = z.coerce.number().int().min(1).max(65_535);

/** What every service reads from its environment. Each service extends this with its own variables. */
export const baseConfigSchema = z.object({
  CRUCIBLE_HOME: z.string().min(1),
  CRUCIBLE_NATS_URL: z.string().min(1).default('nats://127.0.0.1:4222'),
  CRUCIBLE_NATS_USER: z.string().optional(),
  CRUCIBLE_NATS_PASSWORD: z.string().optional(),
  CRUCIBLE_HEALTH_PORT: port,
  CRUCIBLE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
});
export type BaseConfig = z.infer<typeof baseConfigSchema>;

/** Thrown with every wrong variable at once, so that one start tells all there is to mend. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid';
}

/**
 * Parses the environment once, at boot.
 * @throws ConfigInvalid naming each wrong variable and what it should be
 */
export const readConfig = <S extends z.ZodType>(
  schema: S,
  environment: Readonly<Record<string, string | undefined>>,
): z.infer<S> => {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(present);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.');
    // What the schema says of an absent value is about its type ("received NaN"); only a custom rule knows better.
    const missing = issue.code !== 'custom' && issue.path.length > 0 && !Object.hasOwn(present, name);
    return `  ${name}: ${missing ? 'is not set' : issue.message}`;
  });
  throw new ConfigInvalid(`the environment is not usable:\n${lines.join('\n')}`);
};
