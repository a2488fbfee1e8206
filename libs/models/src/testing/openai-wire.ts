import { defaultUsage, PIECE_CHARS, pieces } from './wire-reply.ts';
import type { ModelReply, WireUsage } from './wire-reply.ts';

const reasons = { stop: 'stop', length: 'length', 'tool-calls': 'tool_calls', 'content-filter': 'content_filter' };

const usageOf = (usage: WireUsage) => ({
  prompt_tokens: usage.inputTokens,
  completion_tokens: usage.outputTokens,
  total_tokens: usage.inputTokens + usage.outputTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedInputTokens ?? 0 },
  completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
});

const reasonOf = (reply: ModelReply): string =>
  reasons[reply.finishReason ?? ((reply.toolCalls ?? []).length > 0 ? 'tool-calls' : 'stop')];

const head = (model: string) => ({ id: 'chatcmpl-1', created: 1_700_000_000, model });

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

/** A reply as events of `chat.completion.chunk`. */
export const openAiEvents = function* (reply: ModelReply, model: string, includeUsage: boolean): Generator<string> {
  const chars = reply.pieceChars ?? PIECE_CHARS;
  const chunk = (delta: unknown, finish: string | null = null): string =>
    event({
      ...head(model),
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
  yield chunk({ role: 'assistant', content: '' });
  for (const piece of pieces(reply.reasoning ?? '', chars)) yield chunk({ reasoning_content: piece });
  for (const piece of pieces(reply.text ?? '', chars)) yield chunk({ content: piece });
  if (reply.streamError !== undefined) {
    yield event({ error: { ...reply.streamError, code: null } });
    return;
  }
  for (const [index, call] of (reply.toolCalls ?? []).entries()) {
    const begun = { id: call.id ?? `call_${index}`, type: 'function', function: { name: call.tool, arguments: '' } };
    yield chunk({ tool_calls: [{ index, ...begun }] });
    for (const piece of pieces(call.arguments, chars))
      yield chunk({ tool_calls: [{ index, function: { arguments: piece } }] });
  }
  if (reply.withoutEnd === true) return;
  yield chunk({}, reasonOf(reply));
  const usage = reply.usage === undefined ? defaultUsage : reply.usage;
  if (includeUsage && usage !== null)
    yield event({ ...head(model), object: 'chat.completion.chunk', choices: [], usage: usageOf(usage) });
  yield 'data: [DONE]\n\n';
};

/** The same as one object. */
export const openAiBody = (reply: ModelReply, model: string): string => {
  const usage = reply.usage === undefined ? defaultUsage : reply.usage;
  const calls = (reply.toolCalls ?? []).map((call, index) => ({
    id: call.id ?? `call_${index}`,
    type: 'function',
    function: { name: call.tool, arguments: call.arguments },
  }));
  return JSON.stringify({
    ...head(model),
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: reply.text ?? null,
          ...(reply.reasoning === undefined ? {} : { reasoning_content: reply.reasoning }),
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        finish_reason: reasonOf(reply),
      },
    ],
    ...(usage === null ? {} : { usage: usageOf(usage) }),
  });
};
