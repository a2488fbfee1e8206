import { displayableLine, messageCharsMax, toolSpecSchema } from '@crucible/events';
import type { ModelMessage, ModelParameters, ToolCall, ToolSpec } from '@crucible/events';
import { isTooDeep, toolInputOf } from '@crucible/models';
import type { ToolChoice } from '@crucible/models';
import { unfit } from './problem.ts';
import type { Problem } from './problem.ts';

/** What an agent program asks of its model. */
export interface ChatAsk {
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolSpec[];
  readonly toolChoice: ToolChoice;
  readonly parameters: ModelParameters;
  readonly isStreamed: boolean;
  /** Only asked of a stream: any other answer tells it anyway. */
  readonly tellsUsage: boolean;
}
export type ChatRead = { readonly ok: true; readonly ask: ChatAsk } | { readonly ok: false; readonly problem: Problem };

export const requestBounds = { messagesMax: 2_000, partsMax: 200, toolsMax: 128, toolCallsMax: 64 } as const;
const STOPS_MAX = 8;
const STOP_CHARS_MAX = 200;
const ID_CHARS_MAX = 200;
const NAME_CHARS_MAX = 128;
const MODEL_CHARS_MAX = 200;
const SCHEMA_CHARS_MAX = 64 * 1024;
const TOKENS_MAX = 1_000_000;
const PARAM_CHARS_MAX = 80;

type Loose = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The first thing that is wrong with a request. */
class Unfit extends Error {
  readonly problem: Problem;

  constructor(param: string | null, message: string, code = 'invalid_value') {
    super(message);
    this.problem = unfit(param, param === null ? message : `Invalid '${param}': ${message}.`, code);
  }
}

const mapAt = (value: unknown, param: string): Loose => {
  if (!isMap(value)) throw new Unfit(param, 'must be an object', 'invalid_type');
  return value;
};
const listAt = (value: unknown, param: string, most: number): readonly unknown[] => {
  if (!Array.isArray(value)) throw new Unfit(param, 'must be a list', 'invalid_type');
  if (value.length > most)
    throw new Unfit(param, `has ${value.length} entries, and ${most} are allowed`, 'array_above_max_length');
  return value;
};
const textAt = (value: unknown, param: string, charsMax: number): string => {
  if (typeof value !== 'string') throw new Unfit(param, 'must be a text', 'invalid_type');
  if (value.length > charsMax)
    throw new Unfit(param, `has ${value.length} characters, and ${charsMax} are allowed`, 'string_above_max_length');
  return value.toWellFormed();
};
const nameAt = (value: unknown, param: string, charsMax: number): string => {
  const text = textAt(value, param, charsMax);
  if (text === '') throw new Unfit(param, 'must not be empty', 'empty_string');
  return text;
};
const numberAt = (value: unknown, param: string, least: number, most: number, isWhole: boolean): number => {
  if (typeof value !== 'number' || (isWhole && !Number.isSafeInteger(value)))
    throw new Unfit(param, `must be a ${isWhole ? 'whole ' : ''}number`, 'invalid_type');
  if (value < least || value > most) throw new Unfit(param, `must be from ${least} to ${most}`, 'out_of_range');
  return value;
};
const flagAt = (value: unknown, param: string): boolean => {
  if (typeof value !== 'boolean') throw new Unfit(param, 'must be true or false', 'invalid_type');
  return value;
};

/** Clients send null for what they leave out. */
const given = (value: unknown): boolean => value !== undefined && value !== null;
const maybe = <T>(value: unknown, read: (value: unknown) => T): T | null => (given(value) ? read(value) : null);

/** Text, or parts that are text: nothing else goes to a model from here. */
const contentAt = (value: unknown, param: string): string => {
  if (typeof value === 'string') return textAt(value, param, messageCharsMax);
  if (!Array.isArray(value)) throw new Unfit(param, 'must be a text, or a list of parts', 'invalid_type');
  const texts = listAt(value, param, requestBounds.partsMax).map((part, at) => {
    const own = mapAt(part, `${param}[${at}]`);
    if (own['type'] !== 'text') throw new Unfit(`${param}[${at}].type`, 'must be text: no other part is carried here');
    return textAt(own['text'], `${param}[${at}].text`, messageCharsMax);
  });
  return textAt(texts.join('\n'), param, messageCharsMax);
};

const toolCallAt = (value: unknown, param: string): ToolCall => {
  const call = mapAt(value, param);
  if (call['type'] !== undefined && call['type'] !== 'function') throw new Unfit(`${param}.type`, 'must be function');
  const called = mapAt(call['function'], `${param}.function`);
  const inputText = textAt(called['arguments'], `${param}.function.arguments`, messageCharsMax);
  return {
    id: nameAt(call['id'], `${param}.id`, ID_CHARS_MAX),
    tool: nameAt(called['name'], `${param}.function.name`, NAME_CHARS_MAX),
    input: toolInputOf(inputText),
    inputText,
  };
};

const assistantAt = (message: Loose, param: string): ModelMessage => {
  if (given(message['function_call']))
    throw new Unfit(`${param}.function_call`, 'is not carried here: use tool_calls', 'unsupported_parameter');
  const toolCalls = maybe(message['tool_calls'], (calls) =>
    listAt(calls, `${param}.tool_calls`, requestBounds.toolCallsMax).map((call, at) =>
      toolCallAt(call, `${param}.tool_calls[${at}]`),
    ),
  );
  const content = maybe(message['content'], (value) => contentAt(value, `${param}.content`));
  return { role: 'assistant', content: content ?? '', reasoning: null, toolCalls: toolCalls ?? [] };
};

/** @param tools by the ids of the calls of the last reply before */
const messageAt = (value: unknown, param: string, tools: ReadonlyMap<string, string>): ModelMessage => {
  const message = mapAt(value, param);
  const content = (): string => contentAt(message['content'], `${param}.content`);
  switch (message['role']) {
    case 'system':
    case 'developer':
      return { role: 'system', content: content() };
    case 'user':
      return { role: 'user', content: content() };
    case 'assistant':
      return assistantAt(message, param);
    case 'tool': {
      const toolCallId = nameAt(message['tool_call_id'], `${param}.tool_call_id`, ID_CHARS_MAX);
      const tool = tools.get(toolCallId);
      if (tool === undefined)
        throw new Unfit(`${param}.tool_call_id`, 'answers no tool call of the assistant message before it');
      return { role: 'tool', toolCallId, tool, content: content(), isError: false };
    }
    default:
      throw new Unfit(`${param}.role`, 'must be system, developer, user, assistant or tool');
  }
};

const messagesAt = (value: unknown): ModelMessage[] => {
  const list = listAt(value, 'messages', requestBounds.messagesMax);
  if (list.length === 0) throw new Unfit('messages', 'must hold at least one message', 'empty_array');
  let tools: ReadonlyMap<string, string> = new Map();
  return list.map((each, at) => {
    const message = messageAt(each, `messages[${at}]`, tools);
    if (message.role === 'assistant') tools = new Map(message.toolCalls.map(({ id, tool }) => [id, tool]));
    return message;
  });
};

const toolAt = (value: unknown, param: string): ToolSpec => {
  const tool = mapAt(value, param);
  if (tool['type'] !== 'function') throw new Unfit(`${param}.type`, 'must be function');
  const own = mapAt(tool['function'], `${param}.function`);
  const within = `${param}.function`;
  const name = toolSpecSchema.shape.name.safeParse(own['name']);
  if (!name.success)
    throw new Unfit(
      `${within}.name`,
      'must begin with a letter and hold letters, digits, _ and -, 64 characters at the most',
    );
  const description = maybe(own['description'], (text) => textAt(text, `${within}.description`, 4_000)) ?? '';
  const schema = JSON.stringify(own['parameters'] ?? { type: 'object', properties: {} });
  if (schema.length > SCHEMA_CHARS_MAX)
    throw new Unfit(`${within}.parameters`, `has ${schema.length} characters, and ${SCHEMA_CHARS_MAX} are allowed`);
  const parameters = toolInputOf(schema);
  if (!isMap(parameters)) throw new Unfit(`${within}.parameters`, 'must be a JSON Schema of an object', 'invalid_type');
  return { name: name.data, description, parameters: parameters as ToolSpec['parameters'] };
};

const toolsAt = (value: unknown): ToolSpec[] => {
  const tools = listAt(value, 'tools', requestBounds.toolsMax).map((tool, at) => toolAt(tool, `tools[${at}]`));
  const twice = tools.findIndex(({ name }, at) => tools.findIndex((tool) => tool.name === name) < at);
  if (twice >= 0) throw new Unfit(`tools[${twice}].function.name`, 'is the name of another tool, too');
  return tools;
};

const choiceAt = (value: unknown, tools: readonly ToolSpec[]): ToolChoice => {
  if (value === 'auto' || value === 'none' || value === 'required') {
    if (value === 'required' && tools.length === 0)
      throw new Unfit('tool_choice', 'is required, and there are no tools');
    return value;
  }
  if (typeof value === 'string') throw new Unfit('tool_choice', 'must be auto, none, required or a function');
  const named = mapAt(mapAt(value, 'tool_choice')['function'], 'tool_choice.function')['name'];
  if (!tools.some(({ name }) => name === named))
    throw new Unfit('tool_choice.function.name', 'must be the name of one of the tools');
  return { tool: named as string };
};

const stopAt = (value: unknown): string[] => {
  const all = typeof value === 'string' ? [value] : listAt(value, 'stop', STOPS_MAX);
  return all.map((each, at) => nameAt(each, `stop[${at}]`, STOP_CHARS_MAX));
};

const parametersIn = (body: Loose): ModelParameters => {
  const tokens = given(body['max_completion_tokens']) ? 'max_completion_tokens' : 'max_tokens';
  return {
    temperature: maybe(body['temperature'], (value) => numberAt(value, 'temperature', 0, 2, false)),
    topP: maybe(body['top_p'], (value) => numberAt(value, 'top_p', 0, 1, false)),
    outputTokensMax: maybe(body[tokens], (value) => numberAt(value, tokens, 1, TOKENS_MAX, true)),
    seed: maybe(body['seed'], (value) => numberAt(value, 'seed', -(2 ** 53) + 1, 2 ** 53 - 1, true)),
    stop: maybe(body['stop'], stopAt) ?? [],
  };
};

const READ: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'tools', 'tool_choice', 'stream', 'stream_options'],
  ...['temperature', 'top_p', 'max_tokens', 'max_completion_tokens', 'seed', 'stop'],
]);
/** What changes nothing of a reply: names and labels for the provider's own sake, which stay here. */
const LABELS: ReadonlySet<string> = new Set([
  ...['user', 'metadata', 'store', 'service_tier', 'safety_identifier'],
  ...['prompt_cache_key', 'prompt_cache_retention'],
]);

const isText = (value: unknown): boolean => isMap(value) && value['type'] === 'text';
const isEmpty = (value: unknown): boolean => isMap(value) && Object.keys(value).length === 0;
const isOnly =
  (...all: readonly unknown[]) =>
  (value: unknown): boolean =>
    all.includes(value);
/** What would change a reply and is not carried, with the values that ask for no change. */
const NOT_CARRIED: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['n', isOnly(1)],
  ['response_format', isText],
  ['frequency_penalty', isOnly(0)],
  ['presence_penalty', isOnly(0)],
  ['logit_bias', isEmpty],
  ['logprobs', isOnly(false)],
  ['top_logprobs', isOnly(0)],
  ['parallel_tool_calls', isOnly(true)],
  ['modalities', (value) => Array.isArray(value) && value.every((each) => each === 'text')],
  ...['reasoning_effort', 'verbosity', 'audio', 'prediction', 'web_search_options', 'functions', 'function_call'].map(
    (name) => [name, () => false] as const,
  ),
]);

const checkFields = (body: Loose): void => {
  for (const [name, value] of Object.entries(body)) {
    if (READ.has(name) || LABELS.has(name) || !given(value)) continue;
    const changesNothing = NOT_CARRIED.get(name);
    if (changesNothing?.(value) === true) continue;
    const param = displayableLine(name, PARAM_CHARS_MAX);
    if (changesNothing === undefined) throw new Unfit(param, 'is no parameter of this endpoint', 'unknown_parameter');
    throw new Unfit(param, 'is not carried by this endpoint with this value', 'unsupported_parameter');
  }
};

const askOf = (body: Loose): ChatAsk => {
  checkFields(body);
  const model = nameAt(body['model'], 'model', MODEL_CHARS_MAX);
  const messages = messagesAt(body['messages']);
  const tools = maybe(body['tools'], toolsAt) ?? [];
  const isStreamed = maybe(body['stream'], (value) => flagAt(value, 'stream')) ?? false;
  const options = maybe(body['stream_options'], (value) => mapAt(value, 'stream_options'));
  if (options !== null && !isStreamed) throw new Unfit('stream_options', 'is only for a stream: set stream to true');
  const tellsUsage = maybe(options?.['include_usage'], (value) => flagAt(value, 'stream_options.include_usage'));
  return {
    model,
    messages,
    tools,
    toolChoice: maybe(body['tool_choice'], (value) => choiceAt(value, tools)) ?? 'auto',
    parameters: parametersIn(body),
    isStreamed,
    tellsUsage: tellsUsage ?? false,
  };
};

const jsonOf = (bytes: Uint8Array): unknown => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return isTooDeep(text) ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
};

/** Reads the body of a request for a chat completion. Total, and done at the first mistake: hostile bodies are cheap. */
export const readChat = (bytes: Uint8Array): ChatRead => {
  const body = jsonOf(bytes);
  if (!isMap(body))
    return { ok: false, problem: unfit(null, 'The body is no JSON object, or too deep.', 'invalid_json') };
  try {
    return { ok: true, ask: askOf(body) };
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    return { ok: false, problem: error.problem };
  }
};
