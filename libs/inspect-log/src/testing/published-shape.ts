import { z } from 'zod';

import {
  dict,
  error,
  eventShape,
  generateConfig,
  idOf,
  input,
  messageShape,
  output,
  sandboxSpec,
  score,
  scoreFields,
  target,
  time,
  usageBy,
  whole,
} from './published-events.ts';

/**
 * Inspect's log, version 2, as it is published: every field with its type, what must be there, and every enumeration.
 * Written after `components/schemas` of `src/inspect_ai/_view/inspect-openapi.json` and, for the members of an archive,
 * `src/inspect_ai/log/_recorders/eval.py`, both of the repository UKGovernmentBEIS/inspect_ai (MIT) at commit
 * 499e6152e7b8fc8cbd8ac5283536572aa6e4ab17 of 2026-08-22. Stricter than its readers: what is not published is refused, and
 * null is, for Inspect leaves out what is not set. Kinds of events and content that Crucible never writes are left out.
 */

const about = {
  id: idOf,
  epoch: whole.min(1),
  input,
  choices: z.array(z.string()).optional(),
  target,
  metadata: dict,
  model_usage: usageBy,
  role_usage: usageBy,
  started_at: time.optional(),
  completed_at: time.optional(),
  total_time: z.number().optional(),
  working_time: z.number().optional(),
  uuid: z.string().optional(),
  turn_count: whole.optional(),
  token_limit: whole.optional(),
  token_limit_type: z.string().optional(),
  token_limit_usage: whole.optional(),
};
export const sampleShape = z.strictObject({
  ...about,
  sandbox: sandboxSpec.optional(),
  files: z.array(z.string()).optional(),
  setup: z.string().optional(),
  messages: z.array(messageShape),
  output,
  scores: z.record(z.string(), score).optional(),
  store: dict,
  events: z.array(eventShape),
  error: error.optional(),
  error_retries: z.array(error.extend({ events: z.array(eventShape).optional() })).optional(),
  attachments: z.record(z.string(), z.string()),
  events_data: z.strictObject({ messages: z.array(messageShape), calls: z.array(z.json()) }).optional(),
  limit: z
    .strictObject({
      type: z.enum(['context', 'time', 'working', 'message', 'token', 'turn', 'cost', 'operator', 'custom']),
      limit: z.number(),
    })
    .optional(),
});
export const summaryShape = z.strictObject({
  ...about,
  scores: z.record(z.string(), score).optional(),
  error: z.string().optional(),
  limit: z.string().optional(),
  retries: whole.optional(),
  completed: z.boolean(),
  message_count: whole.optional(),
});
export const reductionShape = z.strictObject({
  scorer: z.string(),
  reducer: z.string().optional(),
  samples: z.array(z.strictObject({ ...scoreFields, history: z.array(z.never()), sample_id: idOf.optional() })),
});

const metricDefinition = z.strictObject({ name: z.string(), options: dict.optional() });
const modelConfig = z.strictObject({
  model: z.string(),
  config: generateConfig,
  base_url: z.string().optional(),
  args: dict,
});
const evalConfig = z.strictObject({
  limit: z.union([whole, z.tuple([whole, whole])]).optional(),
  sample_id: z.union([idOf, z.array(idOf)]).optional(),
  sample_shuffle: z.union([z.boolean(), whole]).optional(),
  epochs: whole.optional(),
  epochs_reducer: z.array(z.string()).optional(),
  approval: z
    .strictObject({
      approvers: z.array(
        z.strictObject({ name: z.string(), tools: z.union([z.string(), z.array(z.string())]), params: dict }),
      ),
    })
    .optional(),
  fail_on_error: z.union([z.boolean(), z.number()]).optional(),
  retry_on_error: whole.optional(),
  message_limit: whole.optional(),
  token_limit: whole.optional(),
  token_limit_type: z.string().optional(),
  turn_limit: whole.optional(),
  time_limit: whole.optional(),
  working_limit: whole.optional(),
  cost_limit: z.number().optional(),
  max_samples: whole.optional(),
  max_sandboxes: whole.optional(),
});
export const specShape = z.strictObject({
  eval_set_id: z.string().optional(),
  eval_id: z.string(),
  run_id: z.string(),
  created: time,
  task: z.string(),
  task_id: z.string(),
  task_version: z.union([whole, z.string()]),
  task_file: z.string().optional(),
  task_display_name: z.string().optional(),
  task_registry_name: z.string().optional(),
  task_attribs: dict,
  task_args: dict,
  task_args_passed: dict,
  solver: z.string().optional(),
  solver_args: dict.optional(),
  solver_args_passed: dict.optional(),
  tags: z.array(z.string()).optional(),
  dataset: z.strictObject({
    name: z.string().optional(),
    location: z.string().optional(),
    samples: whole.optional(),
    sample_ids: z.array(idOf).optional(),
    shuffled: z.boolean().optional(),
  }),
  sandbox: sandboxSpec.optional(),
  model: z.string(),
  model_generate_config: generateConfig,
  model_base_url: z.string().optional(),
  model_args: dict,
  model_roles: z.record(z.string(), modelConfig).optional(),
  config: evalConfig,
  packages: z.record(z.string(), z.string()),
  metadata: dict.optional(),
  scorers: z
    .array(
      z.strictObject({
        name: z.string(),
        options: dict.optional(),
        metrics: z.array(metricDefinition).optional(),
        metadata: dict.optional(),
      }),
    )
    .optional(),
});
const step = z.strictObject({ solver: z.string(), params: dict, params_passed: dict });
const plan = z.strictObject({
  name: z.string(),
  steps: z.array(step),
  finish: step.optional(),
  config: generateConfig,
});
const metric = z.strictObject({
  name: z.string(),
  value: z.number(),
  params: dict,
  group: z.string().optional(),
  metadata: dict.optional(),
});
const evalScore = z.strictObject({
  name: z.string(),
  scorer: z.string(),
  reducer: z.string().optional(),
  scored_samples: whole.optional(),
  unscored_samples: whole.optional(),
  params: dict,
  metrics: z.record(z.string(), metric),
  metadata: dict.optional(),
});
const header = {
  version: z.literal(2),
  status: z.enum(['started', 'success', 'cancelled', 'error']),
  eval: specShape,
  plan,
  results: z
    .strictObject({
      total_samples: whole,
      completed_samples: whole,
      scores: z.array(evalScore),
      metadata: dict.optional(),
    })
    .optional(),
  stats: z.strictObject({
    started_at: z.union([time, z.literal('')]),
    completed_at: z.union([time, z.literal('')]),
    model_usage: usageBy,
    role_usage: usageBy,
    connection_limit_history: z.array(z.never()),
  }),
  error: error.optional(),
  invalidated: z.boolean(),
  tags: z.array(z.string()),
  metadata: dict,
};
/** `header.json` of an archive. */
export const headerShape = z.strictObject(header);
/** `_journal/start.json` of an archive. */
export const startShape = z.strictObject({ version: z.literal(2), eval: specShape, plan });
/** A log in one JSON document. */
export const logShape = z.strictObject({
  ...header,
  samples: z.array(sampleShape),
  reductions: z.array(reductionShape).optional(),
});
export type Log = z.infer<typeof logShape>;
export type LogSample = z.infer<typeof sampleShape>;
