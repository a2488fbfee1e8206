import type { AssistantMessage, FinishReason, TokenUsage } from '@crucible/events';

/** What a completion says of itself, the same in all its pieces. */
export interface ReplyHead {
  readonly id: string;
  /** Epoch seconds. */
  readonly created: number;
  readonly model: string;
}
/** A whole reply of a model. */
export interface ReplyParts {
  readonly message: AssistantMessage;
  readonly finishReason: FinishReason;
  readonly usage: TokenUsage;
}

const finishOf = ({ message, finishReason }: ReplyParts): string => {
  switch (finishReason) {
    case 'length':
      return 'length';
    case 'content-filter':
      return 'content_filter';
    case 'stop':
    case 'tool-calls':
    case 'error':
    case 'other':
      return message.toolCalls.length > 0 ? 'tool_calls' : 'stop';
  }
};

/** Null where the provider does not count. */
const usageOf = ({ inputTokens, outputTokens, cachedInputTokens, reasoningTokens }: TokenUsage): object | null => {
  if (inputTokens === null || outputTokens === null) return null;
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
  };
};

const toolCallsOf = ({ toolCalls }: AssistantMessage) =>
  toolCalls.map(({ id, tool, inputText }) => ({
    id,
    type: 'function',
    function: { name: tool, arguments: inputText },
  }));

/** An answer that is not streamed. */
export const completionOf = (head: ReplyHead, reply: ReplyParts): string => {
  const { message } = reply;
  const calls = toolCallsOf(message);
  const content = message.content === '' && calls.length > 0 ? null : message.content;
  const said = { role: 'assistant', content, refusal: null, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
  return JSON.stringify({
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, message: said, logprobs: null, finish_reason: finishOf(reply) }],
    usage: usageOf(reply.usage),
  });
};

const event = (data: string): string => `data: ${data}\n\n`;
export const errorEvent = event;

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/**
 * The events of a streamed answer. Text is told as it comes; tool calls follow when the reply is whole and on record, so that
 * what a program acts on is what is on record.
 */
export class ReplyStream {
  readonly #head: ReplyHead;
  readonly #tellsUsage: boolean;
  #hasBegun = false;
  /** Half a character, whose other half comes with the next piece. */
  #half = '';
  #told = '';

  constructor(head: ReplyHead, tellsUsage: boolean) {
    this.#head = head;
    this.#tellsUsage = tellsUsage;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** A piece of text that a model said. */
  text(piece: string): string {
    const whole = this.#half + piece;
    this.#half = isHighSurrogate(whole.charCodeAt(whole.length - 1)) ? whole.slice(-1) : '';
    const ready = whole.slice(0, whole.length - this.#half.length).toWellFormed();
    if (ready === '') return '';
    this.#told += ready;
    return this.#begin() + this.#chunk({ content: ready });
  }

  /** The end of a reply that is whole. */
  end(reply: ReplyParts): string {
    const rest = reply.message.content.slice(this.#told.length);
    const calls = toolCallsOf(reply.message).map((call, index) => ({ index, ...call }));
    const usage = this.#tellsUsage ? event(this.#json([], usageOf(reply.usage))) : '';
    return [
      this.#begin(),
      rest === '' ? '' : this.#chunk({ content: rest }),
      ...calls.map((call) => this.#chunk({ tool_calls: [call] })),
      this.#chunk({}, finishOf(reply)),
      usage,
      event('[DONE]'),
    ].join('');
  }

  #begin(): string {
    if (this.#hasBegun) return '';
    this.#hasBegun = true;
    return this.#chunk({ role: 'assistant', content: '' });
  }

  #chunk(delta: object, finishReason: string | null = null): string {
    return event(this.#json([{ index: 0, delta, logprobs: null, finish_reason: finishReason }], null));
  }

  #json(choices: readonly object[], usage: object | null): string {
    // With usage asked for, each piece has the field, and the last one a value.
    const told = this.#tellsUsage ? { usage } : {};
    return JSON.stringify({ ...this.#head, object: 'chat.completion.chunk', choices, ...told });
  }
}
