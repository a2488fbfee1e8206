import type { AssistantMessage, FinishReason, TokenUsage } from '@crucible/events';
import { displayableLine } from '@crucible/events';
import type { LanguageModelV4 } from '@ai-sdk/provider';
import { streamText, ToolChoiceViolationError } from 'ai';
import type { CallWarning, TextStreamPart, ToolSet } from 'ai';
import type { KeyRing, ModelEntry } from '../catalogue/catalogue.ts';
import type { CallRequest, ReplyDelta, ToolChoice } from './call.ts';
import type { Clock } from './clock.ts';
import { sdkMessages, sdkToolChoice, sdkTools } from './convert.ts';
import { outputTokensOf } from './cost.ts';
import { abortedFault, brokenStream, faultFrom, faultOf, timeoutFault } from './faults.ts';
import { modelOf } from './provider.ts';
import { finishReasonOf, ReplyBuilder, usageOf } from './reply.ts';
import type { Fault } from './retry.ts';
import { WireFault } from './wire.ts';

// What a model does not do is told in the end of its call, not on the console.
globalThis.AI_SDK_LOG_WARNINGS = false;

const WARNINGS_MAX = 16;

export type AttemptEnd = { readonly firstTokenMs: number | null } & (
  | {
      readonly ok: true;
      readonly message: AssistantMessage;
      readonly finishReason: FinishReason;
      readonly usage: TokenUsage;
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly fault: Fault }
);

export interface AttemptTools {
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly onDelta: (delta: ReplyDelta) => void;
}

/** Ends an attempt when its caller does, when it takes too long, and when nothing comes for too long. */
class Watch {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #idleMsMax: number;
  readonly #total: NodeJS.Timeout;
  #idle: NodeJS.Timeout;
  /** Why the attempt is over, if it was ended from here; the first reason stays. */
  fault: Fault | undefined;

  constructor({ timeoutMs, idleMsMax }: ModelEntry['limits'], caller: AbortSignal) {
    this.#caller = caller;
    this.#idleMsMax = idleMsMax;
    this.#total = setTimeout(
      () => this.#end(timeoutFault(`the reply was not complete after ${timeoutMs} ms`, false)),
      timeoutMs,
    );
    this.#idle = this.#idleTimer();
    if (caller.aborted) this.#abort();
    else caller.addEventListener('abort', this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly touch = (): void => {
    clearTimeout(this.#idle);
    if (this.fault === undefined) this.#idle = this.#idleTimer();
  };

  readonly fail = (wire: WireFault): void => this.#end(wire.fault);

  stop(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
    this.#caller.removeEventListener('abort', this.#abort);
    // Whatever the SDK still reads is not needed any more.
    this.#controller.abort();
  }

  readonly #abort = (): void => this.#end(abortedFault);

  #idleTimer(): NodeJS.Timeout {
    const detail = `nothing came for ${this.#idleMsMax} ms`;
    return setTimeout(() => this.#end(timeoutFault(detail, true)), this.#idleMsMax);
  }

  #end(fault: Fault): void {
    this.fault ??= fault;
    this.#controller.abort();
  }
}

const warningText = (warning: CallWarning): string => {
  const said = 'feature' in warning ? `${warning.feature} is not supported` : '';
  const more = 'message' in warning ? warning.message : 'details' in warning ? (warning.details ?? '') : '';
  return displayableLine([said, more].filter((text) => text !== '').join(': '), 300);
};

/** Follows the SDK's stream of one reply. */
class Reading {
  readonly #builder: ReplyBuilder;
  readonly #onDelta: (delta: ReplyDelta) => void;
  readonly #now: () => number;
  readonly #beganAt: number;
  readonly #toolsForbidden: boolean;
  readonly #begunIds = new Set<string>();
  firstTokenMs: number | null = null;
  warnings: string[] = [];
  finish: { readonly reason: FinishReason; readonly usage: TokenUsage } | undefined;
  interrupted = false;
  error: { readonly thrown: unknown } | undefined;

  constructor(entry: ModelEntry, toolChoice: ToolChoice, { clock, onDelta }: AttemptTools) {
    this.#toolsForbidden = toolChoice === 'none';
    this.#builder = new ReplyBuilder(entry.limits.replyBytesMax);
    this.#onDelta = onDelta;
    this.#now = clock.now;
    this.#beganAt = clock.now();
  }

  message(): AssistantMessage {
    return this.#builder.message();
  }

  #tell(delta: ReplyDelta): void {
    this.firstTokenMs ??= this.#now() - this.#beganAt;
    this.#onDelta(delta);
  }

  take(part: TextStreamPart<ToolSet>): void {
    switch (part.type) {
      case 'start-step':
        this.warnings = part.warnings.slice(0, WARNINGS_MAX).map(warningText);
        break;
      case 'text-delta':
        this.#builder.text(part.text);
        this.#tell({ kind: 'text', text: part.text });
        break;
      case 'reasoning-delta':
        this.#builder.reasoning(part.text);
        this.#tell({ kind: 'reasoning', text: part.text });
        break;
      case 'tool-input-start':
        this.#begun(part.id, part.toolName);
        break;
      case 'tool-call':
        this.#begun(part.toolCallId, part.toolName);
        break;
      case 'tool-input-delta':
        this.#builder.input(part.id, part.delta);
        this.#tell({ kind: 'tool-input', id: part.id, text: part.delta });
        break;
      case 'finish-step':
        this.interrupted = part.finishReason === 'interrupted';
        this.finish = { reason: finishReasonOf(part.finishReason), usage: usageOf(part.usage) };
        break;
      case 'error':
        this.#failed(part.error);
        break;
      default:
        break;
    }
  }

  /** A call is whole, as it was sent. One that must not be is not part of the reply: nobody is to run it. */
  readonly toolCall = (id: string, tool: string, inputText: string): void => {
    if (this.#toolsForbidden) return;
    this.#builder.whole(id, tool, inputText);
  };

  #begun(id: string, tool: string): void {
    if (this.#begunIds.has(id)) return;
    this.#begunIds.add(id);
    this.#builder.call(id, tool);
    this.#tell({ kind: 'tool-call', id, tool });
  }

  /** A model that did not call the tool it had to, or called one that it must not, has replied all the same. */
  #failed(error: unknown): void {
    if (!ToolChoiceViolationError.isInstance(error)) this.error ??= { thrown: error };
    else this.#unruly = finishReasonOf(error.finishReason);
  }

  #unruly: FinishReason | undefined;

  end(watch: Watch): AttemptEnd {
    const { firstTokenMs } = this;
    const failed = (fault: Fault): AttemptEnd => ({ ok: false, fault, firstTokenMs });
    if (watch.fault !== undefined) return failed(watch.fault);
    if (this.error !== undefined) return failed(faultOf(this.error.thrown));
    if (this.finish === undefined || this.interrupted) return failed(brokenStream);
    const { reason, usage } = this.finish;
    if (reason === 'error' && this.#unruly === undefined)
      return failed(faultFrom('malformed', 'the provider ended the reply with an error and did not say which'));
    const warnings =
      this.#unruly === undefined ? this.warnings : [...this.warnings, 'the reply does not keep to the tool choice'];
    return { ok: true, message: this.message(), finishReason: this.#unruly ?? reason, usage, warnings, firstTokenMs };
  }
}

/** A reply may name files by address; nothing here ever fetches what a model names. */
const neverDownload = async (files: readonly unknown[]): Promise<never[]> => {
  // Asked for every prompt, even with nothing to get.
  if (files.length === 0) return [];
  throw new WireFault({ failure: 'malformed', detail: 'the reply holds a file by its address', retryable: false });
};

const start = (entry: ModelEntry, request: CallRequest, model: LanguageModelV4, signal: AbortSignal) => {
  const { temperature, topP, seed, stop } = request.parameters;
  const given = request.tools.length > 0;
  return streamText({
    model,
    messages: sdkMessages(request.messages),
    allowSystemInMessages: true,
    ...(given ? { tools: sdkTools(request.tools), toolChoice: sdkToolChoice(request.toolChoice) } : {}),
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
    ...(seed === null ? {} : { seed }),
    ...(stop.length === 0 ? {} : { stopSequences: [...stop] }),
    maxOutputTokens: outputTokensOf(entry, request),
    // Retries are the broker's: it alone knows of other calls, budgets and what the caller did.
    maxRetries: 0,
    abortSignal: signal,
    // Errors are parts of the stream as well; by default they are also printed.
    onError: () => undefined,
    experimental_download: neverDownload,
  });
};

/** Asks once. Never throws for anything a provider can do. */
export const runAttempt = async (
  entry: ModelEntry,
  request: CallRequest,
  tools: AttemptTools,
  attempt: number,
): Promise<AttemptEnd> => {
  const watch = new Watch(entry.limits, request.signal);
  let broken: { readonly thrown: unknown } | undefined;
  const onDelta = (delta: ReplyDelta): void => {
    try {
      tools.onDelta(delta);
    } catch (thrown) {
      // The caller's own mistake goes back to the caller; to a provider it must not look like one.
      broken ??= { thrown };
      throw thrown;
    }
  };
  const reading = new Reading(entry, request.toolChoice, { ...tools, onDelta });
  try {
    const model = modelOf(entry, tools.keys, watch, attempt, reading.toolCall);
    for await (const part of start(entry, request, model, watch.signal).stream) {
      watch.touch();
      reading.take(part);
      if (watch.fault !== undefined || reading.error !== undefined) break;
    }
  } catch (thrown) {
    reading.error ??= { thrown };
  } finally {
    watch.stop();
  }
  if (broken !== undefined) throw broken.thrown;
  return reading.end(watch);
};
