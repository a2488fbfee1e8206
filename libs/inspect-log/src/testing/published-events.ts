import { z } from 'zod';

/** Messages and events of Inspect's log, as they are published: see `published-shape.ts`. */

export const dict = z.record(z.string(), z.json());
export const time = z.iso.datetime({ offset: true });
export const whole = z.int();
export const idOf = z.union([z.string(), whole]);

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
export const usageBy = z.record(z.string(), usage);
export const output = z.strictObject({
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
export const generateConfig = z.strictObject({
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
export const scoreFields = {
  value: z.union([value, z.array(value), z.record(z.string(), value.nullable())]),
  answer: z.string().optional(),
  explanation: z.string().optional(),
  metadata: dict.optional(),
};
/** `history` holds edits of a score; one that was never edited has none. */
export const score = z.strictObject({ ...scoreFields, history: z.array(z.never()) });
export const error = z.strictObject({ message: z.string(), traceback: z.string(), traceback_ansi: z.string() });
export const sandboxSpec = z.strictObject({ type: z.string(), config: z.json().optional() });
export const target = z.union([z.string(), z.array(z.string())]);
export const input = z.union([z.string(), z.array(messageShape)]);

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
