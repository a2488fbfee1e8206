import { createHash } from 'node:crypto';
import { displayableLine } from '@crucible/events';
import type { NewEvent } from '@crucible/events';
import { compilePattern, msOf } from '@crucible/suite';
import type { ApprovalRule, Pattern } from '@crucible/suite';
import type { Place } from '../trials/trial-run.ts';
import type { TrialControl } from './trial-control.ts';
import type { WorkClock } from './work-clock.ts';

const ASK_MS = 600_000;
const EXCERPT_CHARS_MAX = 1_900;
const REASON_CHARS_MAX = 1_000;

/** A tool call that is about to be run. `inputText` is what would be run, as JSON. */
export interface Proposed {
  readonly toolCallId: string;
  readonly turn: number;
  readonly tool: string;
  readonly inputText: string;
  /** Number of the message that holds it. */
  readonly record: number | null;
}

/** What may become of it. `approvalId` is null where the policy decided alone. */
export type Permission =
  | { readonly kind: 'run'; readonly approvalId: string | null }
  | { readonly kind: 'run-instead'; readonly approvalId: string; readonly inputText: string }
  | { readonly kind: 'deny'; readonly approvalId: string | null; readonly why: string }
  | { readonly kind: 'terminate'; readonly approvalId: string; readonly why: string }
  /** Whoever waited was told to stop. */
  | { readonly kind: 'aborted' };

interface Rule extends ApprovalRule {
  readonly compiled: Pattern | null;
}

export interface ApprovalPorts {
  readonly control: TrialControl;
  readonly clock: WorkClock;
  readonly note: (
    event: NewEvent<'crucible.trial.approval-requested.v1' | 'crucible.trial.approval-decided.v1'>,
  ) => Promise<number | null>;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Requests that an earlier attempt at this trial left of a reply that is gone on with: what was decided of its calls holds. */
  readonly earlier: readonly EarlierApproval[];
}

export interface EarlierApproval {
  readonly turn: number;
  readonly toolCallId: string;
  readonly argumentsDigest: string;
  readonly permission: Exclude<Permission, { kind: 'aborted' }> | null;
  /** Epoch milliseconds at which the request ran out. */
  readonly expiresAt: number;
}

/** Of arguments as they are run. */
export const argumentsDigest = (inputText: string): string => createHash('sha256').update(inputText).digest('hex');

/** The later one is the stricter. */
const actions = ['auto', 'ask', 'deny'] as const satisfies readonly ApprovalRule['action'][];

const stricter = (one: Rule, other: Rule): Rule => {
  const difference = actions.indexOf(one.action) - actions.indexOf(other.action);
  if (difference !== 0) return difference > 0 ? one : other;
  return askedMs(one) <= askedMs(other) ? one : other;
};
const askedMs = ({ timeout }: Rule): number => (timeout === undefined ? ASK_MS : msOf(timeout));

const compiledRule = (rule: ApprovalRule): Rule => {
  const compiled = rule.pattern === undefined ? null : compilePattern(rule.pattern);
  // A suite or a file with such a pattern is not accepted; a rule that nobody can read must not let anything pass.
  if (compiled?.ok === false) throw new RangeError(`the pattern of an approval rule ${compiled.problem}`);
  return { ...rule, compiled: compiled?.pattern ?? null };
};

/** The policies on tool calls, a suite's and its team's, and the people they ask. */
export class Approvals {
  readonly #place: Place;
  readonly #policies: readonly (readonly Rule[])[];
  readonly #ports: ApprovalPorts;

  /** @param policies each decides by the first of its rules that fits; the strictest of them holds */
  constructor(place: Place, policies: readonly (readonly ApprovalRule[])[], ports: ApprovalPorts) {
    this.#place = place;
    this.#ports = ports;
    this.#policies = policies.map((rules) => rules.map(compiledRule));
  }

  /** Whether a call may be run. Waits for people where the policy says so, for as long as it says. */
  async permit(proposed: Proposed, signal: AbortSignal): Promise<Permission> {
    const rule = this.#ruleFor(proposed);
    if (rule === undefined || rule.action === 'auto') return { kind: 'run', approvalId: null };
    if (rule.action === 'deny')
      return { kind: 'deny', approvalId: null, why: 'the rules of this task do not allow this call' };
    const digest = argumentsDigest(proposed.inputText);
    // Of the same turn: a model may give the same name to its next call, and one word of a person lets one call run.
    const before = this.#ports.earlier.find(
      ({ turn, toolCallId, argumentsDigest: of }) =>
        turn === proposed.turn && toolCallId === proposed.toolCallId && of === digest,
    );
    if (before?.permission) return before.permission;
    const now = this.#ports.now();
    return this.#ask(
      proposed,
      digest,
      before === undefined ? now + askedMs(rule) : Math.max(now, before.expiresAt),
      signal,
    );
  }

  #ruleFor(proposed: Proposed): Rule | undefined {
    const found = this.#policies.flatMap((rules) => rules.find((each) => fits(each, proposed)) ?? []);
    return found.length === 0 ? undefined : found.reduce(stricter);
  }

  async #ask(proposed: Proposed, digest: string, expiresAt: number, signal: AbortSignal): Promise<Permission> {
    const approvalId = this.#ports.newId();
    const over = this.#ports.clock.wait();
    try {
      const position = await this.#ports.note({
        type: 'crucible.trial.approval-requested.v1',
        data: {
          ...this.#place,
          approvalId,
          toolCallId: proposed.toolCallId,
          turn: proposed.turn,
          tool: proposed.tool,
          argumentsDigest: digest,
          excerpt: displayableLine(proposed.inputText, EXCERPT_CHARS_MAX),
          record: proposed.record,
          expiresAt: new Date(expiresAt).toISOString(),
        },
      });
      if (position === null) return { kind: 'deny', approvalId: null, why: 'the request could not be put on record' };
      await this.#ports.control.catchUp();
      return await this.#await(approvalId, expiresAt, signal);
    } finally {
      over();
    }
  }

  async #await(approvalId: string, expiresAt: number, signal: AbortSignal): Promise<Permission> {
    const { control, now } = this.#ports;
    let hasExpired = false;
    for (;;) {
      const { changed } = control;
      const decided = permissionOf(control, approvalId);
      if (decided !== null) return decided;
      if (signal.aborted) return { kind: 'aborted' };
      if (hasExpired) return { kind: 'deny', approvalId, why: EXPIRED };
      const leftMs = expiresAt - now();
      if (leftMs <= 0) {
        hasExpired = true;
        await this.#expire(approvalId);
        continue;
      }
      await firstOf(changed, leftMs, signal);
    }
  }

  /** The first word in the log counts: somebody's may stand before ours without our having heard of it. */
  async #expire(approvalId: string): Promise<void> {
    await this.#ports.note({
      type: 'crucible.trial.approval-decided.v1',
      data: { ...this.#place, approvalId, decision: { kind: 'expired' }, reason: 'nobody decided in time' },
    });
    await this.#ports.control.catchUp();
  }
}

const EXPIRED = 'nobody approved this call in time';

const fits = ({ tool, compiled }: Rule, proposed: Proposed): boolean =>
  (tool === '*' || tool === proposed.tool) &&
  (compiled === null ||
    compiled.matches(proposed.inputText) ||
    // What no pattern can read to its end may hold what it looks for.
    proposed.inputText.length > compiled.textCharsMax);

/** What was decided of a request, by whatever it is that the log tells first. */
export const permissionOf = (
  { state }: Pick<TrialControl, 'state'>,
  approvalId: string,
): Exclude<Permission, { kind: 'aborted' }> | null => {
  const approval = state.approvals.get(approvalId);
  if (approval?.status !== 'decided') return null;
  const { decision, reason } = approval;
  const why = displayableLine(reason, REASON_CHARS_MAX);
  switch (decision.kind) {
    case 'approve':
      return { kind: 'run', approvalId };
    case 'modify':
      return { kind: 'run-instead', approvalId, inputText: decision.inputText };
    case 'reject':
      return {
        kind: 'deny',
        approvalId,
        why: why === '' ? 'a person rejected this call' : `a person rejected this call: ${why}`,
      };
    case 'terminate':
      return { kind: 'terminate', approvalId, why };
    case 'expired':
      return { kind: 'deny', approvalId, why: EXPIRED };
  }
};

/** Longest delay that a timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const firstOf = (change: Promise<void>, waitMsMax: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(TIMER_MS_MAX, waitMsMax));
    if (signal.aborted) return done();
    signal.addEventListener('abort', done, { once: true });
    void change.then(done);
  });
