/**
 * What we write of Inspect's log, version 2, in its own names. The whole of the published shape, with what we never write,
 * stands in `testing/published-shape.ts`, and every log is held to it.
 */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };
export type Fields = Readonly<Record<string, Json | undefined>>;

export interface ToolCall {
  readonly id: string;
  readonly function: string;
  readonly arguments: Fields;
  readonly type: 'function';
  readonly parse_error?: string;
}

export type ToolErrorType = 'parsing' | 'timeout' | 'limit' | 'approval' | 'sandbox_unavailable' | 'unknown';
export interface ToolError {
  readonly type: ToolErrorType;
  readonly message: string;
}

export type Content =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly reasoning: string; readonly redacted: false };

interface MessageBase {
  readonly id: string;
  readonly content: string | readonly Content[];
  readonly source?: 'input' | 'generate' | 'operator';
  readonly metadata?: Fields;
}
export type ChatMessage =
  | (MessageBase & { readonly role: 'system' | 'user' })
  | (MessageBase & { readonly role: 'assistant'; readonly tool_calls?: readonly ToolCall[]; readonly model?: string })
  | (MessageBase & {
      readonly role: 'tool';
      readonly tool_call_id: string;
      readonly function: string;
      readonly error?: ToolError;
    });

export interface ModelUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  readonly input_tokens_cache_read?: number;
  readonly reasoning_tokens?: number;
  /** In US dollars. */
  readonly total_cost?: number;
}
export type UsageBy = Readonly<Record<string, ModelUsage>>;

export type StopReason = 'stop' | 'max_tokens' | 'tool_calls' | 'content_filter' | 'unknown';
export interface ModelOutput {
  readonly model: string;
  readonly choices: readonly { readonly message: ChatMessage; readonly stop_reason: StopReason }[];
  readonly completion: string;
  readonly usage?: ModelUsage;
  /** Seconds. */
  readonly time?: number;
  readonly error?: string;
}

export interface GenerateConfig {
  readonly temperature?: number;
  readonly top_p?: number;
  readonly max_tokens?: number;
  readonly seed?: number;
  readonly stop_seqs?: readonly string[];
}

export interface ToolInfo {
  readonly name: string;
  readonly description: string;
  readonly parameters: Fields;
}

export interface Score {
  readonly value: number;
  readonly answer?: string;
  readonly explanation: string;
  readonly metadata?: Fields;
  readonly history: readonly [];
}

export interface EvalError {
  readonly message: string;
  readonly traceback: string;
  readonly traceback_ansi: string;
}

export type LimitType = 'time' | 'working' | 'message' | 'token' | 'turn' | 'cost' | 'operator' | 'custom';

/** What all events have. `timestamp` is ISO 8601 in UTC, `working_start` seconds since the sample began to be worked on. */
export interface EventStamp {
  readonly uuid: string;
  readonly span_id?: string;
  readonly timestamp: string;
  readonly working_start: number;
  readonly metadata?: Fields;
}

export type EventBody =
  | {
      readonly event: 'model';
      readonly model: string;
      readonly role?: string;
      readonly input: readonly ChatMessage[];
      readonly input_refs?: readonly (readonly [from: number, end: number])[];
      readonly tools: readonly ToolInfo[];
      readonly tool_choice: 'auto' | 'none';
      readonly config: GenerateConfig;
      readonly output: ModelOutput;
      readonly retries?: number;
      readonly error?: string;
      readonly completed: string;
      readonly working_time: number;
    }
  | {
      readonly event: 'tool';
      readonly type: 'function';
      readonly id: string;
      readonly function: string;
      readonly arguments: Fields;
      readonly result: string;
      readonly error?: ToolError;
      readonly events: readonly [];
      readonly completed: string;
      readonly working_time: number;
      readonly failed?: boolean;
      readonly message_id?: string;
    }
  | {
      readonly event: 'approval';
      readonly message: string;
      readonly call: ToolCall;
      readonly approver: string;
      readonly decision: 'approve' | 'modify' | 'reject' | 'terminate';
      readonly modified?: ToolCall;
      readonly explanation?: string;
    }
  | { readonly event: 'info'; readonly source: string; readonly data: Json }
  | { readonly event: 'span_begin'; readonly id: string; readonly type: string; readonly name: string }
  | { readonly event: 'span_end'; readonly id: string }
  | { readonly event: 'sample_init'; readonly sample: Fields; readonly state: Fields }
  | { readonly event: 'sample_limit'; readonly type: LimitType; readonly message: string; readonly limit?: number }
  | {
      readonly event: 'score';
      readonly score: Score;
      readonly target?: string | readonly string[];
      readonly intermediate: false;
      readonly scorer: string;
    }
  | { readonly event: 'error'; readonly error: EvalError }
  | {
      readonly event: 'sandbox';
      readonly action: 'exec';
      readonly cmd: string;
      readonly input?: string;
      readonly result?: number;
      readonly output: string;
      readonly completed?: string;
    };
export type LogEvent = EventStamp & EventBody;
