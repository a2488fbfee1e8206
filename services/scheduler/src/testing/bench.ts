import { randomUUID } from 'node:crypto';
import { ContentMissing, InMemoryEventLog } from '@crucible/event-log';
import type { AppendRequest, AppendResult, ContentStore, WorkItem, WorkQueue } from '@crucible/event-log';
import { evaluationIdSchema, noBudget, subjects } from '@crucible/events';
import type {
  BudgetScope,
  CrucibleEvent,
  EvaluationId,
  EventData,
  EventType,
  NewEvent,
  TrialId,
} from '@crucible/events';
import { createLogger } from '@crucible/service-kit';
import { suiteSchema } from '@crucible/suite';
import { Scheduler } from '../scheduler.ts';

const digest = (letter: string): string => letter.repeat(64);
const limits = {
  cpuMillis: 1,
  memoryBytesMax: 1,
  pidsMax: 1,
  diskBytesMax: 1,
  wallTimeMsMax: 1,
  outputBytesMax: 1,
  tmpBytesMax: 1,
  filesOpenMax: 1,
  fileBytesMax: 1,
};
const origin = { source: 'bench', team: 'default', actor: 'user:bench', correlationId: randomUUID() };

/** The log, with failures on demand. */
export class TroubledLog extends InMemoryEventLog {
  appends = 0;
  /** Called before an append; what it throws, the append throws. */
  beforeAppend: (request: AppendRequest) => void = () => undefined;
  /** Called behind an append that was stored: what it throws, the writer sees instead of its success. */
  afterAppend: (request: AppendRequest) => void = () => undefined;

  override async append(request: AppendRequest): Promise<AppendResult> {
    this.appends += 1;
    this.beforeAppend(request);
    const result = await super.append(request);
    if (result.ok) this.afterAppend(request);
    return result;
  }
}

export class FakeQueue implements WorkQueue {
  readonly pushed: WorkItem[] = [];
  fail: Error | undefined;

  push(_pool: string, item: WorkItem): Promise<void> {
    if (this.fail !== undefined) return Promise.reject(this.fail);
    this.pushed.push(item);
    return Promise.resolve();
  }

  take(): Promise<void> {
    return Promise.reject(new Error('nobody takes here'));
  }

  trials(): string[] {
    return this.pushed.map(({ trialId }) => trialId);
  }
}

export class FakeContent implements ContentStore {
  readonly #kept = new Map<string, Uint8Array>();
  fail: Error | undefined;
  reads = 0;

  put(): Promise<string> {
    return Promise.reject(new Error('nobody puts here'));
  }

  keep(name: string, text: string): void {
    this.#kept.set(name, new TextEncoder().encode(text));
  }

  get(name: string): Promise<Uint8Array> {
    this.reads += 1;
    if (this.fail !== undefined) return Promise.reject(this.fail);
    const bytes = this.#kept.get(name);
    return bytes === undefined ? Promise.reject(new ContentMissing(name)) : Promise.resolve(bytes);
  }
}

const suiteOf = (samples: number): string =>
  JSON.stringify(
    suiteSchema.parse({
      apiVersion: 'crucible/v1',
      kind: 'Suite',
      metadata: { name: 'bench', version: '1.0.0', title: 'Bench' },
      dataset: {
        samples: Array.from({ length: samples }, (_, index) => ({
          id: `sample-${index}`,
          input: { language: 'python', source: 'print()' },
        })),
      },
      solver: { kind: 'program' },
      scorers: [{ kind: 'exit-code' }],
      sandbox: {},
    }),
  );

/** One log with people and executors at hand, and as many schedulers as are started. */
export class Bench {
  readonly log = new TroubledLog({ now: () => Date.now(), newId: () => randomUUID() });
  readonly queue = new FakeQueue();
  readonly content = new FakeContent();
  readonly #stops: (() => void)[] = [];

  constructor() {
    this.content.keep(digest('a'), suiteOf(10));
  }

  /** A scheduler that follows the log until it is stopped. */
  start(
    concurrencyMax = 8,
    now: () => number = () => Date.now(),
  ): { readonly scheduler: Scheduler; readonly stop: () => void } {
    const stopping = new AbortController();
    const ports = { log: this.log, queue: this.queue, content: this.content, now };
    const scheduler = new Scheduler(ports, concurrencyMax, createLogger('scheduler', 'fatal'));
    const follow = async (): Promise<void> => {
      const from = await scheduler.begin();
      for await (const stored of this.log.follow({ from, signal: stopping.signal })) await scheduler.onEvent(stored);
    };
    void follow();
    const stop = (): void => {
      stopping.abort();
      scheduler.onModuleDestroy();
    };
    this.#stops.push(stop);
    return { scheduler, stop };
  }

  stopAll(): void {
    for (const stop of this.#stops) stop();
  }

  async submit(
    options: {
      readonly samples?: number;
      readonly suite?: string;
      readonly attemptsMax?: number;
      readonly concurrencyMax?: number;
    } = {},
  ): Promise<EvaluationId> {
    const evaluationId = evaluationIdSchema.parse(randomUUID());
    const suite = {
      name: 'bench',
      version: '1.0.0',
      title: 'Bench',
      digest: options.suite ?? digest('a'),
      bytes: 1,
      capability: null,
    };
    const { samples = 1, attemptsMax = 3, concurrencyMax = 8 } = options;
    const data = {
      evaluationId,
      suite,
      subject: { kind: 'program' as const },
      budget: noBudget,
      epochReducer: 'mean',
      samples,
      epochs: 1,
      concurrencyMax,
      attemptsMax,
      requestDigest: digest('b'),
    };
    await this.write(subjects.evaluation(evaluationId), { type: 'crucible.evaluation.submitted.v2', data });
    return evaluationId;
  }

  cancel(evaluationId: EvaluationId): Promise<void> {
    return this.write(subjects.evaluation(evaluationId), {
      type: 'crucible.evaluation.cancel-requested.v1',
      data: { evaluationId, reason: 'bench' },
    });
  }

  /** Runs a dispatched trial to its end, as an executor would. */
  async run(
    evaluationId: EvaluationId,
    trialId: string,
    how: 'passed' | 'failed' | 'errored' | 'stopped' = 'passed',
  ): Promise<void> {
    await this.begin(evaluationId, trialId);
    await this.finish(evaluationId, trialId, how);
  }

  begin(evaluationId: EvaluationId, trialId: string): Promise<void> {
    const place = { evaluationId, trialId: trialId as TrialId };
    return this.write(subjects.trial(evaluationId, place.trialId), {
      type: 'crucible.trial.started.v2',
      data: {
        ...place,
        executorId: 'bench',
        runtime: 'runsc',
        image: 'python',
        limits,
        kernelObserved: true,
        sandboxId: null,
        origin: null,
        profile: null,
        preflight: null,
      },
    });
  }

  async finish(
    evaluationId: EvaluationId,
    trialId: string,
    how: 'passed' | 'failed' | 'errored' | 'stopped',
  ): Promise<void> {
    const place = { evaluationId, trialId: trialId as TrialId };
    const subject = subjects.trial(evaluationId, place.trialId);
    const rest = {
      exitCode: 0,
      signal: null,
      findings: [],
      limitsHit: [],
      durationMs: 1,
      memoryBytesPeak: null,
      evidence: [],
      error: null,
      usage: null,
      answer: null,
    };
    const outcome = how === 'stopped' ? 'errored' : how;
    const scores =
      outcome === 'errored' ? [] : [{ scorer: 'exit-code', value: outcome === 'passed' ? 1 : 0, explanation: '' }];
    const ended = outcome === 'errored' ? ('engine-failure' as const) : ('exit' as const);
    const reason = how === 'stopped' ? ('stopped' as const) : ended;
    await this.write(subject, {
      type: 'crucible.trial.finished.v2',
      data: { ...place, outcome, reason, verdict: 'contained', scores, ...rest },
    });
  }

  /** Tells that a call of a trial was not made, as its executor would. */
  budgetReached(evaluationId: EvaluationId, trialId: string, scope: BudgetScope): Promise<void> {
    const place = { evaluationId, trialId: trialId as TrialId };
    return this.write(subjects.trial(evaluationId, place.trialId), {
      type: 'crucible.trial.budget-reached.v1',
      data: { ...place, turn: 1, scope, kind: 'tokens', limit: 1_000, spent: 990, asked: 40 },
    });
  }

  /** Takes a dispatched trial back, as an executor does that cannot begin it. */
  withdraw(evaluationId: EvaluationId, trialId: string): Promise<void> {
    const place = { evaluationId, trialId: trialId as TrialId };
    return this.write(subjects.trial(evaluationId, place.trialId), {
      type: 'crucible.trial.withdrawn.v1',
      data: { ...place, reason: 'no executor could begin it' },
    });
  }

  async write(subject: string, event: NewEvent): Promise<void> {
    const result = await this.log.append({ subject, event, origin });
    if (!result.ok) throw new Error(result.failure);
  }

  /** Every event in the log, in order. */
  async events(): Promise<CrucibleEvent[]> {
    const head = await this.log.head();
    const found: CrucibleEvent[] = [];
    if (head === 0) return found;
    for await (const stored of this.log.follow({ from: 1, signal: new AbortController().signal })) {
      if (stored.ok) found.push(stored.event);
      if (stored.position >= head) break;
    }
    return found;
  }

  async dataOf<T extends EventType>(type: T, evaluationId?: EvaluationId): Promise<EventData<T>[]> {
    const events = (await this.events()).filter((event) => event.type === type).map(({ data }) => data as EventData<T>);
    return events.filter(
      (data) => evaluationId === undefined || (data as { evaluationId?: string }).evaluationId === evaluationId,
    );
  }
}
