import type { ModelMessage, ToolCall, ToolSpec } from '@crucible/events';
import { jsonSchema, tool } from 'ai';
import type { ModelMessage as SdkMessage, ToolChoice as SdkToolChoice, ToolSet } from 'ai';
import type { ToolChoice } from './call.ts';

const INVALID_CHARS_MAX = 4_000;

/** Providers take objects only. What was none is shown to the model as what it is: its own mistake. */
const inputOf = ({ input, inputText }: ToolCall): unknown =>
  typeof input === 'object' && input !== null && !Array.isArray(input)
    ? input
    : { invalid_arguments: inputText.slice(0, INVALID_CHARS_MAX) };

/** A conversation as the SDK has it. Reasoning stays out: providers take back only what they signed. */
export const sdkMessages = (messages: readonly ModelMessage[]): SdkMessage[] =>
  messages.flatMap((message): SdkMessage[] => {
    switch (message.role) {
      case 'system':
      case 'user':
        return [{ role: message.role, content: message.content }];
      case 'assistant': {
        const text = message.content === '' ? [] : [{ type: 'text' as const, text: message.content }];
        const calls = message.toolCalls.map((call) => ({
          type: 'tool-call' as const,
          toolCallId: call.id,
          toolName: call.tool,
          input: inputOf(call),
        }));
        // A turn in which nothing was said: providers refuse an empty one.
        return text.length + calls.length === 0 ? [] : [{ role: 'assistant', content: [...text, ...calls] }];
      }
      case 'tool':
        return [
          {
            role: 'tool',
            content: [
              {
                type: 'tool-result',
                toolCallId: message.toolCallId,
                toolName: message.tool,
                output: { type: message.isError ? 'error-text' : 'text', value: message.content },
              },
            ],
          },
        ];
    }
  });

/** Tools by their descriptions alone: nothing runs here, and arguments are not judged here. */
export const sdkTools = (tools: readonly ToolSpec[]): ToolSet =>
  Object.fromEntries(
    tools.map(({ name, description, parameters }) => [
      name,
      tool({ description, inputSchema: jsonSchema(parameters as Parameters<typeof jsonSchema>[0]) }),
    ]),
  );

export const sdkToolChoice = (choice: ToolChoice): SdkToolChoice<ToolSet> =>
  typeof choice === 'string' ? choice : { type: 'tool', toolName: choice.tool };
