import { z } from 'zod';

/**
 * Inspect's log, version 2, as it is published: every field with its type, what must be there, and every enumeration.
 * Written after `components/schemas` of `src/inspect_ai/_view/inspect-openapi.json` and, for the members of an archive,
 * `src/inspect_ai/log/_recorders/eval.py`, both of the repository UKGovernmentBEIS/inspect_ai (MIT) at commit
 * 499e6152e7b8fc8cbd8ac5283536572aa6e4ab17 of 2026-08-22. Stricter than its readers: what is not published is refused, and
 * null is, for Inspect leaves out what is not set. Kinds of events and content that Crucible never writes are left out.
 */

const dict = z.record(z.string(), z.json());
const time = z.iso.datetime({ offset: true });
const whole = z.int();
const idOf = z.union([z.string(), whole]);

const content = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string(), refusal: z.boolean().optional() }),
  z.strictObject({
    type: z.literal('reasoning'),
    reasoning: z.string(),
    redacted: z.boolean(),
    signature: z.string().optional(),
    summary: z.string().optional(),
  }),
]);
const messageBase = {
  id: z.string().optional(),
  content: z.union([z.string(), z.array(content)]),
  source: z.enum(['input', 'generate', 'operator']).optional(),
  metadata: dict.optional(),
};
export const toolCallShape = z.strictObject({
  id: z.string(),
  function: z.string(),
  arguments: dict,
  type: z.enum(['function', 'custom']),
  parse_error: z.string().optional(),
});
const toolError = z.strictObject({
  type: z.enum([
    ...(['parsing', 'timeout', 'unicode_decode', 'permission', 'file_not_found', 'is_a_directory', 'limit'] as const),
    ...(['approval', 'cancelled', 'sandbox_unavailable', 'unknown', 'output_limit'] as const),
  ]),
  message: z.string(),
});
const assistant = z.strictObject({
  ...messageBase,
  role: z.literal('assistant'),
  tool_calls: z.array(toolCallShape).optional(),
  model: z.string().optional(),
});
export const messageShape = z.discriminatedUnion('role', [
  z.strictObject({ ...messageBase, role: z.literal('system') }),
  z.strictObject({ ...messageBase, role: z.literal('user'), tool_call_id: z.array(z.string()).optional() }),
  assistant,
  z.strictObject({
    ...messageBase,
    role: z.literal('tool'),
    tool_call_id: z.string().optional(),
    function: z.string().optional(),
    error: toolError.optional(),
  }),
]);

const usage = z.strictObject({
  input_tokens: whole,
  output_tokens: whole,
  total_tokens: whole,
  input_tokens_cache_read: whole.optional(),
  input_tokens_cache_write: whole.optional(),
  reasoning_tokens: whole.optional(),
  total_cost: z.number().optional(),
});
const usageBy = z.record(z.string(), usage);
const output = z.strictObject({
  model: z.string(),
  choices: z.array(
    z.strictObject({
      message: assistant,
      stop_reason: z.enum(['stop', 'max_tokens', 'model_length', 'tool_calls', 'content_filter', 'unknown']),
    }),
  ),
  completion: z.string(),
  usage: usage.optional(),
  time: z.number().optional(),
  metadata: dict.optional(),
  error: z.string().optional(),
});
/** Those of its many fields that we write. */
const generateConfig = z.strictObject({
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  max_tokens: whole.optional(),
  seed: whole.optional(),
  stop_seqs: z.array(z.string()).optional(),
});

const jsonType = z.enum(['string', 'integer', 'number', 'boolean', 'array', 'object', 'null']);
const jsonSchema = z.strictObject({
  type: z.union([jsonType, z.array(jsonType)]).optional(),
  description: z.string().optional(),
  default: z.json(),
});
const toolInfo = z.strictObject({
  name: z.string(),
  description: z.string(),
  parameters: z.strictObject({
    type: z.literal('object'),
    properties: z.record(z.string(), jsonSchema),
    required: z.array(z.string()),
    additionalProperties: z.union([jsonSchema, z.boolean()]).optional(),
  }),
  options: dict.optional(),
});

const value = z.union([z.string(), z.number(), z.boolean()]);
const scoreFields = {
  value: z.union([value, z.array(value), z.record(z.string(), value.nullable())]),
  answer: z.string().optional(),
  explanation: z.string().optional(),
  metadata: dict.optional(),
};
/** `history` holds edits of a score; one that was never edited has none. */
const score = z.strictObject({ ...scoreFields, history: z.array(z.never()) });
const error = z.strictObject({ message: z.string(), traceback: z.string(), traceback_ansi: z.string() });
const sandboxSpec = z.strictObject({ type: z.string(), config: z.json().optional() });
const target = z.union([z.string(), z.array(z.string())]);
const input = z.union([z.string(), z.array(messageShape)]);

const stamp = {
  uuid: z.string().optional(),
  span_id: z.string().optional(),
  timestamp: time,
  working_start: z.number().min(0),
  metadata: dict.optional(),
  pending: z.boolean().optional(),
};
export const eventShape = z.discriminatedUnion('event', [
  z.strictObject({
    ...stamp,
    event: z.literal('model'),
    model: z.string(),
    role: z.string().optional(),
    input: z.array(messageShape),
    input_refs: z.array(z.tuple([whole.min(0), whole.min(1)])).optional(),
    tools: z.array(toolInfo),
    tool_choice: z.union([z.enum(['auto', 'any', 'none']), z.strictObject({ name: z.string() })]),
    config: generateConfig,
    output,
    retries: whole.optional(),
    error: z.string().optional(),
    cache: z.enum(['read', 'write']).optional(),
    completed: time.optional(),
    working_time: z.number().optional(),
  }),
  z.strictObject({
    ...stamp,
    event: z.literal('tool'),
    type: z.literal('function'),
    id: z.string(),
    function: z.string(),
    arguments: dict,
    result: z.union([value, z.array(content)]),
    truncated: z.tuple([whole, whole]).optional(),
    error: toolError.optional(),
    events: z.array(z.never()),
    completed: time.optional(),
    working_time: z.number().optional(),
    agent: z.string().optional(),
    agent_span_id: z.string().optional(),
    failed: z.boolean().optional(),
    message_id: z.string().optional(),
  }),
  z.strictObject({
    ...stamp,
    event: z.literal('approval'),
    message: z.string(),
    call: toolCallShape,
    approver: z.string(),
    decision: z.enum(['approve', 'modify', 'reject', 'escalate', 'terminate']),
    modified: toolCallShape.optional(),
    explanation: z.string().optional(),
  }),
  z.strictObject({ ...stamp, event: z.literal('info'), source: z.string().optional(), data: z.json() }),
  z.strictObject({
    ...stamp,
    event: z.literal('span_begin'),
    id: z.string(),
    parent_id: z.string().optional(),
    type: z.string().optional(),
    name: z.string(),
  }),
  z.strictObject({ ...stamp, event: z.literal('span_end'), id: z.string() }),
  z.strictObject({
    ...stamp,
    event: z.literal('sample_init'),
    sample: z.strictObject({
      id: idOf.optional(),
      input,
      choices: z.array(z.string()).optional(),
      target,
      metadata: dict.optional(),
      sandbox: sandboxSpec.optional(),
      files: z.record(z.string(), z.string()).optional(),
      setup: z.string().optional(),
    }),
    state: z.json(),
  }),
  z.strictObject({
    ...stamp,
    event: z.literal('sample_limit'),
    type: z.enum(['message', 'time', 'working', 'token', 'turn', 'cost', 'operator', 'custom']),
    message: z.string(),
    limit: z.number().optional(),
  }),
  z.strictObject({
    ...stamp,
    event: z.literal('score'),
    score,
    target: target.optional(),
    intermediate: z.boolean(),
    scorer: z.string().optional(),
    scorer_args: dict.optional(),
    model_usage: usageBy.optional(),
    role_usage: usageBy.optional(),
  }),
  z.strictObject({ ...stamp, event: z.literal('error'), error }),
  z.strictObject({
    ...stamp,
    event: z.literal('sandbox'),
    action: z.enum(['exec', 'read_file', 'write_file']),
    cmd: z.string().optional(),
    options: dict.optional(),
    file: z.string().optional(),
    input: z.string().optional(),
    result: whole.optional(),
    output: z.string().optional(),
    completed: time.optional(),
  }),
]);

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
