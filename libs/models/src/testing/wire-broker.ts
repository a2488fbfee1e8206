import type { AssistantMessage, ModelMessage, ModelParameters, ToolSpec } from '@crucible/events';
import { createBroker } from '../broker/broker.ts';
import type { ModelBroker } from '../broker/broker.ts';
import type { CallEnd, CallHooks, CallRequest } from '../broker/call.ts';
import { entryOf } from '../catalogue/catalogue.ts';
import type { ModelEntry, ModelLimits } from '../catalogue/catalogue.ts';
import { limitDefaults } from '../catalogue/format.ts';
import { Secret } from '../catalogue/keys.ts';
import type { WireServer } from './wire-server.ts';

export const wireProviders = ['openai', 'anthropic', 'openai-compatible'] as const;
export type WireProvider = (typeof wireProviders)[number];

/** Looks like a key, and opens nothing. */
export const wireKey = 'sk-wire-0123456789abcdefghijklmnop';

export const plainParameters: ModelParameters = {
  temperature: null,
  topP: null,
  outputTokensMax: null,
  seed: null,
  stop: [],
};

export const bashSpec: ToolSpec = {
  name: 'bash',
  description: 'runs a command',
  parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
};

export const user = (content: string): ModelMessage => ({ role: 'user', content });

export const requestOf = (model: string, more: Partial<CallRequest> = {}): CallRequest => ({
  model,
  messages: [user('hello')],
  tools: [],
  parameters: plainParameters,
  toolChoice: 'auto',
  signal: new AbortController().signal,
  ...more,
});

export interface WireModel {
  readonly name?: string;
  readonly provider: WireProvider;
  readonly streaming?: boolean;
  readonly price?: { readonly input: number; readonly output: number; readonly cachedInput?: number };
  readonly limits?: Partial<ModelLimits>;
}

/** A model that is behind a wire server. */
export const wireEntry = (
  wire: WireServer,
  { name, provider, streaming = true, price, limits }: WireModel,
): ModelEntry => {
  const entry = entryOf({
    name: name ?? `wire/${provider}`,
    provider,
    model: 'wire-model',
    baseUrl: wire.url,
    key: { env: 'WIRE_KEY' },
    streaming,
    ...(price === undefined ? {} : { price }),
    limits: { concurrency: 32, timeout: 1, idleTimeout: 1, outputTokens: 1, replyBytes: 1, attempts: 1 },
  });
  return { ...entry, limits: { ...limitDefaults, ...limits } };
};

export const wireBroker = (wire: WireServer, ...models: readonly WireModel[]): ModelBroker =>
  createBroker(
    models.map((model) => wireEntry(wire, model)),
    new Map([['env WIRE_KEY', new Secret('env WIRE_KEY', wireKey)]]),
  );

/** One call to the one model behind a wire server. */
export const callOnce = (
  wire: WireServer,
  model: WireModel,
  request: Partial<CallRequest> = {},
  hooks: CallHooks = {},
): Promise<CallEnd> => wireBroker(wire, model).call(requestOf(model.name ?? `wire/${model.provider}`, request), hooks);

export const messageOf = (end: CallEnd): AssistantMessage => {
  if (!end.ok) throw new Error(`${end.failure}: ${end.detail}`);
  return end.message;
};
