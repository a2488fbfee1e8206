import { createHash } from 'node:crypto';
import { budgetFacts, nothingSpent, refusalText } from '@crucible/domain';
import type { BudgetRefusal, Spend, Wish } from '@crucible/domain';
import { displayableLine } from '@crucible/events';
import type { EventData, LiveAccount, ModelMessage, ModelParameters, NewEvent, ToolSpec } from '@crucible/events';
import { spentOn } from '@crucible/models';
import type { CallEnd, CallRequest, ModelBroker, ReplyDelta, Retry, ToolChoice } from '@crucible/models';
import type { Place } from '../trials/trial-run.ts';
import { HeldTime, STRETCH_MS } from './held-time.ts';
import type { LiveReply, LiveTrial } from './live.ts';
import type { Purse } from './purse.ts';
import type { WorkClock } from './work-clock.ts';

type ModelCalled = EventData<'crucible.trial.model-called.v2'>;
export type Role = ModelCalled['role'];

/** A reply that is shorter than this helps nobody: so much has to be left for it. */
const REPLY_TOKENS_MIN = 16;
const DETAIL_CHARS_MAX = 1_900;
const LABEL_CHARS_MAX = 200;

export interface CallerPorts {
  readonly broker: ModelBroker;
  readonly purse: Purse;
  readonly clock: WorkClock;
  readonly note: (
    event: NewEvent<'crucible.trial.model-called.v2' | 'crucible.trial.budget-reached.v1'>,
  ) => Promise<unknown>;
  readonly newId: () => string;
  /** Where its subject's words are told as they come; null where there is no subject to be seen. */
  readonly live: LiveTrial | null;
}

export interface Asking {
  readonly role: Role;
  readonly model: string;
  readonly turn: number;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolSpec[];
  readonly parameters: ModelParameters;
  readonly signal: AbortSignal;
  /** Number of the last message's record. */
  readonly requestRecord: number | null;
  /** `auto` when left out. */
  readonly toolChoice?: ToolChoice;
  /** As of `CallRequest`. */
  readonly newFrom?: number;
  /** Is told of the reply as it comes. */
  readonly hearer?: ReplyHearer;
}

/** Whoever hears a reply while it comes, and may hand on what it hears. */
export interface ReplyHearer {
  readonly onDelta: (delta: ReplyDelta) => void;
  /** Whether something was handed on: what follows must then be of the same attempt. */
  readonly hasTold: () => boolean;
}

/** What came of asking a model: its reply or failure, or that nothing is left to pay for it. */
export type Asked =
  | { readonly kind: 'ended'; readonly end: CallEnd }
  | { readonly kind: 'refused'; readonly refusal: BudgetRefusal; readonly why: string };

/** A call that is held in every account it is paid from. */
interface HeldCall {
  readonly request: CallRequest;
  readonly bound: Wish;
  /** Of its working time; beyond it more is held as it goes on. Null where nothing bounds time. */
  readonly timeMs: number | null;
}

interface UnderWay {
  readonly live: LiveReply | null;
  readonly hearer: ReplyHearer | undefined;
  readonly time: HeldTime;
  /** What is held for attempts beyond the first. */
  readonly extra: string[];
}

/** Calls models for one trial: nothing is called that is not paid for, and every call is told. */
export class ModelCaller {
  readonly #place: Place;
  readonly #ports: CallerPorts;

  constructor(place: Place, ports: CallerPorts) {
    this.#place = place;
    this.#ports = ports;
  }

  /** @param record writes a reply down, and gives the number of its record */
  async ask(asking: Asking, record: (end: CallEnd & { ok: true }) => number): Promise<Asked> {
    const callId = this.#ports.newId();
    const held = await this.#hold(callId, asking);
    if ('refusal' in held) return this.#refused(held.refusal, asking);
    const { purse } = this.#ports;
    const live = asking.role === 'subject' ? (this.#ports.live?.reply(asking.turn) ?? null) : null;
    const time = new HeldTime(purse, callId, held.timeMs);
    const extra: string[] = [];
    let end: CallEnd;
    let settled: Spend;
    try {
      end = await this.#call(callId, held, { live, hearer: asking.hearer, time, extra });
      settled = spentInTime(spentOn(end, held.bound), time);
      purse.settle(callId, settled);
    } finally {
      // Behind it: in between, what they held would be anybody's.
      time.release();
      for (const id of extra) purse.release(id);
    }
    const reply = end.ok ? record(end) : null;
    if (reply === null) live?.failed();
    else live?.whole();
    void this.#ports.note({
      type: 'crucible.trial.model-called.v2',
      data: { ...this.#told(callId, asking, held.request, end, reply), settled },
    });
    if (!end.ok && time.usedUp !== null) return this.#refused(time.usedUp.refusal, asking);
    return { kind: 'ended', end };
  }

  /** Whoever stopped waiting for a place in a budget has not been refused by it. */
  #refused(refusal: BudgetRefusal, { turn, signal }: Asking): Asked {
    if (!signal.aborted) {
      const data = { ...this.#place, turn, ...budgetFacts(refusal) };
      void this.#ports.note({ type: 'crucible.trial.budget-reached.v1', data });
    }
    return { kind: 'refused', refusal, why: refusalText(refusal) };
  }

  /** Holds what the call may come to: all that a reply may be, or the longest that is paid for. */
  async #hold(callId: string, asking: Asking): Promise<HeldCall | { readonly refusal: BudgetRefusal }> {
    const { broker, purse, clock } = this.#ports;
    const over = clock.wait();
    try {
      let before = { tokens: Infinity, timeMs: Infinity };
      for (;;) {
        const request = await this.#fitted(this.#requestOf(asking));
        // There is no such model: the broker says so, and nothing is spent.
        const whole = broker.bound(request) ?? nothingSpent;
        const { timeMs: leftMs } = await purse.unspent();
        const timeMs = leftMs === undefined ? null : Math.min(whole.timeMs, STRETCH_MS, leftMs);
        const bound = { ...whole, timeMs: timeMs ?? 0 };
        const refusal = await purse.reserve(callId, bound, asking.signal);
        if (refusal === null) return { request, bound, timeMs };
        // While it waited others spent: what is left now may pay for a shorter reply.
        const isNoLess = bound.tokens >= before.tokens && bound.timeMs >= before.timeMs;
        if (asking.signal.aborted || isNoLess) return { refusal };
        before = bound;
      }
    } finally {
      over();
    }
  }

  #requestOf({ model, messages, tools, parameters, signal, toolChoice = 'auto', newFrom }: Asking): CallRequest {
    const most = this.#ports.broker.model(model)?.limits.outputTokensMax ?? Infinity;
    const outputTokensMax = Math.min(parameters.outputTokensMax ?? Infinity, most);
    const told = { ...parameters, outputTokensMax: outputTokensMax === Infinity ? null : outputTokensMax };
    const more = newFrom === undefined ? {} : { newFrom };
    return { model, messages, tools, parameters: told, toolChoice, signal, ...more };
  }

  /** Asks for no longer a reply than what is left pays for, as long as that is any use. */
  async #fitted(request: CallRequest): Promise<CallRequest> {
    const { broker, purse } = this.#ports;
    const bound = broker.bound(request);
    const price = broker.model(request.model)?.price;
    const asked = request.parameters.outputTokensMax;
    if (bound === undefined || asked === null) return request;
    const left = await purse.unspent();
    const excessTokens = Math.max(0, bound.tokens - (left.tokens ?? Infinity));
    const excessCost = Math.max(0, (bound.costMicroUsd ?? 0) - (left.costMicroUsd ?? Infinity));
    const dear = excessCost === 0 || !price?.outputUsd ? 0 : Math.ceil(excessCost / price.outputUsd) + 1;
    const outputTokensMax = asked - Math.max(excessTokens, dear);
    if (outputTokensMax === asked || outputTokensMax < REPLY_TOKENS_MIN) return request;
    return { ...request, parameters: { ...request.parameters, outputTokensMax } };
  }

  async #call(callId: string, { request, bound }: HeldCall, { live, hearer, time, extra }: UnderWay): Promise<CallEnd> {
    const { broker, purse, clock } = this.#ports;
    const signal = AbortSignal.any([request.signal, time.signal]);
    const wait = (): (() => void) => {
      const isOver = [clock.wait(), live?.waits(() => this.#accountOf(request.model))];
      return () => isOver.forEach((end) => end?.());
    };
    let over = wait();
    const mayRetry = ({ attempt, told }: Retry): boolean => {
      time.wait();
      if (hearer?.hasTold() === true) return false;
      over = wait();
      const id = `${callId} ${attempt}`;
      // What had begun to come is likely to be charged beside what comes next. Its time goes on from the same stretch.
      if (!told) return true;
      if (!purse.tryReserve(id, { ...bound, calls: 0, timeMs: 0 })) return false;
      extra.push(id);
      return true;
    };
    const onAttempt = (attempt: number): void => {
      over();
      time.run();
      live?.attempt(attempt);
    };
    const onDelta = (delta: ReplyDelta): void => {
      live?.take(delta);
      hearer?.onDelta(delta);
    };
    try {
      return await broker.call({ ...request, signal }, { mayRetry, onAttempt, onDelta });
    } finally {
      over();
    }
  }

  #accountOf(model: string): LiveAccount | undefined {
    const account = this.#ports.broker.limits().find(({ models }) => models.includes(model));
    if (account === undefined) return undefined;
    const { provider, effective, concurrencyMax, inFlight, waiting, pausedMs } = account;
    return { provider, effective, concurrencyMax, inFlight, waiting, pausedMs };
  }

  #told(
    callId: string,
    asking: Asking,
    request: CallRequest,
    end: CallEnd,
    reply: number | null,
  ): Omit<ModelCalled, 'settled'> {
    const entry = this.#ports.broker.model(asking.model);
    const { latencyMs, waitedMs, firstTokenMs, attempts } = end;
    const label = (text: string): string => displayableLine(text, LABEL_CHARS_MAX);
    return {
      ...this.#place,
      callId,
      turn: asking.turn,
      role: asking.role,
      model: label(asking.model),
      provider: entry?.provider ?? 'none',
      providerModel: label(entry?.modelId ?? asking.model),
      parameters: request.parameters,
      result: end.ok
        ? { status: 'replied', finishReason: end.finishReason }
        : { status: 'failed', failure: end.failure, detail: displayableLine(end.detail, DETAIL_CHARS_MAX) },
      usage: end.ok ? end.usage : noCounts,
      costMicroUsd: end.ok ? end.costMicroUsd : null,
      latencyMs: Math.max(0, latencyMs - waitedMs),
      firstTokenMs,
      waitedMs,
      attempts: Math.max(1, attempts),
      records: { request: asking.requestRecord, reply },
      requestSha256: digestOf(request),
    };
  }
}

/** A call that was ended when its time was used up took all of it, whatever its own clock says. */
const spentInTime = (spent: Spend, { usedUp }: HeldTime): Spend =>
  usedUp === null ? spent : { ...spent, timeMs: Math.max(spent.timeMs, usedUp.heldMs) };

const noCounts = { inputTokens: null, outputTokens: null, cachedInputTokens: null, reasoningTokens: null };

/** Of what the broker was asked for; how a provider's wire puts it is the broker's. */
const digestOf = ({ model, messages, tools, parameters, toolChoice }: CallRequest): string =>
  createHash('sha256').update(JSON.stringify({ model, messages, tools, parameters, toolChoice })).digest('hex');
