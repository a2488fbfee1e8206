/** A call of a tool as a reply has it. The arguments are a text: a model may send anything there. */
export interface WireToolCall {
  readonly id?: string;
  readonly tool: string;
  readonly arguments: string;
}

export interface WireUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens?: number;
  readonly reasoningTokens?: number;
}

/** How bytes go out, whatever they are. */
export interface WirePace {
  /** Before the first byte of the body. */
  readonly delayMs?: number;
  /** Between two events of a stream, and between the pieces of any other body. */
  readonly pieceDelayMs?: number;
  /** The connection is cut after so many bytes of the body. */
  readonly breakAfterBytes?: number;
  /** Nothing more comes after so many bytes of the body, and the connection stays. */
  readonly stallAfterBytes?: number;
}

/** A whole reply of a model, in the words of whichever wire format it was asked in. */
export interface ModelReply extends WirePace {
  readonly kind: 'reply';
  readonly text?: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly WireToolCall[];
  readonly finishReason?: 'stop' | 'length' | 'tool-calls' | 'content-filter';
  /** Null: the provider does not count. */
  readonly usage?: WireUsage | null;
  /** Characters of text and arguments in one event. */
  readonly pieceChars?: number;
  /** An error in the middle of the stream, behind the text. */
  readonly streamError?: { readonly type: string; readonly message: string };
  /** Leaves out the end of the stream, and closes the connection in good order. */
  readonly withoutEnd?: boolean;
}

/** Any answer at all. */
export interface RawReply extends WirePace {
  readonly kind: 'raw';
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** One piece, or pieces that are made as they are sent, so that a huge body takes no memory. */
  readonly body?: string | Uint8Array | Iterable<string | Uint8Array>;
}

/** The connection is closed before any answer. */
export interface DroppedReply {
  readonly kind: 'drop';
}

/** There never is an answer. */
export interface SilentReply {
  readonly kind: 'silence';
}

export type WireReply = ModelReply | RawReply | DroppedReply | SilentReply;

export const say = (text: string, more: Partial<ModelReply> = {}): ModelReply => ({ kind: 'reply', text, ...more });

/** An error as providers tell it. */
export const refuse = (status: number, message: string, headers: Readonly<Record<string, string>> = {}): RawReply => ({
  kind: 'raw',
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ type: 'error', error: { type: `error_${status}`, code: `error_${status}`, message } }),
});

export const pieces = (text: string, chars: number): string[] =>
  Array.from({ length: Math.ceil(text.length / chars) }, (_, at) => text.slice(at * chars, (at + 1) * chars));

export const defaultUsage: WireUsage = { inputTokens: 11, outputTokens: 7 };
export const PIECE_CHARS = 8;
