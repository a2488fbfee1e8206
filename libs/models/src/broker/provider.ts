import { AsyncLocalStorage } from 'node:async_hooks';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4StreamResult } from '@ai-sdk/provider';
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

/** The SDK's models, each made once: to make one, with its schemas, costs more than a call of it. */
export class Providers {
  readonly #keys: KeyRing;
  readonly #made = new Map<string, LanguageModelV4>();
  /** Whose attempt it is that fetches: a model is shared by all of them. */
  readonly #watches = new AsyncLocalStorage<WireWatch>();

  constructor(keys: KeyRing) {
    this.#keys = keys;
  }

  /** Begins to ask, for one attempt, whose bytes are watched. */
  async begin(
    entry: ModelEntry,
    attempt: number,
    options: LanguageModelV4CallOptions,
    watch: WireWatch,
  ): Promise<LanguageModelV4StreamResult> {
    const model =
      entry.provider === 'scripted'
        ? new ScriptedModel(entry.modelId as ScriptedPersona, attempt)
        : this.#remoteModel(entry);
    return this.#watches.run(watch, () => model.doStream(options));
  }

  #remoteModel(entry: ModelEntry): LanguageModelV4 {
    const known = this.#made.get(entry.name);
    if (known !== undefined) return known;
    const { streaming, limits } = entry;
    const fetch = guardedFetch(() => this.#watch(), { replyBytesMax: limits.replyBytesMax, streaming });
    const model = remoteModel(entry, this.#keys, fetch);
    const made = streaming ? model : wrapLanguageModel({ model, middleware: simulateStreamingMiddleware() });
    this.#made.set(entry.name, made);
    return made;
  }

  #watch(): WireWatch {
    const watch = this.#watches.getStore();
    if (watch === undefined) throw new Error('what is fetched belongs to no attempt');
    return watch;
  }
}
