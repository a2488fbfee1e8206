import { defaultUsage, PIECE_CHARS, pieces } from './wire-reply.ts';
import type { ModelReply } from './wire-reply.ts';

const reasons = { stop: 'end_turn', length: 'max_tokens', 'tool-calls': 'tool_use', 'content-filter': 'refusal' };

const reasonOf = (reply: ModelReply): string =>
  reasons[reply.finishReason ?? ((reply.toolCalls ?? []).length > 0 ? 'tool-calls' : 'stop')];

const event = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

/** Here the format has counts always; a provider that does not count sends zeros. */
const usageOf = (reply: ModelReply) => {
  const usage = reply.usage ?? (reply.usage === null ? { inputTokens: 0, outputTokens: 0 } : defaultUsage);
  const cached = usage.cachedInputTokens ?? 0;
  return {
    // Unlike elsewhere, what was read from the cache is not among them.
    input_tokens: usage.inputTokens - cached,
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: 0,
    output_tokens: usage.outputTokens,
  };
};

const message = (model: string) => ({ id: 'msg_1', type: 'message', role: 'assistant', model });

const block = function* (index: number, start: object, deltas: readonly object[]): Generator<string> {
  yield event('content_block_start', { index, content_block: start });
  for (const delta of deltas) yield event('content_block_delta', { index, delta });
  yield event('content_block_stop', { index });
};

const blocks = function* (reply: ModelReply, chars: number): Generator<string> {
  let index = 0;
  if (reply.reasoning !== undefined) {
    const deltas = pieces(reply.reasoning, chars).map((thinking) => ({ type: 'thinking_delta', thinking }));
    yield* block(index, { type: 'thinking', thinking: '', signature: '' }, deltas);
    index += 1;
  }
  if (reply.text !== undefined) {
    const deltas = pieces(reply.text, chars).map((text) => ({ type: 'text_delta', text }));
    yield* block(index, { type: 'text', text: '' }, deltas);
    index += 1;
  }
  if (reply.streamError !== undefined) return;
  for (const call of reply.toolCalls ?? []) {
    const deltas = pieces(call.arguments, chars).map((partial_json) => ({ type: 'input_json_delta', partial_json }));
    yield* block(index, { type: 'tool_use', id: call.id ?? `toolu_${index}`, name: call.tool, input: {} }, deltas);
    index += 1;
  }
};

/** A reply as the events of a message. */
export const anthropicEvents = function* (reply: ModelReply, model: string): Generator<string> {
  const usage = usageOf(reply);
  yield event('message_start', {
    message: {
      ...message(model),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...usage, output_tokens: 1 },
    },
  });
  yield event('ping', {});
  yield* blocks(reply, reply.pieceChars ?? PIECE_CHARS);
  if (reply.streamError !== undefined) return yield event('error', { error: reply.streamError });
  if (reply.withoutEnd === true) return;
  yield event('message_delta', { delta: { stop_reason: reasonOf(reply), stop_sequence: null }, usage });
  yield event('message_stop', {});
};

/** Arguments that are no JSON cannot be said in one object of this format. */
const inputOf = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return { unreadable: text };
  }
};

/** The same as one object. */
export const anthropicBody = (reply: ModelReply, model: string): string =>
  JSON.stringify({
    ...message(model),
    content: [
      ...(reply.reasoning === undefined ? [] : [{ type: 'thinking', thinking: reply.reasoning, signature: '' }]),
      ...(reply.text === undefined ? [] : [{ type: 'text', text: reply.text }]),
      ...(reply.toolCalls ?? []).map((call, index) => ({
        type: 'tool_use',
        id: call.id ?? `toolu_${index}`,
        name: call.tool,
        input: inputOf(call.arguments),
      })),
    ],
    stop_reason: reasonOf(reply),
    stop_sequence: null,
    usage: usageOf(reply),
  });
