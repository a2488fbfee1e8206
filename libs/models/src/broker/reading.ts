import type { LanguageModelV4StreamPart, SharedV4Warning } from '@ai-sdk/provider';
import { displayableLine } from '@crucible/events';
import type { AssistantMessage, FinishReason, TokenUsage } from '@crucible/events';
import type { ReplyDelta, ToolChoice } from './call.ts';
import { brokenStream, faultFrom, faultOf } from './faults.ts';
import { finishReasonOf, ReplyBuilder, usageOf } from './reply.ts';
import type { Fault } from './retry.ts';

const WARNINGS_MAX = 16;

export type AttemptEnd = { readonly firstTokenMs: number | null } & (
  | {
      readonly ok: true;
      readonly message: AssistantMessage;
      readonly finishReason: FinishReason;
      readonly usage: TokenUsage;
      readonly warnings: readonly string[];
    }
  /** `heard`: what came of a reply before it came to nothing, a text each. */
  | { readonly ok: false; readonly fault: Fault; readonly heard: readonly string[] }
);

const warningText = (warning: SharedV4Warning): string => {
  const said = 'feature' in warning ? `${warning.feature} is not supported` : '';
  const more = 'message' in warning ? warning.message : 'details' in warning ? (warning.details ?? '') : '';
  return displayableLine([said, more].filter((text) => text !== '').join(': '), 300);
};

interface ReadingOptions {
  readonly replyBytesMax: number;
  readonly toolChoice: ToolChoice;
  readonly onDelta: (delta: ReplyDelta) => void;
  readonly now: () => number;
}

/** Follows the stream of one reply, as the SDK's providers give it, whatever their wire format is. */
export class Reading {
  readonly #builder: ReplyBuilder;
  readonly #toolChoice: ToolChoice;
  readonly #onDelta: (delta: ReplyDelta) => void;
  readonly #now: () => number;
  readonly #beganAt: number;
  readonly #begunIds = new Set<string>();
  #firstTokenMs: number | null = null;
  #warnings: readonly string[] = [];
  #finish: { readonly reason: string; readonly usage: TokenUsage } | undefined;
  #error: { readonly thrown: unknown } | undefined;

  constructor({ replyBytesMax, toolChoice, onDelta, now }: ReadingOptions) {
    this.#builder = new ReplyBuilder(replyBytesMax);
    this.#toolChoice = toolChoice;
    this.#onDelta = onDelta;
    this.#now = now;
    this.#beganAt = now();
  }

  get isOver(): boolean {
    return this.#error !== undefined;
  }

  /** It came to nothing; the first reason stays. */
  fail(thrown: unknown): void {
    this.#error ??= { thrown };
  }

  take(part: LanguageModelV4StreamPart): void {
    switch (part.type) {
      case 'stream-start':
        this.#warnings = part.warnings.slice(0, WARNINGS_MAX).map(warningText);
        break;
      case 'text-delta':
        this.#builder.text(part.delta);
        if (part.delta !== '') this.#tell({ kind: 'text', text: part.delta });
        break;
      case 'reasoning-delta':
        this.#builder.reasoning(part.delta);
        if (part.delta !== '') this.#tell({ kind: 'reasoning', text: part.delta });
        break;
      case 'tool-input-start':
        this.#begin(part.id, part.toolName);
        break;
      case 'tool-input-delta':
        this.#input(part.id, part.delta);
        break;
      case 'tool-call':
        this.#begin(part.toolCallId, part.toolName);
        if (this.#mayCall) this.#builder.whole(part.toolCallId, part.input);
        break;
      case 'finish':
        this.#finish = { reason: part.finishReason.unified, usage: usageOf(part.usage) };
        break;
      case 'error':
        this.fail(part.error);
        break;
      // Files and sources are no part of a message here; what a reply names is never fetched.
      default:
        break;
    }
  }

  /** A call that must not be made is no part of the reply: nobody is to run it. */
  get #mayCall(): boolean {
    return this.#toolChoice !== 'none';
  }

  #begin(id: string, tool: string): void {
    if (this.#begunIds.has(id)) return;
    this.#begunIds.add(id);
    if (!this.#mayCall) return;
    this.#builder.call(id, tool);
    this.#tell({ kind: 'tool-call', id, tool });
  }

  #input(id: string, text: string): void {
    if (!this.#mayCall || text === '') return;
    this.#builder.input(id, text);
    this.#tell({ kind: 'tool-input', id, text });
  }

  #tell(delta: ReplyDelta): void {
    this.#firstTokenMs ??= this.#now() - this.#beganAt;
    this.#onDelta(delta);
  }

  #keepsToChoice({ toolCalls }: AssistantMessage): boolean {
    const choice = this.#toolChoice;
    if (choice === 'auto') return true;
    if (choice === 'none') return this.#begunIds.size === 0;
    return choice === 'required' ? toolCalls.length > 0 : toolCalls.some(({ tool }) => tool === choice.tool);
  }

  /** @param cut why the attempt was ended from outside, if it was */
  end(cut: Fault | undefined): AttemptEnd {
    const firstTokenMs = this.#firstTokenMs;
    const failed = (fault: Fault): AttemptEnd => ({ ok: false, fault, heard: this.#builder.texts(), firstTokenMs });
    if (cut !== undefined) return failed(cut);
    if (this.#error !== undefined) return failed(faultOf(this.#error.thrown));
    if (this.#finish === undefined || this.#finish.reason === 'interrupted') return failed(brokenStream);
    const { reason, usage } = this.#finish;
    if (reason === 'error')
      return failed(faultFrom('malformed', 'the provider ended the reply with an error and did not say which'));
    const message = this.#builder.message();
    const warnings = this.#keepsToChoice(message)
      ? this.#warnings
      : [...this.#warnings, 'the reply does not keep to the tool choice'];
    return { ok: true, message, finishReason: finishReasonOf(reason), usage, warnings, firstTokenMs };
  }
}
