import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModelV4 } from '@ai-sdk/provider';
import { simulateStreamingMiddleware, wrapLanguageModel } from 'ai';
import { keyOf } from '../catalogue/catalogue.ts';
import type { KeyRing, ModelEntry } from '../catalogue/catalogue.ts';
import { ScriptedModel } from '../scripted/model.ts';
import type { ScriptedPersona } from '../scripted/personas.ts';
import { guardedFetch } from './wire.ts';
import type { WireWatch } from './wire.ts';

/** Keys and addresses are always given: what is left out the SDK would look for in the environment by itself. */
const remoteModel = (entry: ModelEntry, keys: KeyRing, fetch: typeof globalThis.fetch): LanguageModelV4 => {
  const baseURL = entry.baseUrl ?? '';
  const apiKey = keyOf(keys, entry)?.reveal() ?? '';
  switch (entry.provider) {
    case 'openai':
      return createOpenAI({ baseURL, apiKey, fetch }).chat(entry.modelId);
    case 'anthropic':
      return createAnthropic({ baseURL, apiKey, fetch })(entry.modelId);
    case 'openai-compatible': {
      const bearer = apiKey === '' ? {} : { apiKey };
      return createOpenAICompatible({ name: 'compatible', baseURL, fetch, includeUsage: true, ...bearer }).chatModel(
        entry.modelId,
      );
    }
    case 'scripted':
      throw new Error('a scripted model is not remote');
  }
};

/** The SDK's model for one attempt, whose bytes are watched. */
export const modelOf = (entry: ModelEntry, keys: KeyRing, watch: WireWatch, attempt: number): LanguageModelV4 => {
  if (entry.provider === 'scripted') return new ScriptedModel(entry.modelId as ScriptedPersona, attempt);
  const { streaming, limits } = entry;
  const model = remoteModel(entry, keys, guardedFetch(watch, { replyBytesMax: limits.replyBytesMax, streaming }));
  return streaming ? model : wrapLanguageModel({ model, middleware: simulateStreamingMiddleware() });
};
