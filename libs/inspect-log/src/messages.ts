import type { ModelMessage, Speaker, ToolCall as OurToolCall, TranscriptRecord } from '@crucible/events';
import { isShallow } from './json-text.ts';
import type { ChatMessage, Content, Fields, Json, ToolCall, ToolError } from './shapes.ts';

export type MessageRecord = Extract<TranscriptRecord, { kind: 'message' }>;
export type AsideRecord = Extract<TranscriptRecord, { kind: 'aside' }>;

const sourceOf: Readonly<Partial<Record<Speaker, 'input' | 'generate' | 'operator'>>> = {
  suite: 'input',
  subject: 'generate',
  person: 'operator',
};

/** Arguments of a tool. Inspect takes nothing but an object there: what is none, or too deep to be read, stays as text. */
export const argumentsOf = (input: unknown): Fields | null => {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  return isObject && isShallow(input) ? (input as Fields) : null;
};

export const toolCallIn = ({ id, tool, input, inputText }: OurToolCall): ToolCall => {
  const given = argumentsOf(input);
  const call = { id, function: tool, type: 'function' as const };
  if (given !== null) return { ...call, arguments: given };
  return { ...call, arguments: {}, parse_error: `the arguments are no JSON object that can be read: ${inputText}` };
};

const assistantContent = (message: Extract<ModelMessage, { role: 'assistant' }>): string | readonly Content[] =>
  message.reasoning === null
    ? message.content
    : [
        { type: 'reasoning', reasoning: message.reasoning, redacted: false },
        { type: 'text', text: message.content },
      ];

interface Said {
  readonly id: string;
  readonly source?: 'input' | 'generate' | 'operator';
  readonly metadata?: Fields;
}

/** @param toolError what went wrong, where a tool did */
export const messageIn = (message: ModelMessage, said: Said, model?: string, toolError?: ToolError): ChatMessage => {
  switch (message.role) {
    case 'system':
    case 'user':
      return { ...said, role: message.role, content: message.content };
    case 'assistant':
      return {
        ...said,
        role: 'assistant',
        content: assistantContent(message),
        ...(message.toolCalls.length === 0 ? {} : { tool_calls: message.toolCalls.map(toolCallIn) }),
        ...(model === undefined ? {} : { model }),
      };
    case 'tool':
      return {
        ...said,
        role: 'tool',
        content: message.content,
        tool_call_id: message.toolCallId,
        function: message.tool,
        ...(toolError === undefined ? {} : { error: toolError }),
      };
  }
};

const defined = (fields: Readonly<Record<string, Json | undefined>>): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Who said a message, and where it stands in the trial's transcript and, for a person's, in the log. */
export const saidIn = (prefix: string, { n, at, turn, by, actor, position }: MessageRecord): Said => {
  const source = sourceOf[by];
  return {
    id: `${prefix}-${n}`,
    ...(source === undefined ? {} : { source }),
    metadata: defined({ record: n, turn, by, at: new Date(at).toISOString(), actor, position }),
  };
};

/** The text of a message, without what was thought. */
export const completionOf = (message: ModelMessage): string => message.content;
