import { performance } from 'node:perf_hooks';
import { displayableLine } from '@crucible/events';
import type { SandboxLimits } from '@crucible/events';
import type { SandboxCgroup, HostCounts } from './cgroup.ts';
import { classify, type KillCause } from './classify.ts';
import type { ContainerExit, SandboxContainer } from './container.ts';
import type { Piece } from './demux.ts';
import { BYE, STOP, encodeProgram, newNonce } from './header.ts';
import { hostMemoryBytesMax } from './host-config.ts';
import { HostKill } from './host-kill.ts';
import { OutputMeter } from './output-meter.ts';
import type { RunHooks, SandboxEnd, SandboxSpec, UsageSink } from './port.ts';
import type { Taken } from './prepared.ts';
import { RecordReader, parseEndRecord, parseStartRecord, parseUsageRecord, type GuestReport } from './record.ts';
import { UsageSampler } from './usage-sampler.ts';

export interface RunBounds {
  /** From handing over the program to its first instruction. */
  readonly startMsMax: number;
  /** From our kill to the engine's word that the sandbox has ended. */
  readonly killMsMax: number;
}

/** What becomes of all that comes out of a sandbox beside init's records. */
export interface OutputTaker {
  counts(): SandboxEnd['output'];
  /** Resolves when more can be taken; rejects when it cannot be kept. */
  take(stream: 'stdout' | 'stderr', bytes: Buffer, atMs: number): Promise<void>;
}

/** What a container is used for, once. */
export interface SandboxUse {
  readonly limits: SandboxLimits;
  /** Of init's records. */
  readonly nonce: string;
  /** What init reads. */
  readonly header: Buffer;
  /** @param onPassed to be called when the limit of output is passed */
  readonly output: (onPassed: () => void) => OutputTaker;
  readonly onUsage?: UsageSink | undefined;
}

export const useForProgram = (spec: SandboxSpec, { onOutput, onUsage }: RunHooks): SandboxUse => {
  const nonce = newNonce();
  return {
    limits: spec.limits,
    nonce,
    header: encodeProgram(spec, nonce),
    output: (onPassed) => {
      const meter = new OutputMeter(spec.limits.outputBytesMax, onOutput, onPassed);
      return { counts: () => meter.counts, take: (stream, bytes, atMs) => meter.take(stream, bytes, atMs) };
    },
    onUsage,
  };
};

const PREAMBLE_BYTES_MAX = 2_048;
const PREAMBLE_CHARS_MAX = 300;
/** The engine learns of an out-of-memory kill a moment after the exit it caused. */
const OOM_NOTICE_MS = 150;
const SILENT = 'silent' as const;
const EXIT_SILENCE_MS = 250;
const EXIT_ASKED_MAX = 8;
/** A good engine tells both who waits for an exit and who asks for it, within milliseconds. */
const EXIT_LATE_MS = 5_000;
/** Init speaks about every second. One that was silent for so long at the end of its time had been stopped by the guest. */
const INIT_SILENCE_MS = 3_000;
/** Below these a wait for CPU time says more about gVisor and the machine than about the program. */
const THROTTLED_SHARE = 0.25;
const THROTTLED_RUN_MS_MIN = 1_000;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One use of one container, from handing over what it is for to knowing its end. */
export class SandboxRun {
  readonly ended: Promise<SandboxEnd>;
  readonly #container: SandboxContainer;
  readonly #limits: SandboxLimits;
  readonly #bounds: RunBounds;
  readonly #output: OutputTaker;
  readonly #records: RecordReader;
  readonly #usage: UsageSampler;
  #preamble = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #lost: (() => void) | undefined;
  readonly #cgroup: SandboxCgroup;
  readonly #hostKill: HostKill;
  /** The sandbox has ended, or is given up: nothing is left to kill. */
  #over = false;
  #startedAtMs: number | null = null;
  #endedAtMs: number | null = null;
  /** Starting gVisor costs CPU time too, and none of it is the program's. */
  #throttledBeforeMs = 0;
  #killedBy: KillCause | null = null;
  #failure: string | null = null;
  #tampered: string | null = null;
  #report: GuestReport | null = null;
  #counts: HostCounts | null = null;
  /** What waits for the sink hides what init says after it. */
  #delivering = false;
  #initSilent = false;

  constructor({ container, cgroup }: Taken, use: SandboxUse, bounds: RunBounds) {
    this.#container = container;
    this.#limits = use.limits;
    this.#bounds = bounds;
    this.#records = new RecordReader(use.nonce);
    this.#cgroup = cgroup;
    this.#hostKill = new HostKill(container.id, () => this.#over);
    this.#usage = new UsageSampler(cgroup, use.onUsage ?? (() => undefined));
    this.#output = use.output(() => this.kill('output-limit'));
    this.ended = this.#run(use.header);
  }

  /** How long init has said nothing, as far as anybody listened. */
  get initSilentMs(): number {
    return this.#delivering ? 0 : this.#usage.silentMs;
  }

  /** To init, behind the header. */
  write(bytes: Uint8Array): void {
    if (!this.#over && this.#killedBy === null && this.#report === null) this.#container.stream.write(bytes);
  }

  /** The good end of what has no program to end by itself. @param word what tells init */
  close(word: Uint8Array): void {
    if (this.#over || this.#killedBy !== null || this.#report !== null) return;
    this.#container.stream.write(word);
    this.#arm(this.#bounds.killMsMax, () => this.fail('the sandbox did not end after it was closed'));
  }

  async #run(header: Buffer): Promise<SandboxEnd> {
    this.#arm(this.#bounds.startMsMax, () =>
      this.fail(`the sandbox did not start its program in ${this.#bounds.startMsMax} ms`),
    );
    this.#container.stream.write(header);
    const lost = new Promise<null>((resolve) => (this.#lost = () => resolve(null)));
    const exited = this.#container.exited.catch((error: unknown) => {
      this.#failure ??= textOf(error);
      return null;
    });
    const output = this.#readOutput();
    const exit = await Promise.race([this.#exit(exited, output), lost]);
    this.#over = true;
    this.#endedAtMs ??= performance.now();
    clearTimeout(this.#timer);
    if (exit === null) this.#container.stream.destroy();
    await output;
    const oomKilled = await this.#oomKilled(exit);
    this.#usage.end(this.#report);
    this.#cgroup.close();
    return this.#conclude(exit, oomKilled);
  }

  /**
   * Output ends with the sandbox. When the engine stays silent after that it is asked: it may have died, and a call that
   * waits for an exit then waits for ever.
   */
  async #exit(exited: Promise<ContainerExit | null>, output: Promise<void>): Promise<ContainerExit | null> {
    const early = await Promise.race([exited, output.then(() => SILENT)]);
    if (early !== SILENT) return early;
    for (let asked = 0; !this.#over; asked += 1) {
      const exit = await Promise.race([exited, pause(EXIT_SILENCE_MS).then(() => SILENT)]);
      if (exit !== SILENT) return exit;
      try {
        const state = await this.#container.state();
        if (!state.running) return await this.#vouched(state, exited);
      } catch (error) {
        this.#failure ??= textOf(error);
        return null;
      }
      if (asked === EXIT_ASKED_MAX && this.#report === null) this.fail('the connection to the sandbox was lost');
    }
    return null;
  }

  /**
   * An engine that was started again says of what it ran before that it has ended, with a code of its own making: it ended
   * them itself. That is no end which anybody brought about from inside, unless the call that waited for it hears of it too.
   */
  async #vouched(state: ContainerExit, exited: Promise<ContainerExit | null>): Promise<ContainerExit | null> {
    if (this.#report !== null || this.#killedBy !== null) return state;
    const exit = await Promise.race([exited, pause(EXIT_LATE_MS).then(() => SILENT)]);
    if (exit !== SILENT) return exit;
    this.#failure ??= 'the engine had lost the sandbox before it said that it had ended';
    return null;
  }

  async #readOutput(): Promise<void> {
    try {
      for (;;) {
        const pieces = await this.#container.stream.next();
        if (pieces === null) break;
        for (const piece of pieces) await this.#take(piece);
      }
      await this.#deliver('stderr', this.#records.flush());
    } catch (error) {
      this.fail(`output was lost: ${textOf(error)}`);
    }
  }

  async #take({ stream, bytes }: Piece): Promise<void> {
    if (stream === 'stdout') return this.#deliver('stdout', bytes);
    for (const part of this.#records.push(bytes)) {
      if ('record' in part) this.#onRecord(part.record);
      else if (this.#startedAtMs !== null) await this.#deliver('stderr', part.bytes);
      else this.#preamble = Buffer.concat([this.#preamble, part.bytes]).subarray(0, PREAMBLE_BYTES_MAX);
    }
  }

  #onRecord(record: string): void {
    const usage = parseUsageRecord(record);
    if (usage !== null) return this.#usage.told(usage);
    if (this.#startedAtMs === null) return this.#onStartRecord(record);
    if (this.#report !== null) return;
    // The cgroup is gone with the sandbox: this is the last moment its counts can be read.
    this.#countFromHost();
    this.#container.stream.write(BYE);
    this.#endedAtMs = performance.now();
    this.#report = parseEndRecord(record);
    if (this.#killedBy !== null || this.#over) return;
    // Init has only to exit now. An engine that does not notice must not hold the slot.
    this.#arm(this.#bounds.killMsMax, () => this.fail('the sandbox did not end after its program had ended'));
  }

  #onStartRecord(record: string): void {
    const start = parseStartRecord(record);
    if (!start.started) return this.fail(start.why);
    this.#startedAtMs = performance.now();
    this.#throttledBeforeMs = this.#cgroup.read().cpuThrottledMs;
    this.#usage.begin();
    if (this.#killedBy !== null) return;
    this.#arm(this.#limits.wallTimeMsMax, () => this.kill('wall-time'));
  }

  async #deliver(stream: 'stdout' | 'stderr', bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    const atMs = this.#startedAtMs === null ? 0 : performance.now() - this.#startedAtMs;
    this.#delivering = true;
    await this.#output.take(stream, bytes, atMs);
    this.#delivering = false;
  }

  /** A failure that is not the guest's. */
  fail(why: string): void {
    this.#failure ??= why;
    this.kill('failure');
  }

  /** What the guest did to init, in words that follow "the first process". */
  tampered(how: string): void {
    this.#tampered ??= how;
    this.kill('tampered');
  }

  kill(cause: KillCause, engineAfterMs = 0): void {
    if (this.#killedBy !== null) return;
    const ownEnd = this.#endedAtMs !== null && (cause === 'wall-time' || cause === 'stopped' || cause === 'lease-lost');
    if (ownEnd) return;
    this.#killedBy = cause;
    if (this.#over) return;
    this.#initSilent = !this.#delivering && this.#usage.silentMs > INIT_SILENCE_MS;
    this.#countFromHost();
    this.#arm(this.#bounds.killMsMax, () => {
      this.#failure ??= `the engine did not end the sandbox within ${this.#bounds.killMsMax} ms of being told to`;
      this.#lost?.();
    });
    // Init is quicker and can say which limits were met; a guest that has disabled it is ended by the engine.
    this.#container.stream.write(STOP);
    this.#hostKill.arm(engineAfterMs);
    if (engineAfterMs === 0) return this.#killByEngine();
    setTimeout(() => this.#over || this.#killByEngine(), engineAfterMs).unref();
  }

  #killByEngine(): void {
    this.#container.kill().catch((error: unknown) => {
      // It was asked to kill what was dead by then; whether it notices is for the timer.
      if (this.#hostKill.fired) return;
      this.#failure ??= textOf(error);
      this.#lost?.();
    });
  }

  #arm(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  #countFromHost(): void {
    this.#counts ??= this.#cgroup.read();
    this.#usage.freeze();
  }

  /**
   * Asked only when the end is not explained already, so that an ordinary trial costs no extra call. An executor that
   * was slow to hear of the end finds no counts left, and then only the engine can tell.
   */
  async #oomKilled(exit: ContainerExit | null): Promise<boolean> {
    if (exit === null || this.#killedBy !== null || this.#report?.waitStatus === 0) return false;
    const counted = this.#counts !== null && this.#counts.memoryBytesPeak !== null;
    if (this.#report !== null && counted && !this.#counts?.memoryMaxMet) return false;
    try {
      if ((await this.#container.state()).oomKilled) return true;
      await pause(OOM_NOTICE_MS);
      return (await this.#container.state()).oomKilled;
    } catch (error) {
      this.#failure ??= textOf(error);
      return false;
    }
  }

  /** By the sandbox's own clock when it reported: the engine may pass on beginning and end late, and together. */
  #durationMs(): number {
    if (this.#report !== null) return this.#report.elapsedMs;
    return this.#startedAtMs === null ? 0 : Math.round((this.#endedAtMs ?? this.#startedAtMs) - this.#startedAtMs);
  }

  #conclude(exit: ContainerExit | null, oomKilled: boolean): SandboxEnd {
    const durationMs = this.#durationMs();
    const throttledMs = (this.#counts?.cpuThrottledMs ?? 0) - this.#throttledBeforeMs;
    const classified = classify({
      killedBy: this.#killedBy,
      failure: this.#failure,
      tampered: this.#tampered,
      started: this.#startedAtMs !== null,
      report: this.#report,
      containerExitCode: exit?.exitCode ?? null,
      oomKilled,
      hostTasksRefused: this.#cgroup.tasksRefused,
      memoryMaxMet: this.#counts?.memoryMaxMet ?? false,
      cpuThrottled: durationMs >= THROTTLED_RUN_MS_MIN && throttledMs > durationMs * THROTTLED_SHARE,
      outputDropped: this.#output.counts().dropped > 0,
      initStopped: this.#initSilent && this.#report === null,
      preamble: displayableLine(this.#preamble.toString('utf8'), PREAMBLE_CHARS_MAX),
    });
    // A sandbox killed for memory had reached its bound; its count died with it.
    const peak = oomKilled ? hostMemoryBytesMax(this.#limits) : (this.#counts?.memoryBytesPeak ?? null);
    return { ...classified, durationMs, output: this.#output.counts(), memoryBytesPeak: peak };
  }
}
