import { scriptedPersonas } from '../scripted/personas.ts';
import { keyName, type Secret } from './keys.ts';
import { limitDefaults } from './format.ts';
import type { KeyReference, ProviderName, WrittenEntry } from './format.ts';

/** Bounds of every call to a model. */
export interface ModelLimits {
  /** Calls under way at once, at the most; fewer when the provider says that it is too much. */
  readonly concurrencyMax: number;
  /** One attempt, from its request to the end of its reply. */
  readonly timeoutMs: number;
  /** The longest time without a byte, before the first one and between two. */
  readonly idleMsMax: number;
  readonly outputTokensMax: number;
  /** Text, reasoning and tool arguments of a reply together, in UTF-8. */
  readonly replyBytesMax: number;
  readonly attemptsMax: number;
}

/** US dollars for a million tokens, which is millionths of a dollar for one. */
export interface ModelPrice {
  readonly inputUsd: number;
  readonly outputUsd: number;
  readonly cachedInputUsd: number;
}

/** A model as the platform knows it. Holds no key, only where it is. */
export interface ModelEntry {
  readonly name: string;
  readonly provider: ProviderName;
  readonly modelId: string;
  readonly baseUrl: string | null;
  readonly key: KeyReference | null;
  /** Replies come piece by piece; false for servers that cannot do so. */
  readonly streaming: boolean;
  readonly price: ModelPrice | null;
  readonly limits: ModelLimits;
}

/** Keys by the name of their reference. */
export type KeyRing = ReadonlyMap<string, Secret>;

export const keyOf = (keys: KeyRing, entry: ModelEntry): Secret | null =>
  entry.key === null ? null : (keys.get(keyName(entry.key)) ?? null);

/** Where providers are when an entry does not say it. Always told to the SDK, which else asks the environment. */
const usualUrls: Readonly<Partial<Record<ProviderName, string>>> = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
};

export const entryOf = (written: WrittenEntry): ModelEntry => {
  const { price, limits } = written;
  return {
    name: written.name,
    provider: written.provider,
    modelId: written.model,
    baseUrl: (written.baseUrl ?? usualUrls[written.provider])?.replace(/\/+$/, '') ?? null,
    key: written.key ?? null,
    streaming: written.streaming,
    price:
      price === undefined
        ? null
        : { inputUsd: price.input, outputUsd: price.output, cachedInputUsd: price.cachedInput ?? price.input },
    limits: {
      concurrencyMax: limits.concurrency,
      timeoutMs: limits.timeout,
      idleMsMax: limits.idleTimeout,
      outputTokensMax: limits.outputTokens,
      replyBytesMax: limits.replyBytes,
      attemptsMax: limits.attempts,
    },
  };
};

/** Models that are there without a file: they cost nothing and call nobody, so nothing of them needs to wait. */
export const scriptedModels: readonly ModelEntry[] = scriptedPersonas.map((persona) => ({
  name: `scripted/${persona}`,
  provider: 'scripted',
  modelId: persona,
  baseUrl: null,
  key: null,
  streaming: true,
  price: { inputUsd: 0, outputUsd: 0, cachedInputUsd: 0 },
  limits: { ...limitDefaults, concurrencyMax: 256 },
}));
