import type { NewEvent } from '@crucible/events';
import type { CallEnd } from '@crucible/models';
import type { ApprovalRule } from '@crucible/suite';
import type { SandboxSession } from '../sandbox/port.ts';
import type { Place } from '../trials/trial-run.ts';
import type { KernelSpan, KernelSpans } from './kernel-spans.ts';
import type { ModelCaller } from './model-caller.ts';
import type { ConversationPlan } from './plan.ts';
import type { Purse } from './purse.ts';
import type { ToolBounds } from './toolbox.ts';
import type { Transcript } from './transcript.ts';
import type { TrialControl } from './trial-control.ts';
import type { WorkClock } from './work-clock.ts';

/** What a conversation tells of itself while it goes on. */
export type ConversationNote = NewEvent<
  | 'crucible.trial.model-called.v2'
  | 'crucible.trial.tool-called.v1'
  | 'crucible.trial.approval-requested.v1'
  | 'crucible.trial.approval-decided.v1'
  | 'crucible.trial.paused.v1'
  | 'crucible.trial.budget-reached.v1'
>;

/** Is shown every text that goes to a model or comes from one, and told of keys of ours in them. */
export interface Listener {
  /** @param record number of the message's record @param at epoch milliseconds */
  said(text: string, way: 'sent' | 'said', record: number, at: number): void;
  /** The same of the subject's own words. */
  spoke(text: string, record: number, at: number): void;
  keySeen(name: string, where: 'request' | 'reply', record: number, at: number): void;
}

/**
 * Tells what stood in a call beside its reply: keys of ours, and what was heard of replies that came to nothing.
 * @param record number of the last message that was sent
 */
export const showBeside = (
  listener: Pick<Listener, 'said' | 'keySeen'>,
  { secrets, brokenOff }: Pick<CallEnd, 'secrets' | 'brokenOff'>,
  record: number,
  at: number,
): void => {
  for (const { name, where } of secrets) listener.keySeen(name, where, record, at);
  for (const text of brokenOff) listener.said(text, 'said', record, at);
};

/** What a conversation is made of, once it has its sandbox. */
export interface ConversationParts {
  readonly place: Place;
  readonly plan: ConversationPlan;
  readonly session: SandboxSession;
  readonly caller: ModelCaller;
  readonly purse: Purse;
  readonly transcript: Transcript;
  readonly control: TrialControl;
  readonly clock: WorkClock;
  readonly listener: Listener;
  /** Records of the kernel's evidence that a process and its descendants caused. */
  readonly kernelSpan: (processId: number | null) => Promise<KernelSpan | null>;
  /** A file tool is about to open a file. */
  readonly opening: KernelSpans['opening'];
  /** Writes behind all that was asked for before. The position, or null when it could not be written. */
  readonly note: (event: ConversationNote | Promise<ConversationNote | null>) => Promise<number | null>;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Rules on tool calls that hold beside the suite's. */
  readonly policies: readonly (readonly ApprovalRule[])[];
  /** What no tool call may pass. */
  readonly most: ToolBounds;
}
