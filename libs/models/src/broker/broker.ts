import type { Wish } from '@crucible/domain';
import type { ModelMessage } from '@crucible/events';
import { keyOf } from '../catalogue/catalogue.ts';
import type { KeyRing, ModelEntry } from '../catalogue/catalogue.ts';
import { keyName } from '../catalogue/keys.ts';
import type { KeyGuard } from '../key-guard.ts';
import { SecretSearch } from '../secrets.ts';
import type { SecretHit } from '../secrets.ts';
import { runAttempt } from './attempt.ts';
import type { CallEnd, CallHooks, CallRequest, SecretFinding } from './call.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { boundOf, costOf } from './cost.ts';
import { abortedFault, faultFrom } from './faults.ts';
import { Limiter } from './limiter.ts';
import type { LimiterView } from './limiter.ts';
import { Providers } from './provider.ts';
import type { AttemptEnd } from './reading.ts';
import { waitBefore } from './retry.ts';
import type { Fault } from './retry.ts';

/** The concurrency of one account: a provider at an address, with a key. */
export interface AccountLimits extends LimiterView {
  readonly provider: string;
  readonly baseUrl: string | null;
  /** Such as `env OPENAI_API_KEY`; null without a key. */
  readonly key: string | null;
  readonly models: readonly string[];
}

/** Calls to models, for whoever runs trials. Holds the keys; nothing that comes out of it holds one. */
export interface ModelBroker {
  /**
   * Calls a model until it has replied, nothing is to be hoped for any more, or the signal says so.
   * Rejects only when a hook throws.
   */
  call(request: CallRequest, hooks?: CallHooks): Promise<CallEnd>;
  /** What one attempt at this call may come to, to be reserved before it; undefined when there is no such model. */
  bound(request: CallRequest): Wish | undefined;
  /** For a text of a reply that is shown before it is whole: what it lets through holds no key. */
  guard(): KeyGuard;
  model(name: string): ModelEntry | undefined;
  models(): readonly ModelEntry[];
  /** How many calls each account takes at once, as it stands. */
  limits(): readonly AccountLimits[];
}

interface Account {
  readonly limiter: Limiter;
  readonly models: readonly ModelEntry[];
}

const accountName = (entry: ModelEntry): string =>
  // Scripted models have nothing in common: one that plays overload must not slow down the others.
  entry.provider === 'scripted'
    ? `scripted ${entry.name}`
    : `${entry.provider} ${entry.baseUrl ?? ''} ${entry.key === null ? '' : keyName(entry.key)}`;

const accountsOf = (models: readonly ModelEntry[], clock: Clock): Map<string, Account> => {
  const byAccount = Map.groupBy(models, accountName);
  return new Map(
    [...byAccount].map(([name, members]) => {
      const concurrencyMax = Math.max(...members.map(({ limits }) => limits.concurrencyMax));
      const scripted = members.every(({ provider }) => provider === 'scripted');
      return [
        name,
        { models: members, limiter: new Limiter(concurrencyMax, clock, scripted ? concurrencyMax : undefined) },
      ];
    }),
  );
};

/** What a message says to whoever reads it. */
const textsOf = (message: ModelMessage): string[] =>
  message.role === 'assistant'
    ? [
        message.content,
        message.reasoning ?? '',
        ...message.toolCalls.flatMap(({ tool, inputText }) => [tool, inputText]),
      ]
    : [message.content];

/** Texts of a request that were in no call before. Those that were, were looked at then. */
const newTexts = ({ messages, tools, parameters, newFrom }: CallRequest): string[] => {
  const behindReply = messages.findLastIndex(({ role }) => role === 'assistant') + 1;
  const said = messages.slice(newFrom ?? behindReply).flatMap(textsOf);
  return newFrom === undefined ? said : [...said, JSON.stringify(tools), ...parameters.stop];
};

/** One call, over all its attempts. */
class Call {
  readonly #clock: Clock;
  readonly #hooks: CallHooks;
  readonly #request: CallRequest;
  readonly #beganAt: number;
  attempts = 0;
  abandonedAttempts = 0;
  #waitedMs = 0;
  #told = false;
  firstTokenMs: number | null = null;
  readonly #findings = new Map<string, SecretFinding>();
  readonly #brokenOff: string[] = [];

  constructor(request: CallRequest, hooks: CallHooks, clock: Clock) {
    this.#request = request;
    this.#hooks = hooks;
    this.#clock = clock;
    this.#beganAt = clock.now();
  }

  facts() {
    return {
      latencyMs: this.#clock.now() - this.#beganAt,
      firstTokenMs: this.firstTokenMs,
      waitedMs: this.#waitedMs,
      attempts: this.attempts,
      abandonedAttempts: this.abandonedAttempts,
      secrets: [...this.#findings.values()],
      brokenOff: this.#brokenOff,
    };
  }

  /** Tells each once, however often it stands there. */
  found(where: SecretFinding['where'], hits: readonly SecretHit[]): void {
    for (const hit of hits) this.#findings.set(JSON.stringify([where, hit]), { ...hit, where });
  }

  heard(texts: readonly string[]): void {
    this.#brokenOff.push(...texts);
  }

  async waiting<T>(wait: Promise<T>): Promise<T> {
    const from = this.#clock.now();
    const result = await wait;
    this.#waitedMs += this.#clock.now() - from;
    return result;
  }

  async attempt(entry: ModelEntry, providers: Providers): Promise<AttemptEnd> {
    const from = this.#clock.now();
    this.attempts += 1;
    this.#told = false;
    this.#hooks.onAttempt?.(this.attempts);
    const end = await runAttempt(
      entry,
      this.#request,
      {
        providers,
        clock: this.#clock,
        onDelta: (delta) => {
          this.#told = true;
          this.#hooks.onDelta?.(delta);
        },
      },
      this.attempts,
    );
    this.firstTokenMs = end.firstTokenMs;
    if (!end.ok && end.fault.failure === 'rate-limited') this.#waitedMs += this.#clock.now() - from;
    return end;
  }

  /** Whether there is another attempt, after the wait for it. */
  async again(entry: ModelEntry, fault: Fault, limiter: Limiter): Promise<boolean> {
    const { attemptsMax } = entry.limits;
    const waitMs = waitBefore(fault, this.attempts, attemptsMax, this.#clock.random);
    if (waitMs === null) return false;
    const { failure, detail } = fault;
    const retry = { attempt: this.attempts, failure, detail, waitMs, told: this.#told };
    if (this.#hooks.mayRetry?.(retry) === false) return false;
    if (fault.retryAfterMs !== null) limiter.pause(fault.retryAfterMs);
    if (this.#told) {
      this.abandonedAttempts += 1;
      this.#hooks.onDelta?.({ kind: 'restart', attempt: this.attempts, failure });
    }
    await this.waiting(this.#clock.sleep(waitMs, this.#request.signal));
    return true;
  }
}

class Broker implements ModelBroker {
  readonly #models: ReadonlyMap<string, ModelEntry>;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #providers: Providers;
  readonly #search: SecretSearch;
  readonly #clock: Clock;

  constructor(models: readonly ModelEntry[], keys: KeyRing, clock: Clock) {
    this.#models = new Map(models.map((entry) => [entry.name, entry]));
    this.#accounts = accountsOf(models, clock);
    this.#providers = new Providers(keys);
    this.#search = new SecretSearch(keys.values());
    this.#clock = clock;
  }

  guard(): KeyGuard {
    return this.#search.guard();
  }

  model(name: string): ModelEntry | undefined {
    return this.#models.get(name);
  }

  models(): readonly ModelEntry[] {
    return [...this.#models.values()];
  }

  bound(request: CallRequest): Wish | undefined {
    const entry = this.model(request.model);
    return entry && boundOf(entry, request);
  }

  limits(): readonly AccountLimits[] {
    return [...this.#accounts.values()].map(({ limiter, models }) => {
      const [first] = models as [ModelEntry];
      return {
        provider: first.provider,
        baseUrl: first.baseUrl,
        key: first.key === null ? null : keyName(first.key),
        models: models.map(({ name }) => name),
        ...limiter.view(),
      };
    });
  }

  async call(request: CallRequest, hooks: CallHooks = {}): Promise<CallEnd> {
    const call = new Call(request, hooks, this.#clock);
    const entry = this.model(request.model);
    if (entry === undefined) return this.#failed(call, faultFrom('rejected', `there is no model ${request.model}`));
    this.#look(call, 'request', newTexts(request));
    const { limiter } = this.#accounts.get(accountName(entry)) as Account;
    const ticket = limiter.ticket();
    for (;;) {
      const end = await this.#attempt(call, entry, limiter, ticket, request.signal);
      if (end.ok) return this.#succeeded(call, entry, end);
      // A reply that broke off was said all the same.
      this.#look(call, 'reply', end.heard);
      call.heard(end.heard);
      if (!(await call.again(entry, end.fault, limiter))) return this.#failed(call, end.fault);
    }
  }

  async #attempt(
    call: Call,
    entry: ModelEntry,
    limiter: Limiter,
    ticket: number,
    signal: AbortSignal,
  ): Promise<AttemptEnd> {
    const place = limiter.acquire(ticket, entry.name, entry.limits.concurrencyMax, signal);
    const permit = await call.waiting(place);
    if (permit === null) {
      const fault = signal.aborted
        ? abortedFault
        : faultFrom('unavailable', 'too many calls wait', { retryable: false });
      return { ok: false, fault, heard: [], firstTokenMs: null };
    }
    let outcome: 'succeeded' | 'overloaded' | 'neither' = 'neither';
    try {
      const end = await call.attempt(entry, this.#providers);
      outcome = end.ok ? 'succeeded' : end.fault.overload ? 'overloaded' : 'neither';
      return end;
    } finally {
      permit.release(outcome);
    }
  }

  #look(call: Call, where: SecretFinding['where'], texts: readonly string[]): void {
    for (const text of texts) call.found(where, this.#search.find(text));
  }

  #succeeded(call: Call, entry: ModelEntry, end: AttemptEnd & { ok: true }): CallEnd {
    this.#look(call, 'reply', textsOf(end.message));
    const { message, finishReason, usage } = end;
    const warnings = end.warnings.map((warning) => this.#search.redact(warning));
    return {
      ok: true,
      message,
      finishReason,
      usage,
      costMicroUsd: costOf(entry.price, usage),
      warnings,
      ...call.facts(),
    };
  }

  #failed(call: Call, fault: Fault): CallEnd {
    return { ok: false, failure: fault.failure, detail: this.#search.redact(fault.detail), ...call.facts() };
  }
}

/** Whether a model can be called: its key was read, if it needs one. */
export const isCallable = (entry: ModelEntry, keys: KeyRing): boolean =>
  entry.key === null || keyOf(keys, entry) !== null;

/**
 * A broker for these models.
 * @throws RangeError when the key of one was not read
 */
export const createBroker = (models: readonly ModelEntry[], keys: KeyRing, clock: Clock = systemClock): ModelBroker => {
  const without = models.find((entry) => !isCallable(entry, keys));
  if (without !== undefined) throw new RangeError(`the key of ${without.name} was not read`);
  return new Broker(models, keys, clock);
};
