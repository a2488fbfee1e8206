import { budgetReachedText, usageAfter } from '@crucible/domain';
import type { CrucibleEvent, ModelMessage, UsageTotals } from '@crucible/events';
import { noUsage } from '@crucible/events';
import type { EvidenceStore, EventLog, LiveReplies } from '@crucible/event-log';
import type { ModelBroker } from '@crucible/models';
import type { Suite, SuiteSample } from '@crucible/suite';
import { policiesOf } from '@crucible/suite/load';
import type { ApprovalPolicies } from '@crucible/suite/load';
import type { Judgement } from '@crucible/suite/score';
import type { Act } from '../kernel-watch/acts.ts';
import type { TrialDetection } from '../detection/index.ts';
import type {
  PreparedSandbox,
  RunHooks,
  Sandbox,
  SandboxEnd,
  SandboxEngine,
  SandboxSession,
  SandboxSpec,
  SnapshotEnd,
} from '../sandbox/port.ts';
import { EvidenceWriter } from '../trials/evidence-writer.ts';
import { busBack } from '../trials/open-trial.ts';
import type { OpenTrial } from '../trials/open-trial.ts';
import type { Place, TrialCourse, Told } from '../trials/trial-run.ts';
import { endpointAddress } from './agent-program/drive.ts';
import type { CommandFeed } from './command-feed.ts';
import { converse } from './converse.ts';
import type { Ending } from './ending.ts';
import { KernelSpans } from './kernel-spans.ts';
import type { Ledger } from './ledger.ts';
import { LiveTrial } from './live.ts';
import { ModelCaller } from './model-caller.ts';
import type { ConversationNote } from './parts.ts';
import { spentBefore } from './plan.ts';
import type { ConversationPlan } from './plan.ts';
import type { Purse } from './purse.ts';
import type { Talk } from './talk.ts';
import { Transcript } from './transcript.ts';
import { TrialControl } from './trial-control.ts';
import { WorkClock } from './work-clock.ts';

/** What conversations need that is the same for all trials of an executor. */
export interface ConversationPorts {
  readonly broker: ModelBroker;
  readonly policies: ApprovalPolicies;
  readonly ledger: Ledger;
  readonly feed: CommandFeed;
  readonly log: EventLog;
  readonly evidence: EvidenceStore;
  readonly live: Pick<LiveReplies, 'tell'>;
  readonly engine: Pick<SandboxEngine, 'open'>;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What a conversation is held for. */
export interface Held {
  readonly place: Place;
  readonly suite: Suite;
  readonly sample: SuiteSample;
  readonly plan: ConversationPlan;
  readonly detection: TrialDetection;
  /** Whether the kernel's side is told. */
  readonly kernelObserved: boolean;
}

/** A conversation that is over, for those who judge it. */
export interface Judged {
  readonly held: Held;
  /** Null when none was given. */
  readonly answer: string | null;
  readonly messages: readonly ModelMessage[];
  /** The last turn: what is asked for the judgement's sake belongs to it. */
  readonly turn: number;
  /** Null when no scorer wants them. */
  readonly files: SnapshotEnd | null;
  readonly caller: ModelCaller;
  readonly transcript: Transcript;
  readonly newId: () => string;
  readonly now: () => number;
  /** Aborted when the trial is stopped. */
  readonly signal: AbortSignal;
}

/** How scorers come to their word that need more than an answer, by their place in the suite. The trial's sandbox is gone. */
export type Judges = (judged: Judged) => Promise<ReadonlyMap<number, Judgement>>;

/** Ends that are no result: there is nothing to judge. */
const UNJUDGED: ReadonlySet<Ending['reason']> = new Set(['model-failure', 'terminated']);
const WAITED_OUT =
  'the longest time of its sandbox was over while it waited, for a person or for its turn with a model';
/** Of a trial's final files, so much is kept for a scoring program. */
const FILES_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The course of a trial in which a model is asked: to whoever runs the trial it is a sandbox like any other, which ends with
 * the conversation.
 */
export class Conversation implements TrialCourse {
  readonly endpoint: string | null;
  readonly #ports: ConversationPorts;
  readonly #held: Held;
  readonly #record: OpenTrial;
  readonly #judges: Judges;
  readonly #transcript: Transcript;
  readonly #spans: KernelSpans;
  readonly #live: LiveTrial;
  #usage: UsageTotals = noUsage;
  /** Why something was not done that belongs to the result, where that was neither the subject's doing nor a limit of its own. */
  #unpaid: string | null = null;
  /** Until everything that was asked to be told is counted. */
  #counted: Promise<unknown> = Promise.resolve();
  /** Also what judges it may have to end when its own sandbox is long gone. */
  readonly #stop = new AbortController();
  #killed: 'stopped' | 'lease-lost' | undefined;
  #failure: { readonly error: unknown } | undefined;
  #purse: Purse | undefined;
  #judgesCaller: ModelCaller | undefined;
  #clock: WorkClock | undefined;
  #talk: Talk | undefined;
  #ending: Ending | null = null;
  #files: SnapshotEnd | null = null;

  constructor(ports: ConversationPorts, held: Held, record: OpenTrial, judges: Judges) {
    this.#ports = ports;
    this.#held = held;
    this.endpoint = held.plan.solver.kind === 'agent-program' ? endpointAddress : null;
    this.#record = record;
    this.#judges = judges;
    const writer = new EvidenceWriter(ports.evidence, { ...held.place, channel: 'transcript' });
    this.#transcript = new Transcript(writer, ports.now);
    this.#spans = new KernelSpans(held.kernelObserved);
    this.#live = new LiveTrial({
      place: held.place,
      replies: ports.live,
      guard: () => ports.broker.guard(),
      stored: () => this.#transcript.stored(),
    });
  }

  attribute(act: Act): Act {
    return this.#spans.attribute(act);
  }

  act(act: Act, n: number): void {
    this.#spans.act(act, n);
  }

  run(prepared: PreparedSandbox, spec: SandboxSpec, { onOutput, onUsage }: RunHooks): Sandbox {
    const { argv: _argv, stdin: _stdin, ...rest } = spec;
    const session = this.#ports.engine.open(prepared, rest, { onOutput, ...(onUsage && { onUsage }) });
    return {
      containerId: session.containerId,
      processId: session.processId,
      ended: this.#toEnd(session, spec),
      kill: (reason, engineAfterMs) => {
        this.#killed ??= reason;
        this.#stop.abort();
        session.kill(reason, engineAfterMs);
      },
    };
  }

  async told(): Promise<Told> {
    const judged = await this.#judge();
    await this.#counted;
    const workingMs = Math.round(this.#clock?.workedMs ?? 0);
    return {
      answer: this.#ending?.answer ?? null,
      usage: { ...this.#usage, workingMs },
      judged,
      unpaid: this.#unpaid,
      // Stopped while it was judged: what nobody could judge is no result.
      endedBy: this.#ending === null ? null : (this.#killed ?? null),
      seal: await this.#transcript.seal(),
      lost: this.#transcript.lost,
    };
  }

  close(): void {
    this.#live.close();
    this.#purse?.close();
  }

  /** Never rejects. */
  async #toEnd(session: SandboxSession, spec: SandboxSpec): Promise<SandboxEnd> {
    try {
      await this.#converse(session, spec);
    } catch (error) {
      this.#failure ??= { error };
    }
    if (this.#ending !== null && this.#wantsFiles)
      this.#files = await session.snapshot({ bytesMax: FILES_BYTES_MAX, still: true });
    this.#clock?.stop();
    const end = await session.close();
    if (this.#failure !== undefined && end.reason === 'exit') return { ...end, ...failedBy(this.#failure.error) };
    // A sandbox that was killed or lost has its own reason; one that we closed has that of the conversation.
    if (this.#ending === null || end.reason !== 'exit') return end;
    const { reason, why: error, exitCode = null, signal = null } = this.#ending;
    return { ...end, reason, exitCode, signal, error };
  }

  async #judge(): Promise<ReadonlyMap<number, Judgement>> {
    const ending = this.#ending;
    if (ending === null || this.#judgesCaller === undefined || UNJUDGED.has(ending.reason)) return new Map();
    if (this.#unpaid !== null) return new Map();
    return this.#judges({
      held: this.#held,
      answer: ending.answer,
      messages: this.#talk?.messages ?? [],
      turn: this.#talk?.turn ?? 0,
      files: this.#files,
      caller: this.#judgesCaller,
      transcript: this.#transcript,
      newId: this.#ports.newId,
      now: this.#ports.now,
      signal: this.#stop.signal,
    });
  }

  get #wantsFiles(): boolean {
    return this.#held.suite.scorers.some(({ kind }) => kind === 'program');
  }

  async #converse(session: SandboxSession, { limits }: SandboxSpec): Promise<void> {
    const { place, plan, detection } = this.#held;
    const { ledger, feed, log, broker, policies, newId, now } = this.#ports;
    const { team } = this.#record;
    const budget = { ...place, team, budget: plan.budget, limits: plan.limits, spent: spentBefore(plan) };
    const purse = await busBack(() => ledger.open(budget));
    this.#purse = purse;
    const control = await busBack(() => TrialControl.open({ log, feed }, place, plan.carried.messages));
    const timeLeft = Math.max(0, plan.timeMsMax - spentBefore(plan).timeMs);
    const clock = new WorkClock(
      () => performance.now(),
      timeLeft,
      () => this.#talk?.end('time-limit'),
    );
    this.#clock = clock;
    void session.ended.then(({ reason }) => {
      if (reason === 'wall-time' && clock.isWaiting) this.#unpaid ??= WAITED_OUT;
    });
    const note = (event: ConversationNote | Promise<ConversationNote | null>) => this.#note(event);
    const paying = { broker, clock, note, newId };
    const caller = new ModelCaller(place, { ...paying, purse, live: this.#live });
    this.#judgesCaller = new ModelCaller(place, { ...paying, purse: purse.forJudges(), live: null });
    try {
      const { ending } = await converse(
        {
          place,
          plan,
          session,
          caller,
          purse,
          transcript: this.#transcript,
          control,
          clock,
          listener: detection,
          kernelSpan: (processId) => this.#spans.of(processId),
          opening: (path) => this.#spans.opening(path),
          note,
          newId,
          now,
          policies: policiesOf(policies, team),
          most: { timeoutMs: limits.wallTimeMsMax, outputBytes: limits.outputBytesMax },
        },
        (talk) => (this.#talk = talk),
      );
      this.#ending = ending;
    } finally {
      control.close();
    }
  }

  /** Counted as it is asked for: the end comes behind all of them. */
  #note(event: ConversationNote | Promise<ConversationNote | null>): Promise<number | null> {
    if (!(event instanceof Promise)) this.#count(event);
    else this.#counted = Promise.all([this.#counted, event.then((told) => told !== null && this.#count(told))]);
    return this.#record.note(event).catch((error: unknown) => {
      // What cannot be put on record must not go on: whoever asks for it does not wait for the answer.
      this.#failure ??= { error };
      this.#talk?.cut();
      return null;
    });
  }

  #count(event: ConversationNote): void {
    if (event.type === 'crucible.trial.budget-reached.v1' && event.data.scope !== 'trial')
      this.#unpaid ??= budgetReachedText(event.data);
    this.#usage = usageAfter(this.#usage, event as CrucibleEvent);
  }
}

const failedBy = (error: unknown): Pick<SandboxEnd, 'reason' | 'exitCode' | 'error'> => ({
  reason: 'engine-failure',
  exitCode: null,
  error: `the conversation could not go on: ${error instanceof Error ? error.message : String(error)}`,
});
