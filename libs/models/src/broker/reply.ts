import type { LanguageModelV4Usage } from '@ai-sdk/provider';
import type { AssistantMessage, FinishReason, TokenUsage, ToolCall } from '@crucible/events';
import { WireFault } from './wire.ts';

const TOOL_CALLS_MAX = 64;
const TOOL_INPUT_BYTES_MAX = 256 * 1024;
const TOOL_INPUT_DEPTH_MAX = 64;
const TOOL_NAME_CHARS_MAX = 128;
const ID_CHARS_MAX = 190;
const COUNT_MAX = 1_000_000_000;

export const replyBounds = { toolCallsMax: TOOL_CALLS_MAX, toolInputBytesMax: TOOL_INPUT_BYTES_MAX } as const;

const tooLarge = (detail: string): WireFault => new WireFault({ failure: 'too-large', detail, retryable: false });

const inputTooLarge = (): WireFault =>
  tooLarge(`the arguments of a tool call are larger than ${TOOL_INPUT_BYTES_MAX} bytes`);

/** How deep brackets nest, as far as it matters: what is too deep breaks whoever walks through it. */
export const isTooDeep = (json: string): boolean => {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at += 1) {
    const letter = json[at];
    if (quoted) {
      if (letter === '\\') at += 1;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === '{' || letter === '[') {
      if ((depth += 1) > TOOL_INPUT_DEPTH_MAX) return true;
    } else if (letter === '}' || letter === ']') depth -= 1;
  }
  return false;
};

/** A name that means something else to JavaScript; no tool has an argument of that name. */
const refuseProto = (key: string, value: unknown): unknown => {
  if (key === '__proto__') throw new SyntaxError('not an argument');
  return value;
};

/** What a model sent as arguments, or null where that is no JSON. A call without any is a call with none. */
export const toolInputOf = (text: string): ToolCall['input'] => {
  if (text.trim() === '') return {};
  if (isTooDeep(text)) return null;
  try {
    return JSON.parse(text, refuseProto) as ToolCall['input'];
  } catch {
    return null;
  }
};

interface OpenCall {
  readonly tool: string;
  /** What came piece by piece. */
  pieces: string;
  bytes: number;
  /** What was sent, once it is whole. */
  whole: string | undefined;
}

/** Builds one reply out of its pieces, within bounds. */
export class ReplyBuilder {
  readonly #bytesMax: number;
  #bytes = 0;
  #wholeBytes = 0;
  #text = '';
  #reasoning = '';
  readonly #calls = new Map<string, OpenCall>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  #count(text: string): number {
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) throw tooLarge(`the reply is larger than ${this.#bytesMax} bytes`);
    return bytes;
  }

  // What is one piece too many was heard as well: it is taken before it is counted, so that it is searched with the rest.
  text(piece: string): void {
    this.#text += piece;
    this.#count(piece);
  }

  reasoning(piece: string): void {
    this.#reasoning += piece;
    this.#count(piece);
  }

  /** A call begins. Its id is new to this reply: the SDK sees to that. */
  call(id: string, tool: string): void {
    if (this.#calls.has(id)) return;
    if (this.#calls.size >= TOOL_CALLS_MAX) throw tooLarge(`the reply calls more than ${TOOL_CALLS_MAX} tools`);
    this.#count(tool);
    this.#calls.set(id, { tool, pieces: '', bytes: 0, whole: undefined });
  }

  input(id: string, piece: string): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.pieces += piece;
    call.bytes += this.#count(piece);
    if (call.bytes > TOOL_INPUT_BYTES_MAX) throw inputTooLarge();
  }

  /** A call that began is whole: this is what was sent. */
  whole(id: string, input: string): void {
    const call = this.#calls.get(id);
    if (call !== undefined) call.whole = input;
    const bytes = Buffer.byteLength(input);
    this.#wholeBytes += bytes;
    if (bytes > TOOL_INPUT_BYTES_MAX) throw inputTooLarge();
    if (this.#wholeBytes > this.#bytesMax) throw tooLarge(`the reply is larger than ${this.#bytesMax} bytes`);
  }

  /** What was heard so far, a text each, whatever is to come of it. */
  texts(): string[] {
    const calls = [...this.#calls.values()].flatMap(({ tool, pieces, whole = '' }) => [tool, pieces, whole]);
    return [this.#text, this.#reasoning, ...calls].filter((text) => text !== '').map((text) => text.toWellFormed());
  }

  message(): AssistantMessage {
    const taken = new Set<string>();
    const toolCalls = [...this.#calls].map(([id, { tool, pieces, whole }], index): ToolCall => {
      const cut = id.toWellFormed().slice(0, ID_CHARS_MAX);
      const unique = cut === '' || taken.has(cut) ? `${cut}#${index}` : cut;
      taken.add(unique);
      const inputText = (whole ?? pieces).toWellFormed();
      return {
        id: unique,
        tool: tool.toWellFormed().slice(0, TOOL_NAME_CHARS_MAX) || 'unnamed',
        input: toolInputOf(inputText),
        inputText,
      };
    });
    return {
      role: 'assistant',
      content: this.#text.toWellFormed(),
      reasoning: this.#reasoning === '' ? null : this.#reasoning.toWellFormed(),
      toolCalls,
    };
  }
}

/** Counts are a provider's word: what is no count is not taken for one. */
const count = (value: number | undefined): number | null =>
  value !== undefined && Number.isSafeInteger(value) && value >= 0 && value <= COUNT_MAX ? value : null;

export const usageOf = ({ inputTokens, outputTokens }: LanguageModelV4Usage): TokenUsage => ({
  inputTokens: count(inputTokens.total),
  outputTokens: count(outputTokens.total),
  cachedInputTokens: count(inputTokens.cacheRead),
  reasoningTokens: count(outputTokens.reasoning),
});

const reasons: readonly string[] = ['stop', 'length', 'tool-calls', 'content-filter', 'error'] satisfies FinishReason[];
export const finishReasonOf = (reason: string): FinishReason =>
  reasons.includes(reason) ? (reason as FinishReason) : 'other';
