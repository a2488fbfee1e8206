import { randomUUID } from 'node:crypto';
import { CanaryKey, rulesWith } from '@crucible/detectors';
import { strict } from '@crucible/domain';
import { InMemoryEventLog, InMemoryEvidence } from '@crucible/event-log';
import {
  asUntrusted,
  evaluationIdSchema,
  noBudget,
  subjects,
  transcriptRecordSchema,
  trialIdOf,
} from '@crucible/events';
import type {
  Budget,
  CrucibleEvent,
  EvaluationId,
  EventData,
  LiveItem,
  NewEvent,
  Subject,
  TranscriptRecord,
  TrialId,
} from '@crucible/events';
import { createBroker, loadModels } from '@crucible/models';
import type { ModelBroker } from '@crucible/models';
import { createLogger } from '@crucible/service-kit';
import { suiteSchema } from '@crucible/suite';
import { StoredSuites } from '@crucible/suite';
import type { ApprovalPolicies } from '@crucible/suite/load';
import { Detection } from '../detection/index.ts';
import { fixedImages } from '../images/image.ts';
import type { KernelWatch } from '../kernel-watch/index.ts';
import type { TakenSandbox } from '../pool/index.ts';
import type { SandboxEnd, SandboxEngine, SandboxSpec, SessionSpec } from '../sandbox/port.ts';
import { cleanEnd, FakeSession } from '../sandbox/session/fake-session.fixture.ts';
import type { FakePrograms } from '../sandbox/session/fake-session.fixture.ts';
import { Killer } from '../stopping/killer.ts';
import { RunningTrials } from '../trials/running-trials.ts';
import { TrialLog } from '../trials/trial-log.ts';
import { TrialRunner } from '../trials/trial-runner.ts';
import type { TrialPorts } from '../trials/trial-runner.ts';
import { CommandFeed } from './command-feed.ts';
import { Conversations } from './conversations.ts';
import { judgesWith } from './judges/judges.ts';
import type { DayLimits } from './days.ts';
import { Ledger } from './ledger.ts';
import { earlierOf } from './earlier.ts';

const rules = rulesWith(null);
if (!rules.ok) throw new Error('the shipped rules are wrong');
const key = new CanaryKey(Buffer.alloc(32, 1));
const logger = createLogger('sandbox-executor', 'silent');

export const scriptedBroker = async (): Promise<ModelBroker> => {
  const loaded = await loadModels(null);
  if (!loaded.ok) throw new Error('the scripted models are wrong');
  return createBroker(loaded.models, loaded.keys);
};

export interface BenchOptions {
  readonly broker: ModelBroker;
  /** As in a suite's file, beside its usual head. */
  readonly suite: Readonly<Record<string, unknown>>;
  readonly model?: string;
  readonly budget?: Partial<Budget>;
  readonly runs?: FakePrograms;
  readonly scoring?: FakeScoring;
  readonly days?: Partial<DayLimits>;
  readonly policies?: ApprovalPolicies;
  /** Real sandboxes, in place of sessions in memory. */
  readonly ground?: Ground;
}

/** What a scoring program prints that is given this. */
export type FakeScoring = (spec: SandboxSpec) => string;

export interface Ground {
  readonly engine: Pick<SandboxEngine, 'open' | 'run'>;
  readonly watch: KernelWatch;
  readonly pool: TrialPorts['pool'];
  readonly image: string;
}

/** An executor's trials, from the queue to their ends, with a session in memory for a sandbox. */
export class Bench {
  readonly evaluationId: EvaluationId;
  readonly log: InMemoryEventLog;
  readonly evidence: InMemoryEvidence;
  readonly sessions: FakeSession[] = [];
  /** What each of them was opened for. */
  readonly specs: SessionSpec[] = [];
  /** What was told while it came, a message each. */
  readonly live: (readonly LiveItem[])[] = [];
  readonly running = new RunningTrials(new Killer('one', { confirmMsMax: 100, engineAfterMs: 0 }));
  readonly detection = new Detection({ rules: rules.ok ? rules.rules : never(), key, newId: () => randomUUID() });
  readonly ledger: Ledger;
  readonly runner: TrialRunner;
  readonly #feed: CommandFeed;
  readonly #options: BenchOptions;
  readonly suite: ReturnType<typeof suiteSchema.parse>;

  /** @param before an executor whose log and evidence this one finds */
  constructor(options: BenchOptions, before?: Bench) {
    this.#options = options;
    this.evaluationId = before?.evaluationId ?? evaluationIdSchema.parse(randomUUID());
    this.log = before?.log ?? new InMemoryEventLog({ now: () => Date.now(), newId: () => randomUUID() });
    this.evidence = before?.evidence ?? new InMemoryEvidence();
    this.suite = suiteSchema.parse({
      apiVersion: 'crucible/v1',
      kind: 'Suite',
      metadata: { name: 'bench', version: '1.0.0', title: 'Bench' },
      ...options.suite,
    });
    const { log, evidence, running, detection, suite } = this;
    const trials = new TrialLog(log);
    const now = (): number => Date.now();
    const days = { platform: {}, team: {}, ...options.days };
    this.ledger = new Ledger({ log, history: log, days, now, logger });
    this.#feed = new CommandFeed(log, logger);
    const { engine, pool, watch, image } = options.ground ?? this.#inMemory();
    const identity = {
      executorId: 'one',
      runtime: 'runsc',
      images: fixedImages({ python: image }),
      profiles: new Map([[strict.name, strict]]),
    };
    const conversations = new Conversations({
      trials,
      ports: {
        broker: options.broker,
        policies: options.policies ?? new Map(),
        ledger: this.ledger,
        feed: this.#feed,
        log,
        evidence,
        live: { tell: (_place, { items }) => void this.live.push(items) },
        engine,
        newId: () => randomUUID(),
        now,
      },
      judges: judgesWith({ pool, engine, images: identity.images, profiles: identity.profiles }),
      earlier: (place, dispatch, own) => earlierOf({ log, evidence }, place, dispatch, own),
      kernelObserved: watch !== null,
    });
    const suites = new StoredSuites(() => Promise.resolve(Buffer.from(JSON.stringify(suite))));
    const stops = { holdsBack: () => false, isOnRecord: () => Promise.resolve(false) };
    const ports = { trials, evidence, suites, engine, watch, pool, running, stops, detection, conversations };
    this.runner = new TrialRunner(ports, identity, logger);
  }

  #inMemory(): Omit<Ground, 'watch'> & { readonly watch: null } {
    const open: SandboxEngine['open'] = (_prepared, spec, hooks) => {
      const session = new FakeSession(hooks, this.#options.runs);
      for (const { path, content } of spec.files) session.files.set(`/work/${path}`, Buffer.from(content));
      this.sessions.push(session);
      this.specs.push(spec);
      return session;
    };
    const run: SandboxEngine['run'] = (_prepared, spec, { onOutput }) => {
      const printed = Buffer.from((this.#options.scoring ?? never)(spec), 'utf8');
      onOutput({ stream: 'stdout', bytes: asUntrusted<Uint8Array>(printed), atMs: 0, at: Date.now() });
      return { containerId: 'fake', processId: null, ended: Promise.resolve(cleanEnd), kill: () => undefined };
    };
    const profile = { name: 'strict', version: '1', looserThanStrict: [] };
    const prepared = { containerId: 'fake', profile, discard: () => Promise.resolve() };
    const preflight = { probedAt: new Date().toISOString(), checks: [] };
    const taken = { prepared, preflight, origin: 'warm', release: () => undefined } as unknown as TakenSandbox;
    const pool = { take: () => Promise.resolve(taken) };
    return { engine: { run, open }, pool, watch: null, image: 'crucible/python' };
  }

  async submit(): Promise<void> {
    const { model = 'scripted/benign', budget = {} } = this.#options;
    await this.append(subjects.evaluation(this.evaluationId), {
      type: 'crucible.evaluation.submitted.v2',
      data: {
        evaluationId: this.evaluationId,
        suite: { name: 'bench', version: '1.0.0', title: 'Bench', digest: 'a'.repeat(64), bytes: 1, capability: null },
        subject: this.#subjectOf(model),
        budget: { ...noBudget, ...budget },
        epochReducer: 'mean',
        samples: this.suite.dataset.samples.length,
        epochs: 1,
        concurrencyMax: 8,
        attemptsMax: 3,
        requestDigest: 'b'.repeat(64),
      },
    });
  }

  #subjectOf(model: string): Subject {
    const { solver } = this.suite;
    if (solver.kind !== 'agent-program') return { kind: 'model', model, provider: null };
    return { kind: 'agent', name: solver.name, model, provider: null, image: null, programDigest: 'c'.repeat(64) };
  }

  async append(subject: string, event: NewEvent, actor = 'service:test'): Promise<number> {
    const origin = { source: 'gateway', team: 'red', actor, correlationId: this.evaluationId };
    const appended = await this.log.append({ subject, event, origin });
    if (!appended.ok) throw new Error(appended.failure);
    return appended.position;
  }

  command(trialId: TrialId, event: NewEvent, actor = 'user:ada'): Promise<number> {
    return this.append(subjects.trialCommand(this.evaluationId, trialId), event, actor);
  }

  async dispatch(sampleIndex = 0, attempt = 1): Promise<TrialId> {
    const place = { sampleIndex, epoch: 1, attempt };
    const trialId = trialIdOf(place);
    const sampleId = this.suite.dataset.samples[sampleIndex]?.id ?? '';
    await this.append(subjects.trial(this.evaluationId, trialId), {
      type: 'crucible.trial.dispatched.v1',
      data: {
        evaluationId: this.evaluationId,
        trialId,
        sampleId,
        ...place,
        suiteDigest: 'a'.repeat(64),
        pool: 'default',
      },
    });
    return trialId;
  }

  async take(trialId: TrialId): Promise<void> {
    const { evaluationId } = this;
    await this.runner.take({
      item: { evaluationId, trialId, position: 1 },
      message: { position: 1, subject: subjects.dispatch('default'), messageId: null, body: new Uint8Array() },
      delivery: 1,
      done: () => Promise.resolve(),
      later: () => undefined,
    });
  }

  /** A trial from its dispatch to its end. */
  async trial(sampleIndex = 0, attempt = 1): Promise<EventData<'crucible.trial.finished.v2'>> {
    if ((await this.events()).length === 0) await this.submit();
    const trialId = await this.dispatch(sampleIndex, attempt);
    await this.take(trialId);
    return this.finishOf(trialId);
  }

  async events(): Promise<CrucibleEvent[]> {
    const found: CrucibleEvent[] = [];
    for await (const stored of this.log.readEvaluation(this.evaluationId)) if (stored.ok) found.push(stored.event);
    return found;
  }

  async of<T extends CrucibleEvent['type']>(type: T, trialId?: TrialId): Promise<EventData<T>[]> {
    return (await this.events()).flatMap((event) =>
      event.type === type && (trialId === undefined || (event.data as { trialId?: TrialId }).trialId === trialId)
        ? [event.data as EventData<T>]
        : [],
    );
  }

  async finishOf(trialId: TrialId): Promise<EventData<'crucible.trial.finished.v2'>> {
    const [finish] = await this.of('crucible.trial.finished.v2', trialId);
    if (finish === undefined) throw new Error(`${trialId} has not ended`);
    return finish;
  }

  async transcript(trialId: TrialId): Promise<TranscriptRecord[]> {
    const { evaluationId } = this;
    const chunks = await this.evidence.read({ evaluationId, trialId, channel: 'transcript' }, 0, 10_000);
    const text = Buffer.concat(chunks.map(({ body }) => body)).toString('utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => transcriptRecordSchema.parse(JSON.parse(line)));
  }

  /** Resolves when something holds of the log. */
  async until(holds: (events: readonly CrucibleEvent[]) => boolean, msMax = 5_000): Promise<void> {
    const endsAt = Date.now() + msMax;
    while (!holds(await this.events())) {
      if (Date.now() > endsAt) throw new Error(`not so within ${msMax} ms`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.#feed.onModuleDestroy();
    this.ledger.onModuleDestroy();
  }
}

const never = (): never => {
  throw new Error('not to be called');
};

export const outOfMemory: Partial<SandboxEnd> = { reason: 'out-of-memory', exitCode: null, signal: 'SIGKILL' };

export const agentSuite = (
  solver: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
) => ({
  dataset: {
    samples: [
      {
        id: 'one',
        input: 'Read notes.txt and submit what it says.',
        target: 'forty-two',
        files: { 'notes.txt': 'forty-two' },
      },
    ],
  },
  solver: { kind: 'agent', ...solver },
  scorers: [{ kind: 'includes' }],
  ...more,
});
