import type {
  JSONSchema7,
  LanguageModelV4FunctionTool,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolChoice,
} from '@ai-sdk/provider';
import type { ModelMessage, ToolCall, ToolSpec } from '@crucible/events';
import type { ToolChoice } from './call.ts';
import { WireFault } from './wire.ts';

const INVALID_CHARS_MAX = 4_000;

/** Providers take objects only. What was none is shown to the model as what it is: its own mistake. */
const inputOf = ({ input, inputText }: ToolCall): unknown =>
  typeof input === 'object' && input !== null && !Array.isArray(input)
    ? input
    : { invalid_arguments: inputText.slice(0, INVALID_CHARS_MAX) };

const assistantMessage = (message: Extract<ModelMessage, { role: 'assistant' }>): LanguageModelV4Message[] => {
  const text = message.content === '' ? [] : [{ type: 'text' as const, text: message.content }];
  const calls = message.toolCalls.map((call) => ({
    type: 'tool-call' as const,
    toolCallId: call.id,
    toolName: call.tool,
    input: inputOf(call),
  }));
  // A turn in which nothing was said: providers refuse an empty one.
  return text.length + calls.length === 0 ? [] : [{ role: 'assistant', content: [...text, ...calls] }];
};

const sdkMessage = (message: ModelMessage): LanguageModelV4Message[] => {
  switch (message.role) {
    case 'system':
      return [{ role: 'system', content: message.content }];
    case 'user':
      return [{ role: 'user', content: [{ type: 'text', text: message.content }] }];
    case 'assistant':
      return assistantMessage(message);
    case 'tool': {
      const output = { type: message.isError ? ('error-text' as const) : ('text' as const), value: message.content };
      const { toolCallId, tool: toolName } = message;
      return [{ role: 'tool', content: [{ type: 'tool-result', toolCallId, toolName, output }] }];
    }
  }
};

const refused = (detail: string): WireFault => new WireFault({ failure: 'rejected', detail, retryable: false });

/** Providers refuse it each in its own words, or reply to half of it. @throws WireFault naming the call */
const checkAnswers = (messages: readonly ModelMessage[]): void => {
  let open = new Map<string, string>();
  for (const message of messages) {
    if (message.role === 'tool') {
      if (!open.delete(message.toolCallId)) throw refused(`an answer of ${message.tool} has no call before it`);
      continue;
    }
    const [unanswered] = open.values();
    if (unanswered !== undefined) throw refused(`a call of ${unanswered} has no answer`);
    if (message.role === 'assistant') open = new Map(message.toolCalls.map(({ id, tool }) => [id, tool]));
  }
  const [unanswered] = open.values();
  if (unanswered !== undefined) throw refused(`a call of ${unanswered} has no answer`);
};

/** A conversation as providers of the SDK take it. Reasoning stays out: they take back only what they signed. */
export const sdkPrompt = (messages: readonly ModelMessage[]): LanguageModelV4Prompt => {
  checkAnswers(messages);
  return messages.flatMap(sdkMessage);
};

export const sdkTools = (tools: readonly ToolSpec[]): LanguageModelV4FunctionTool[] =>
  tools.map(({ name, description, parameters }) => ({
    type: 'function',
    name,
    description,
    inputSchema: parameters as JSONSchema7,
  }));

export const sdkToolChoice = (choice: ToolChoice): LanguageModelV4ToolChoice =>
  typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.tool };
