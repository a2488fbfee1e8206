import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';
import type { Act } from './act.ts';
import type { ScriptedPersona } from './personas.ts';
import { scenesOf } from './scene.ts';
import { nextAct } from './script.ts';
import { brokenConnection, rateLimited, troubleOf, unavailable } from './trouble.ts';
import type { Trouble } from './trouble.ts';

const PIECE_CHARS = 24;
const CHARS_PER_TOKEN = 4;
const SLOW_PIECE_MS = 40;

const tokens = (chars: number): number => Math.ceil(chars / CHARS_PER_TOKEN);

const usageOf = (options: LanguageModelV4CallOptions, outputChars: number): LanguageModelV4Usage => {
  const input = tokens(JSON.stringify(options.prompt).length + JSON.stringify(options.tools ?? []).length);
  const output = Math.max(1, tokens(outputChars));
  return {
    inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: output, text: output, reasoning: 0 },
  };
};

const pieces = (text: string): string[] =>
  Array.from({ length: Math.ceil(text.length / PIECE_CHARS) }, (_, at) =>
    text.slice(at * PIECE_CHARS, (at + 1) * PIECE_CHARS),
  );

/** Half of what it should be: no JSON, as a model's that loses its thread. */
const garbled = (json: string): string => json.slice(0, Math.max(1, Math.floor(json.length / 2)));

interface Reply {
  readonly text: string;
  readonly calls: readonly { readonly id: string; readonly tool: string; readonly input: string }[];
  readonly finishReason: LanguageModelV4FinishReason;
  readonly usage: LanguageModelV4Usage;
}

const replyOf = (act: Act, turn: number, trouble: Trouble, options: LanguageModelV4CallOptions): Reply => {
  const calls = act.uses.map(({ tool, input }, index) => {
    const json = JSON.stringify(input);
    return { id: `call_${turn}_${index}`, tool, input: trouble === 'malformed-arguments' ? garbled(json) : json };
  });
  const charsMax = (options.maxOutputTokens ?? Infinity) * CHARS_PER_TOKEN;
  const chars = act.say.length + calls.reduce((sum, { tool, input }) => sum + tool.length + input.length, 0);
  const cut = chars > charsMax;
  const text = cut ? act.say.slice(0, charsMax) : act.say;
  return {
    text,
    calls: cut ? [] : calls,
    finishReason: { unified: cut ? 'length' : calls.length > 0 ? 'tool-calls' : 'stop', raw: undefined },
    usage: usageOf(options, cut ? text.length : chars),
  };
};

const partsOf = function* ({ text, calls, finishReason, usage }: Reply): Generator<LanguageModelV4StreamPart> {
  yield { type: 'stream-start', warnings: [] };
  if (text !== '') {
    yield { type: 'text-start', id: '0' };
    for (const delta of pieces(text)) yield { type: 'text-delta', id: '0', delta };
    yield { type: 'text-end', id: '0' };
  }
  for (const { id, tool, input } of calls) {
    yield { type: 'tool-input-start', id, toolName: tool };
    for (const delta of pieces(input)) yield { type: 'tool-input-delta', id, delta };
    yield { type: 'tool-input-end', id };
    yield { type: 'tool-call', toolCallId: id, toolName: tool, input };
  }
  yield { type: 'finish', finishReason, usage };
};

const isPiece = ({ type }: LanguageModelV4StreamPart): boolean => type === 'text-delta' || type === 'tool-input-delta';

const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(signal.reason instanceof Error ? signal.reason : new DOMException('aborted', 'AbortError'));
      },
      { once: true },
    );
  });

/**
 * A persona as the SDK has models, so that its calls go the same way as those to a provider. Asks nobody and remembers
 * nothing: the same conversation with the same seed gets the same reply.
 */
export class ScriptedModel implements LanguageModelV4 {
  readonly specificationVersion = 'v4';
  readonly provider = 'scripted';
  readonly modelId: ScriptedPersona;
  readonly supportedUrls = {};
  readonly #attempt: number;

  constructor(persona: ScriptedPersona, attempt: number) {
    this.modelId = persona;
    this.#attempt = attempt;
  }

  async doStream(options: LanguageModelV4CallOptions): Promise<LanguageModelV4StreamResult> {
    options.abortSignal?.throwIfAborted();
    const { reply, trouble } = this.#reply(options);
    if (trouble === 'rate-limited') throw rateLimited();
    if (trouble === 'unavailable') throw unavailable();
    const parts = partsOf(reply);
    let told = 0;
    const stream = new ReadableStream<LanguageModelV4StreamPart>({
      pull: async (controller) => {
        const { done, value } = parts.next();
        if (done) return controller.close();
        if (isPiece(value)) told += 1;
        if (trouble === 'broken-stream' && (told > 1 || value.type === 'finish'))
          return controller.error(brokenConnection());
        if (trouble === 'slow' && isPiece(value)) await pause(SLOW_PIECE_MS, options.abortSignal);
        controller.enqueue(value);
      },
    });
    return { stream };
  }

  async doGenerate(options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
    options.abortSignal?.throwIfAborted();
    const { reply, trouble } = this.#reply(options);
    if (trouble === 'rate-limited') throw rateLimited();
    if (trouble === 'unavailable') throw unavailable();
    if (trouble === 'broken-stream') throw brokenConnection();
    const { text, calls, finishReason, usage } = reply;
    const content: LanguageModelV4Content[] = [
      ...(text === '' ? [] : [{ type: 'text' as const, text }]),
      ...calls.map(({ id, tool, input }) => ({ type: 'tool-call' as const, toolCallId: id, toolName: tool, input })),
    ];
    return { content, finishReason, usage, warnings: [] };
  }

  #reply(options: LanguageModelV4CallOptions): { reply: Reply; trouble: Trouble } {
    const scenes = scenesOf(this.modelId, options);
    const turn = scenes.at(-1)?.turn ?? 0;
    const trouble = this.modelId === 'flaky' ? troubleOf(turn, this.#attempt) : 'none';
    return { reply: replyOf(nextAct(this.modelId, scenes), turn, trouble, options), trouble };
  }
}
