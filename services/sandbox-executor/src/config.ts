import { availableParallelism, hostname } from 'node:os';
import { baseConfigSchema } from '@crucible/service-kit';
import { z } from 'zod';

const SANDBOXES_PER_CORE = 4;
const POOL_IDLE_MS_MAX = 600_000;
const EVIDENCE_BYTES_MAX = 16 * 1024 ** 3;

const images = z.string().transform((text, context): Record<string, string> => {
  try {
    return z.record(z.string(), z.string().min(1)).parse(JSON.parse(text));
  } catch {
    context.addIssue({
      code: 'custom',
      message: 'must be a JSON object from image names to engine references, such as {"python":"crucible/python:1a2b"}',
    });
    return z.NEVER;
  }
});

/** Also parts of one. Shorter than what a call takes, none could be made. */
const minutes = z.coerce.number().min(0.1).max(100_000_000);

export const configSchema = baseConfigSchema.extend({
  CRUCIBLE_DOCKER_SOCKET: z.string().min(1),
  /** Name of the engine's gVisor runtime. There is no fallback. */
  CRUCIBLE_SANDBOX_RUNTIME: z.string().min(1),
  CRUCIBLE_SANDBOX_IMAGES: images,
  /** Where gVisor reports system calls to; absent when the engine does not. */
  CRUCIBLE_TRACE_SOCKET: z.string().min(1).optional(),
  /** Where an engine that is wholly ours keeps what it runs: all runtime processes below it are ours. Absent when it is shared. */
  CRUCIBLE_ENGINE_ROOT: z.string().startsWith('/', 'must be an absolute path').optional(),
  /** An operator's own rules, beside the shipped ones; none when there is no such folder. */
  CRUCIBLE_RULES_DIR: z.string().min(1).optional(),
  /** What canaries are made and known by; executors that share it know each other's. */
  CRUCIBLE_CANARY_KEY_FILE: z.string().min(1),
  /** An operator's sandbox profiles, the same file as the gateway's; without one there is `strict` alone. */
  CRUCIBLE_PROFILES_FILE: z.string().min(1).optional(),
  /** The operator's models; without one there are the scripted ones alone. */
  CRUCIBLE_MODELS_FILE: z.string().min(1).optional(),
  /** The operator's rules on tool calls, of each team and of all; without one the suites' alone hold. */
  CRUCIBLE_APPROVALS_FILE: z.string().min(1).optional(),
  /** What the platform may spend on models in a day (UTC), in all; no bound when left out. */
  CRUCIBLE_MODEL_TOKENS_PER_DAY_MAX: z.coerce.number().int().min(1).optional(),
  CRUCIBLE_MODEL_USD_PER_DAY_MAX: z.coerce.number().min(0).max(1_000_000).optional(),
  CRUCIBLE_MODEL_CALLS_PER_DAY_MAX: z.coerce.number().int().min(1).optional(),
  /** Working time of all trials together: several work at once, so a day may have more of it than its 1,440 minutes. */
  CRUCIBLE_MODEL_MINUTES_PER_DAY_MAX: minutes.optional(),
  /** The same for each team. */
  CRUCIBLE_TEAM_MODEL_TOKENS_PER_DAY_MAX: z.coerce.number().int().min(1).optional(),
  CRUCIBLE_TEAM_MODEL_USD_PER_DAY_MAX: z.coerce.number().min(0).max(1_000_000).optional(),
  CRUCIBLE_TEAM_MODEL_CALLS_PER_DAY_MAX: z.coerce.number().int().min(1).optional(),
  CRUCIBLE_TEAM_MODEL_MINUTES_PER_DAY_MAX: minutes.optional(),
  CRUCIBLE_EXECUTOR_ID: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, 'must be letters, digits, dots, hyphens, at most 63')
    .default(
      hostname()
        .replace(/[^a-zA-Z0-9_.-]/g, '-')
        .slice(0, 63),
    ),
  CRUCIBLE_EXECUTOR_CAPACITY: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(availableParallelism() * SANDBOXES_PER_CORE),
  /** Sandboxes that wait, made and proven, for trials that may come: each takes 30 to 60 MiB. 0 makes each for its trial. */
  CRUCIBLE_POOL_IDLE_MAX: z.coerce.number().int().min(0).max(200).optional(),
  /** How long one waits before it is made anew, in milliseconds. */
  CRUCIBLE_POOL_IDLE_MS_MAX: z.coerce.number().int().min(1_000).default(POOL_IDLE_MS_MAX),
  /** Kept output and traces; before it is reached, the oldest ended trials' evidence is erased and the log says so. */
  CRUCIBLE_EVIDENCE_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(16 * 1024 ** 2)
    .default(EVIDENCE_BYTES_MAX),
});
export type Config = z.infer<typeof configSchema>;

/** Where keys of models are looked for, by the names that the file of models gives. Nothing else is read from it. */
export const keyEnvironment = (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => env;
