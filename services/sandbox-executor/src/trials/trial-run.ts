import type { Rule } from '@crucible/detectors';
import type { Finish } from '@crucible/domain';
import type { EvidenceStore } from '@crucible/event-log';
import type { EvaluationId, EvidenceSeal, Preflight, TrialId, UsageTotals } from '@crucible/events';
import type { Suite, SuiteSample } from '@crucible/suite';
import type { Judgement } from '@crucible/suite/score';
import type { AlertSink, TrialDetection } from '../detection/index.ts';
import type { Act } from '../kernel-watch/acts.ts';
import type { Attachment, KernelWatch, WatchReport } from '../kernel-watch/index.ts';
import type { PoolOrigin, TakenSandbox } from '../pool/port.ts';
import { withSightings } from '../sandbox/classify.ts';
import type { OutputChunk, Sandbox, SandboxEnd, SandboxEngine, SandboxSpec, UsageSample } from '../sandbox/port.ts';
import type { KillOrder } from '../stopping/killer.ts';
import { EvidenceWriter } from './evidence-writer.ts';
import { finishOf } from './finishing.ts';
import { kernelJudgements } from './kernel-scorer.ts';
import { KeptOutput } from './kept-output.ts';
import type { OpenTrial } from './open-trial.ts';

export interface Place {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
}

/** What a trial is, from its suite: told apart from where and how it runs. */
export interface Assignment {
  readonly place: Place;
  readonly suite: Suite;
  readonly sample: SuiteSample;
  readonly spec: SandboxSpec;
  readonly detection: TrialDetection;
}

/** What came of a trial beside its sandbox. */
export interface Told {
  /** Null when none was given. */
  readonly answer: string | null;
  readonly usage: UsageTotals;
  /** By scorers that need more than the answer, by their place in the suite. */
  readonly judged: ReadonlyMap<number, Judgement>;
  /**
   * Why a call was not made that belongs to the result, where that was no limit of the trial's own; null when all were.
   */
  readonly unpaid: string | null;
  /** Set when it was stopped behind the end of its sandbox. */
  readonly endedBy: 'stopped' | 'lease-lost' | null;
  readonly seal: EvidenceSeal;
  /** What cost a piece of its evidence, if any was lost. */
  readonly lost: Error | undefined;
}

/** What a trial does with its sandbox where that is more than to run a program in it. */
export interface TrialCourse extends Pick<SandboxEngine, 'run'> {
  /** Tells an act of the sandbox's first process as the subject's where it was one. Must not throw. */
  attribute(act: Act): Act;
  /** The one address of the sandbox's loopback that its guest is given to speak to; null for none. */
  readonly endpoint: string | null;
  /** Shown each act of the guest, with the number of its record. */
  act(act: Act, n: number): void;
  /** Called once, when the sandbox is gone. */
  told(): Promise<Told>;
  /** Called when the end is on record, or never will be. */
  close(): void;
}

export interface RunPorts {
  readonly evidence: EvidenceStore;
  readonly engine: Pick<SandboxEngine, 'run'>;
  /** Null where the engine does not report system calls. */
  readonly watch: Pick<KernelWatch, 'attach'> | null;
}

/** What others do about a trial while it runs. */
export interface TrialHooks {
  /** Told of the sandbox while it runs, so that it can be killed. */
  readonly onSandbox: (sandbox: Sandbox) => void;
  /** Kills it for what a rule found. */
  readonly onKill: AlertSink['kill'];
  readonly onAlertLost: AlertSink['lost'];
  /** What it was ordered to end by, if it was. */
  readonly order: () => KillOrder | undefined;
}

/** How it ended, for a program that was never handed over. */
const UNRUN: Omit<SandboxEnd, 'reason' | 'error'> = {
  exitCode: null,
  signal: null,
  durationMs: 0,
  output: { bytes: 0, dropped: 0 },
  limitsHit: [],
  memoryBytesPeak: null,
};
/** Why a trial ends that never saw its sandbox. */
export interface Unrun {
  readonly reason: 'stopped' | 'lease-lost' | 'terminated';
  readonly error: string;
}
export const unrunBy = ({ cause, why }: KillOrder): Unrun => ({
  reason: cause === 'lease-lost' ? cause : 'stopped',
  error: `${why === null ? '' : `${why}: `}ended before its program was handed over`,
});
const NDJSON = { 'content-type': 'application/x-ndjson' };

/** One trial whose start is on record, until its end is: its sandbox, its evidence, and the pen for its subject. */
export class TrialRun {
  readonly assignment: Assignment;
  /** Everything that is told of this trial goes through here, one after another, before its end. */
  readonly record: OpenTrial;
  readonly #ports: RunPorts;
  readonly #course: TrialCourse | undefined;
  readonly #taken: TakenSandbox;
  readonly #output: EvidenceWriter;
  readonly #kernel: EvidenceWriter;
  readonly #usage: EvidenceWriter;
  readonly #kept = new KeptOutput();
  #samples = 0;
  #killedBy: Rule | undefined;

  /** @param course what is done in the sandbox; without one its program is run */
  constructor(ports: RunPorts, assignment: Assignment, taken: TakenSandbox, record: OpenTrial, course?: TrialCourse) {
    this.#ports = ports;
    this.#course = course;
    this.assignment = assignment;
    this.#taken = taken;
    this.record = record;
    const writer = (channel: 'output' | 'kernel' | 'usage'): EvidenceWriter =>
      new EvidenceWriter(ports.evidence, { ...assignment.place, channel });
    this.#output = writer('output');
    this.#kernel = writer('kernel');
    this.#usage = writer('usage');
  }

  /**
   * Runs the program to its end and writes that down.
   * @returns position of the end, or null when another ended the trial meanwhile
   */
  async toEnd(hooks: TrialHooks): Promise<number | null> {
    const attachment = this.#begin(hooks);
    const sandbox = (this.#course ?? this.#ports.engine).run(this.#taken.prepared, this.assignment.spec, {
      onOutput: (chunk) => this.#onOutput(chunk),
      onUsage: (sample) => this.#onUsage(sample),
    });
    hooks.onSandbox(sandbox);
    const end = await sandbox.ended;
    return this.#end(this.#named(end, hooks.order()), attachment);
  }

  /**
   * Ends a trial that was ordered to end behind its start on record: its sandbox is destroyed and never sees the program.
   * @returns as `toEnd`
   */
  async toEndUnrun(unrun: Unrun, hooks: TrialHooks): Promise<number | null> {
    const attachment = this.#begin(hooks);
    void this.#taken.prepared.discard();
    return this.#end({ ...UNRUN, ...unrun }, attachment);
  }

  #begin({ onKill, onAlertLost }: TrialHooks): Attachment | undefined {
    this.#writePreflight();
    const kill = (rule: Rule): void => {
      this.#killedBy ??= rule;
      onKill(rule);
    };
    this.assignment.detection.begin({ note: (note) => this.record.note(note), kill, lost: onAlertLost });
    return this.#attach(this.#taken.prepared.containerId);
  }

  async #end(seenInside: SandboxEnd, attachment: Attachment | undefined): Promise<number | null> {
    const watch = (await attachment?.close()) ?? null;
    const end = watch === null ? seenInside : withSightings(seenInside, watch);
    return this.record.finish(await this.#finish(end, watch));
  }

  /** Says which rule it was that stopped the trial, or why its executor gave it up. */
  #named(end: SandboxEnd, order: KillOrder | undefined): SandboxEnd {
    if (end.reason === 'lease-lost') return { ...end, error: order?.why ?? end.error };
    if (end.reason !== 'stopped' || this.#killedBy === undefined) return end;
    const { id, version, title } = this.#killedBy;
    return { ...end, error: `killed by rule ${id}, version ${version}: ${title}` };
  }

  /** The first line of the kernel's side of the story: what the sandbox was proven to be before anything hostile ran. */
  #writePreflight(): void {
    const { prepared, preflight, origin } = this.#taken;
    const line = preflightLine(preflight, origin, prepared.profile);
    void this.#kernel.write('kernel', NDJSON, Buffer.from(line));
  }

  #attach(containerId: string): Attachment | undefined {
    const course = this.#course;
    const endpoint = course?.endpoint ?? null;
    return this.#ports.watch?.attach(containerId, {
      ...(course && { attribute: (act) => course.attribute(act) }),
      endpoint,
      onAct: (act, n, at) => {
        course?.act(act, n);
        return this.assignment.detection.act(connected(act, endpoint), n, at);
      },
      onRecords: ({ lines }) => this.#kernel.write('kernel', NDJSON, Buffer.from(lines)),
    });
  }

  async #onOutput({ stream, bytes, atMs, at }: OutputChunk): Promise<void> {
    this.#kept.add(stream, bytes);
    this.assignment.detection.output(stream, bytes, at);
    const headers = {
      'crucible-stream': stream,
      'crucible-at-ms': String(Math.round(atMs)),
      'crucible-at': String(Math.round(at * 1_000) / 1_000),
    };
    await this.#output.write(stream, headers, bytes);
  }

  #onUsage(sample: UsageSample): void {
    this.#samples += 1;
    this.assignment.detection.usage(sample, this.#samples);
    void this.#usage.write('usage', NDJSON, Buffer.from(`${JSON.stringify({ n: this.#samples, ...sample })}\n`));
  }

  async #finish(ended: SandboxEnd, watch: WatchReport | null): Promise<Finish> {
    const { place, suite, sample, detection } = this.assignment;
    const told = await this.#course?.told();
    const end = told === undefined || told.endedBy === null ? ended : { ...ended, reason: told.endedBy };
    // Behind what was judged: a grader's words may hold what a rule looks for.
    const alerts = detection.end(end);
    const judged = new Map([...(told?.judged ?? []), ...kernelJudgements(suite, detection, watch)]);
    const seals = [
      ...(told === undefined ? [] : [told.seal]),
      await this.#output.seal(end.output.dropped),
      await this.#kernel.seal(watch === null ? 0 : watch.sampledOut + watch.dropped),
      await this.#usage.seal(0),
    ];
    const evidenceLost = this.#output.lost ?? this.#kernel.lost ?? this.#usage.lost ?? told?.lost;
    return finishOf({ place, end, watch, seals, evidenceLost, alerts, told, judged }, suite, sample, this.#kept);
  }
}

/**
 * A connection to what the trial was given to speak to comes about, also where whoever makes it does not wait for that: many
 * of them are no search for services.
 */
const connected = (act: Act, endpoint: string | null): Act =>
  act.kind === 'connect' && act.errno === 'EINPROGRESS' && act.address === endpoint ? { ...act, errno: '' } : act;

const preflightLine = (
  { probedAt, checks }: Preflight,
  origin: PoolOrigin,
  profile: TakenSandbox['prepared']['profile'],
): string => `${JSON.stringify({ n: 0, at: Date.parse(probedAt), kind: 'preflight', origin, profile, checks })}\n`;
