import type { LanguageModelV4CallOptions, LanguageModelV4StreamPart } from '@ai-sdk/provider';
import type { ModelEntry } from '../catalogue/catalogue.ts';
import type { CallRequest, ReplyDelta } from './call.ts';
import type { Clock } from './clock.ts';
import { sdkPrompt, sdkToolChoice, sdkTools } from './convert.ts';
import { outputTokensOf } from './cost.ts';
import type { Providers } from './provider.ts';
import { Reading } from './reading.ts';
import type { AttemptEnd } from './reading.ts';
import { Watch } from './watch.ts';

export interface AttemptTools {
  readonly providers: Providers;
  readonly clock: Clock;
  readonly onDelta: (delta: ReplyDelta) => void;
}

const optionsOf = (entry: ModelEntry, request: CallRequest, signal: AbortSignal): LanguageModelV4CallOptions => {
  const { temperature, topP, seed, stop } = request.parameters;
  const given = request.tools.length > 0;
  return {
    prompt: sdkPrompt(request.messages),
    ...(given ? { tools: sdkTools(request.tools), toolChoice: sdkToolChoice(request.toolChoice) } : {}),
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
    ...(seed === null ? {} : { seed }),
    ...(stop.length === 0 ? {} : { stopSequences: [...stop] }),
    maxOutputTokens: outputTokensOf(entry, request),
    abortSignal: signal,
  };
};

const readAll = async (
  stream: ReadableStream<LanguageModelV4StreamPart>,
  watch: Watch,
  reading: Reading,
): Promise<void> => {
  const reader = stream.getReader();
  try {
    while (watch.fault === undefined && !reading.isOver) {
      const { done, value } = await reader.read();
      if (done) return;
      watch.touch();
      reading.take(value);
    }
  } finally {
    // Not waited for: a provider's stream may be in two, of which the other never ends.
    reader.cancel().catch(() => undefined);
  }
};

/**
 * Asks once. Never throws for anything a provider can do. The SDK's providers are asked directly: what the SDK puts on top
 * of them, several steps, running of tools and copies of every piece, costs twenty times what they do, and parses hostile
 * arguments in ways that deep ones bring down.
 */
export const runAttempt = async (
  entry: ModelEntry,
  request: CallRequest,
  { providers, clock, onDelta }: AttemptTools,
  attempt: number,
): Promise<AttemptEnd> => {
  const watch = new Watch(entry.limits, request.signal);
  let broken: { readonly thrown: unknown } | undefined;
  const tell = (delta: ReplyDelta): void => {
    try {
      onDelta(delta);
    } catch (thrown) {
      // The caller's own mistake goes back to the caller; it must not look like one of the provider.
      broken ??= { thrown };
      throw thrown;
    }
  };
  const { replyBytesMax } = entry.limits;
  const reading = new Reading({ replyBytesMax, toolChoice: request.toolChoice, onDelta: tell, now: clock.now });
  try {
    const { stream } = await providers.begin(entry, attempt, optionsOf(entry, request, watch.signal), watch);
    await readAll(stream, watch, reading);
  } catch (thrown) {
    reading.fail(thrown);
  } finally {
    watch.stop();
  }
  if (broken !== undefined) throw broken.thrown;
  return reading.end(watch.fault);
};
