import { Detector, KernelEvents, mintCanaries, OutputEvents, UsageEvents } from '@crucible/detectors';
import type { CanaryKey, CanaryOwner, CompiledRules, EventPlace, Minted, TypedEvent } from '@crucible/detectors';
import type { SandboxLimits, Severity } from '@crucible/events';
import type { Act } from '../kernel-watch/acts.ts';
import type { Canaries, SandboxEnd, UsageSample } from '../sandbox/port.ts';
import { Alerts } from './alerts.ts';
import { keyMatch } from './key-rule.ts';
import type { AlertSink } from './alerts.ts';
import { CanaryWatch } from './canary-watch.ts';
import type { Sighting } from './canary-watch.ts';
import { JudgedOutput } from './judged-output.ts';

/** Trials whose canaries are told apart when their rule is quiet for a while: each is a leak of its own. */
const FOREIGN_MAX = 16;

/** What detection needs that is the same for every trial of an executor. */
export interface DetectionPorts {
  readonly rules: CompiledRules;
  readonly key: CanaryKey;
  readonly newId: () => string;
}

type Known = { -readonly [K in keyof UsageSample]: NonNullable<UsageSample[K]> };

/**
 * The detectors of one trial: plants its canaries, is shown everything it does, and raises alerts. Nothing here throws on
 * what a guest does, and nothing waits: alerts are written behind its back, in their order.
 */
export class TrialDetection {
  readonly #ports: DetectionPorts;
  readonly #trial: CanaryOwner;
  readonly #minted: Minted;
  readonly #detector: Detector;
  readonly #foreign = new Map<string, Detector>();
  readonly #kernel = new KernelEvents();
  readonly #output = new JudgedOutput();
  readonly #usage: UsageEvents;
  readonly #canaries: CanaryWatch;
  readonly #asked: Detector | undefined;
  readonly #answers = new Map<string, string>();
  #alerts: Alerts | undefined;
  #matches = 0;
  #samples = 0;
  #spawned = 0;
  #lastAt = 0;
  #lastKnown: Known = { at: 0, cpuUs: 0, memoryBytes: 0, tasks: 0, diskBytes: 0, tmpBytes: 0 };

  /** @param asked conditions that a suite asks of this trial: they are answered, and raise no alerts */
  constructor(ports: DetectionPorts, trial: CanaryOwner, limits: SandboxLimits, asked?: CompiledRules) {
    this.#asked = asked === undefined ? undefined : new Detector(asked);
    this.#ports = ports;
    this.#trial = { evaluationId: trial.evaluationId, trialId: trial.trialId };
    this.#minted = mintCanaries(ports.key, this.#trial);
    this.#detector = new Detector(ports.rules);
    this.#usage = new UsageEvents(limits);
    this.#canaries = new CanaryWatch(ports.key, this.#minted, (sighting) => this.#sighted(sighting));
  }

  /** Its conversation goes on from earlier attempts at the trial. Call before anything is shown. */
  carryOn(): void {
    this.#canaries.carryOn();
  }

  /** What goes into the sandbox. */
  get canaries(): Canaries {
    const { files, env } = this.#minted;
    return { files: files.map(({ path, content, mode }) => ({ path, content, mode })), env };
  }

  /** From now on alerts can be written. Call once, before anything is shown. */
  begin(sink: AlertSink): void {
    this.#alerts = new Alerts(this.#trial, this.#ports.newId, sink);
  }

  /** @returns whether something was found: its record is then to be kept whatever the volume */
  act(act: Act, n: number, at: number): boolean {
    const before = this.#matches;
    this.#lastAt = at;
    if (act.kind === 'spawn' && act.childTgid !== act.tgid && act.tgid !== 1) this.#spawned += 1;
    this.#usage.count(0, 1);
    const event = this.#kernel.take(act, n, at);
    if (event !== null) this.#judge(event, this.#detector, null);
    this.#canaries.act(act, n, at);
    return this.#matches > before;
  }

  /** @param at epoch milliseconds at which the bytes were read */
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array, at: number): void {
    this.#lastAt = at;
    this.#usage.count(bytes.byteLength, 0);
    this.#canaries.output(stream, bytes, at);
    for (const event of this.#output.take(stream, bytes, at)) this.#judge(event, this.#detector, null);
  }

  /** A message on its way to a model (`sent`), or from one (`said`). @param record number of its record in the transcript */
  said(text: string, way: 'sent' | 'said', record: number, at: number): void {
    this.#lastAt = at;
    this.#canaries.said(text, way, record, at);
  }

  /** The subject's own words: rules about what is printed look at them, too. */
  spoke(text: string, record: number, at: number): void {
    this.said(text, 'said', record, at);
    const place: EventPlace = { channel: 'transcript', record, stream: null, offset: null };
    for (const event of new OutputEvents().take('stdout', Buffer.from(text, 'utf8'), at))
      this.#judge({ ...event, place }, this.#detector, null);
  }

  /** A key of this platform stood in such a message. Only its name is told. */
  keySeen(name: string, where: 'request' | 'reply', record: number, at: number): void {
    this.#matches += 1;
    this.#alerts?.raise(keyMatch(name, where, record, at), null);
  }

  /** @param n number of the record in its trial */
  usage(sample: UsageSample, n: number): void {
    this.#lastAt = sample.at;
    this.#samples = n;
    this.#judge(this.#usage.take(this.#whole(sample), n), this.#detector, null);
  }

  /**
   * The trial is over and everything was shown. Asks for the last alerts to be written.
   * @returns rules that were raised, with the worst severity of each
   */
  end({ reason, exitCode, signal, durationMs, limitsHit, output }: SandboxEnd): ReadonlyMap<string, Severity> {
    this.#canaries.end();
    this.#judge(
      {
        kind: 'end',
        at: this.#lastAt,
        place: this.#lastPlace,
        reason,
        exitCode: exitCode ?? -1,
        signal: signal ?? '',
        durationMs: Math.round(durationMs),
        limitsHit: [...limitsHit],
        outputBytes: output.bytes,
        spawned: this.#spawned,
      },
      this.#detector,
      null,
    );
    return this.#alerts?.close() ?? new Map();
  }

  /** An end is in no channel of its own: its last sample, or what the sandbox was when it began. */
  get #lastPlace(): EventPlace {
    const channel = this.#samples > 0 ? 'usage' : 'kernel';
    return { channel, record: this.#samples, stream: null, offset: null };
  }

  /** What could not be read is taken to be as it was. */
  #whole(sample: UsageSample): Known {
    const entries = Object.entries(sample).filter(([, value]) => value !== null);
    this.#lastKnown = { ...this.#lastKnown, ...(Object.fromEntries(entries) as Partial<Known>) };
    return this.#lastKnown;
  }

  #sighted({ event, foreignTrial }: Sighting): void {
    this.#matches += 1;
    this.#judge(event, foreignTrial === null ? this.#detector : this.#detectorFor(foreignTrial), foreignTrial);
  }

  #detectorFor({ evaluationId, trialId }: CanaryOwner): Detector {
    const name = `${evaluationId} ${trialId}`;
    const known = this.#foreign.get(name);
    if (known !== undefined) return known;
    if (this.#foreign.size >= FOREIGN_MAX) return this.#detector;
    const made = new Detector(this.#ports.rules);
    this.#foreign.set(name, made);
    return made;
  }

  /** How a condition that was asked of this trial held first; undefined when it has not. */
  answerTo(id: string): string | undefined {
    return this.#answers.get(id);
  }

  #judge(event: TypedEvent, detector: Detector, foreignTrial: CanaryOwner | null): void {
    for (const { rule, summary } of this.#asked?.take(event) ?? [])
      if (!this.#answers.has(rule.id)) this.#answers.set(rule.id, summary);
    for (const match of detector.take(event)) {
      this.#matches += 1;
      this.#alerts?.raise(match, foreignTrial);
    }
  }
}
