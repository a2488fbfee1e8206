import type { EventOf } from './typed-event.ts';

/** One record of `usage` evidence: what the sandbox had used up to then, and what it held. */
export interface UsageSample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly cpuUs: number;
  readonly memoryBytes: number;
  readonly tasks: number;
  readonly diskBytes: number;
  readonly tmpBytes: number;
}
/** What the sandbox was given; 0 where that is not known, and its share is then 0. */
export interface UsageLimits {
  readonly cpuMillis: number;
  readonly memoryBytesMax: number;
  readonly pidsMax: number;
  readonly diskBytesMax: number;
  readonly tmpBytesMax: number;
}
export const limitsUnknown: UsageLimits = {
  cpuMillis: 0,
  memoryBytesMax: 0,
  pidsMax: 0,
  diskBytesMax: 0,
  tmpBytesMax: 0,
};

/** Samples nearer to one another than this say nothing about a rate. */
const GAP_MS_MIN = 100;

const share = (used: number, given: number): number => (given > 0 ? used / given : 0);
const whole = (value: number): number => (Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0);

/** One trial's resource samples as events for rules, with what was used between two of them as rates. */
export class UsageEvents {
  readonly #limits: UsageLimits;
  #before: UsageSample | null = null;
  #outputBytes = 0;
  #calls = 0;

  constructor(limits: UsageLimits) {
    this.#limits = limits;
  }

  /** Counts what came since the last sample. */
  count(outputBytes: number, calls: number): void {
    this.#outputBytes += outputBytes;
    this.#calls += calls;
  }

  /** @param n number of the record in its trial */
  take(sample: UsageSample, n: number): EventOf<'usage'> {
    const before = this.#before;
    const gapMs = before === null ? 0 : sample.at - before.at;
    const perSecond = (amount: number): number => (gapMs >= GAP_MS_MIN ? Math.max(0, amount) / (gapMs / 1_000) : 0);
    const cpuCores = before === null ? 0 : perSecond(sample.cpuUs - before.cpuUs) / 1_000_000;
    const event: EventOf<'usage'> = {
      kind: 'usage',
      at: sample.at,
      place: { channel: 'usage', record: n, stream: null, offset: null },
      cpuCores,
      cpuShare: share(cpuCores * 1_000, this.#limits.cpuMillis),
      memoryBytes: whole(sample.memoryBytes),
      memoryShare: share(sample.memoryBytes, this.#limits.memoryBytesMax),
      tasks: whole(sample.tasks),
      tasksShare: share(sample.tasks, this.#limits.pidsMax),
      diskBytes: whole(sample.diskBytes),
      diskShare: share(sample.diskBytes, this.#limits.diskBytesMax),
      diskBytesPerSecond: before === null ? 0 : perSecond(sample.diskBytes - before.diskBytes),
      tmpBytes: whole(sample.tmpBytes),
      tmpShare: share(sample.tmpBytes, this.#limits.tmpBytesMax),
      outputBytesPerSecond: perSecond(this.#outputBytes),
      callsPerSecond: perSecond(this.#calls),
    };
    if (before === null || gapMs >= GAP_MS_MIN) {
      this.#before = sample;
      this.#outputBytes = 0;
      this.#calls = 0;
    }
    return event;
  }
}
