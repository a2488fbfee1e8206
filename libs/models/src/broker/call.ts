import type {
  AssistantMessage,
  FinishReason,
  ModelFailure,
  ModelMessage,
  ModelParameters,
  TokenUsage,
  ToolSpec,
} from '@crucible/events';
import type { SecretHit } from '../secrets.ts';

/** Whether a reply may, must or must not call tools, or must call a certain one. */
export type ToolChoice = 'auto' | 'required' | 'none' | { readonly tool: string };

export interface CallRequest {
  /** As the file of models names it, or a scripted one. */
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolSpec[];
  readonly parameters: ModelParameters;
  readonly toolChoice: ToolChoice;
  readonly signal: AbortSignal;
  /**
   * Messages from this one on were in no call before, and neither were tools and parameters: keys of ours are looked for in
   * them. Left out, the messages behind the last reply are all that is new, which holds from the second call of a conversation
   * on, where replies are written by nobody but models.
   */
  readonly newFrom?: number;
}

/** A piece of a reply as it comes. Its text was chosen by a model: untrusted. */
export type ReplyDelta =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'tool-call'; readonly id: string; readonly tool: string }
  | { readonly kind: 'tool-input'; readonly id: string; readonly text: string }
  /** The reply broke and is asked for again: what was told of it so far is void. */
  | { readonly kind: 'restart'; readonly attempt: number; readonly failure: ModelFailure };

/** An attempt that failed in a way that another one may mend. */
export interface Retry {
  /** The attempt that failed; the first is 1. */
  readonly attempt: number;
  readonly failure: ModelFailure;
  readonly detail: string;
  /** Until the next one. */
  readonly waitMs: number;
  /** Pieces of this attempt's reply were told: whoever pays is likely to pay for them. */
  readonly told: boolean;
}

export interface CallHooks {
  /** An attempt begins: it has its place, and what was waited for is over. */
  readonly onAttempt?: (attempt: number) => void;
  readonly onDelta?: (delta: ReplyDelta) => void;
  /**
   * Asked before another attempt; false ends the call with the failure. A caller that has acted on what it was told says
   * false, and so does one whose budget does not take another attempt.
   */
  readonly mayRetry?: (retry: Retry) => boolean;
}

/** A key of this platform stood in a message: how it came there is a question for people. */
export interface SecretFinding extends SecretHit {
  readonly where: 'request' | 'reply';
}

interface CallFacts {
  /** The whole call, waiting included. */
  readonly latencyMs: number;
  /** Of the last attempt: from its request to the first piece of its reply; null when none came. */
  readonly firstTokenMs: number | null;
  /** Of the latency: in the queue for a place, between attempts, and in attempts that met a rate limit. */
  readonly waitedMs: number;
  readonly attempts: number;
  /** Of those, ones before the last that had begun to reply and broke: their tokens are likely to be charged. */
  readonly abandonedAttempts: number;
  /** Of a request only what is new in it is looked at: what was before was new once, too. */
  readonly secrets: readonly SecretFinding[];
  /**
   * What was heard of attempts that came to no whole reply, a text each. It is no part of any conversation, and untrusted: for
   * those who look for what must not be said.
   */
  readonly brokenOff: readonly string[];
}

export type CallEnd =
  | (CallFacts & {
      readonly ok: true;
      readonly message: AssistantMessage;
      readonly finishReason: FinishReason;
      readonly usage: TokenUsage;
      /** Null where the model has no price or the provider does not count. */
      readonly costMicroUsd: number | null;
      /** What the provider was asked for and does not do, such as a temperature that a model takes no notice of. */
      readonly warnings: readonly string[];
    })
  | (CallFacts & {
      readonly ok: false;
      readonly failure: ModelFailure;
      /** One line of what a provider said, perhaps: untrusted, and without any key. */
      readonly detail: string;
    });
