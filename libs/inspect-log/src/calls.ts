import type { CallView } from '@crucible/api';
import type { FinishReason, ModelMessage, ModelParameters, ToolStatus } from '@crucible/events';
import type { Suite } from '@crucible/suite';
import type { Approval } from './facts.ts';
import { argumentsOf, completionOf } from './messages.ts';
import type {
  ChatMessage,
  EventBody,
  Fields,
  GenerateConfig,
  StopReason,
  ToolCall,
  ToolError,
  ToolErrorType,
  ToolInfo,
} from './shapes.ts';
import { isoOf } from './stamps.ts';
import { usageIn } from './usage.ts';
import type { ModelCall } from './usage.ts';

export type ToolCallView = Extract<CallView, { kind: 'tool' }>;

const stopReasons: Readonly<Record<FinishReason, StopReason>> = {
  stop: 'stop',
  length: 'max_tokens',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  error: 'unknown',
  other: 'unknown',
};

export const configIn = (parameters: ModelParameters): GenerateConfig => ({
  ...(parameters.temperature === null ? {} : { temperature: parameters.temperature }),
  ...(parameters.topP === null ? {} : { top_p: parameters.topP }),
  ...(parameters.outputTokensMax === null ? {} : { max_tokens: parameters.outputTokensMax }),
  ...(parameters.seed === null ? {} : { seed: parameters.seed }),
  ...(parameters.stop.length === 0 ? {} : { stop_seqs: parameters.stop }),
});

/** A reply as it was said and as the log has it. */
export interface Reply {
  readonly said: ModelMessage;
  readonly message: ChatMessage;
}

/** What the model was shown: messages themselves, or how many of the sample's own, from the first on. */
export interface Shown {
  readonly input: readonly ChatMessage[];
  readonly pooled: number;
  readonly tools: readonly ToolInfo[];
}

export const modelEvent = (call: ModelCall, reply: Reply | null, { input, pooled, tools }: Shown): EventBody => {
  const { result, latencyMs, attempts, role } = call;
  const failure = result.status === 'failed' ? `${result.failure}: ${result.detail}` : undefined;
  const stop = result.status === 'replied' ? stopReasons[result.finishReason] : 'unknown';
  return {
    event: 'model',
    model: call.model,
    ...(role === 'subject' ? {} : { role }),
    input,
    ...(pooled === 0 ? {} : { input_refs: [[0, pooled]] as const }),
    tools,
    tool_choice: tools.length === 0 ? 'none' : 'auto',
    config: configIn(call.parameters),
    output: {
      model: call.providerModel,
      choices: reply === null ? [] : [{ message: reply.message, stop_reason: stop }],
      completion: reply === null ? '' : completionOf(reply.said),
      usage: usageIn(call.usage, call.costMicroUsd),
      time: latencyMs / 1_000,
      ...(failure === undefined ? {} : { error: failure }),
    },
    ...(attempts === 1 ? {} : { retries: attempts - 1 }),
    ...(failure === undefined ? {} : { error: failure }),
    completed: isoOf(Date.parse(call.at)),
    working_time: latencyMs / 1_000,
  };
};

export const modelCallFacts = (call: ModelCall): Fields => ({
  position: call.position,
  turn: call.turn,
  provider: call.provider,
  waited_ms: call.waitedMs,
  first_token_ms: call.firstTokenMs,
  request_sha256: call.requestSha256,
  request_record: call.records.request,
  reply_record: call.records.reply,
});

const errorTypes: Readonly<Record<Exclude<ToolStatus, 'ok'>, ToolErrorType>> = {
  error: 'unknown',
  timeout: 'timeout',
  'output-limit': 'limit',
  'invalid-arguments': 'parsing',
  denied: 'approval',
  'sandbox-gone': 'sandbox_unavailable',
};
const ERROR_CHARS_MAX = 2_000;

/** @param isError what the message itself says, where no call is known */
export const toolErrorOf = (status: ToolStatus | null, isError: boolean, text: string): ToolError | undefined => {
  if (status === 'ok' || (status === null && !isError)) return undefined;
  return { type: status === null ? 'unknown' : errorTypes[status], message: text.slice(0, ERROR_CHARS_MAX) };
};

/** @param asked the call as the model made it; undefined when its transcript is not kept */
export const toolEvent = (
  call: ToolCallView,
  asked: ToolCall | undefined,
  instead: ToolCall | undefined,
  result: { readonly text: string; readonly messageId: string } | null,
): EventBody => {
  const error = toolErrorOf(call.status, false, result?.text ?? '');
  return {
    event: 'tool',
    type: 'function',
    id: call.toolCallId,
    function: call.tool,
    arguments: (instead ?? asked)?.arguments ?? {},
    result: result?.text ?? '',
    ...(error === undefined ? {} : { error }),
    events: [],
    completed: isoOf(Date.parse(call.at)),
    working_time: call.durationMs / 1_000,
    ...(call.status === 'sandbox-gone' ? { failed: true } : {}),
    ...(result === null ? {} : { message_id: result.messageId }),
  };
};

export const toolCallFacts = (call: ToolCallView): Fields => ({
  position: call.position,
  turn: call.turn,
  status: call.status,
  exit_code: call.exitCode,
  output_bytes: call.outputBytes,
  dropped_bytes: call.droppedBytes,
  arguments_sha256: call.argumentsDigest,
  result_record: call.records.result,
});

/** What a person would have run in the model's place. */
export const modifiedCall = ({ request, decided }: Approval): ToolCall | undefined => {
  if (decided?.decision.kind !== 'modify') return undefined;
  const call = { id: request.toolCallId, function: request.tool, type: 'function' as const };
  try {
    return { ...call, arguments: argumentsOf(JSON.parse(decided.decision.inputText)) ?? {} };
  } catch {
    return { ...call, arguments: {}, parse_error: decided.decision.inputText };
  }
};

const decisions = {
  approve: 'approve',
  modify: 'modify',
  reject: 'reject',
  terminate: 'terminate',
  expired: 'reject',
} as const;

/** Null while nobody has decided, and when the trial ended before anybody had: Inspect has no word for that. */
export const approvalEvent = (approval: Approval, asked: ToolCall | undefined, message: string): EventBody | null => {
  const { request, decided } = approval;
  if (decided === undefined) return null;
  const isExpired = decided.decision.kind === 'expired';
  const modified = modifiedCall(approval);
  const call = { id: request.toolCallId, function: request.tool, type: 'function' as const, arguments: {} };
  const explanation = isExpired ? `nobody decided until ${request.expiresAt}` : decided.reason;
  return {
    event: 'approval',
    message,
    call: asked ?? call,
    approver: decided.actor,
    decision: decisions[decided.decision.kind],
    ...(modified === undefined ? {} : { modified }),
    ...(explanation === '' ? {} : { explanation }),
  };
};

export const approvalFacts = ({ request, requestedPosition, decided }: Approval): Fields => ({
  approval_id: request.approvalId,
  requested_position: requestedPosition,
  position: decided?.position ?? null,
  decision: decided?.decision.kind ?? null,
  arguments_sha256: request.argumentsDigest,
  excerpt: request.excerpt,
  expires_at: request.expiresAt,
});

/** What the built-in tools take, all of it text; their words to the model are the executor's. */
const builtins: Readonly<Record<string, readonly [about: string, ...argumentNames: string[]]>> = {
  bash: ['Runs a command with bash in the sandbox.', 'command'],
  python: ['Runs a Python 3 program in the sandbox.', 'code'],
  read_file: ['Reads a text file of the work folder.', 'path'],
  write_file: ['Writes a text file in the work folder.', 'path', 'content'],
  submit: ['Hands in the final answer and ends the task.', 'answer'],
};

const parametersOf = (properties: Fields, required: readonly string[]): Fields => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/**
 * The tools of a suite as calls to models list them: their names, and those of their arguments. A suite's JSON Schemas may
 * hold what Inspect's readers refuse, with the whole log; they stand in the plan, whole and once.
 */
export const toolsOf = ({ solver }: Pick<Suite, 'solver'>): ToolInfo[] => {
  if (solver.kind !== 'agent') return [];
  return solver.tools.map((tool): ToolInfo => {
    if (typeof tool === 'string') {
      const [about = '', ...names] = builtins[tool] ?? [];
      const properties = Object.fromEntries(names.map((name) => [name, { type: 'string', default: null }]));
      return { name: tool, description: about, parameters: parametersOf(properties, names) };
    }
    const { properties, required } = tool.parameters;
    const names = Object.keys(argumentsOf(properties) ?? {});
    const needed = Array.isArray(required) ? required.filter((each) => typeof each === 'string') : [];
    return {
      name: tool.name,
      description: tool.description,
      parameters: parametersOf(Object.fromEntries(names.map((name) => [name, { default: null }])), needed),
    };
  });
};
