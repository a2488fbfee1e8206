import type { HostUsage, SandboxCgroup } from './cgroup.ts';
import type { UsageSink } from './port.ts';
import type { GuestReport, GuestUsage } from './record.ts';

const EVERY_MS = 1_000;
/** After init's word of the same second. */
const AFTER_INIT_MS = 100;
/** What init said longer ago says nothing about now. */
const FRESH_MS_MAX = 3_000;

type Cgroup = Pick<SandboxCgroup, 'usage'>;

/** Samples of one run, each second and once at its end: from the host's counts and from what init tells. */
export class UsageSampler {
  readonly #cgroup: Cgroup;
  readonly #sink: UsageSink;
  #cpuUsBefore = 0;
  #begun = false;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #told: GuestUsage | null = null;
  #toldAtMs = 0;
  #last: { readonly at: number; readonly host: HostUsage } | null = null;

  constructor(cgroup: Cgroup, sink: UsageSink) {
    this.#cgroup = cgroup;
    this.#sink = sink;
  }

  /** How long init has said nothing; 0 before the program began. */
  get silentMs(): number {
    return this.#begun ? performance.now() - this.#toldAtMs : 0;
  }

  /** The program has started. */
  begin(): void {
    this.#begun = true;
    this.#toldAtMs = performance.now();
    // Starting gVisor costs CPU time too, and none of it is the program's.
    this.#cpuUsBefore = this.#cgroup.usage().cpuUs ?? 0;
    this.#timer = setTimeout(() => {
      this.#sample();
      this.#timer = setInterval(() => this.#sample(), EVERY_MS);
    }, EVERY_MS + AFTER_INIT_MS);
  }

  /** Init's word. */
  told(usage: GuestUsage): void {
    this.#told = usage;
    this.#toldAtMs = performance.now();
  }

  /** The sandbox is about to go, and its counts with it. */
  freeze(): void {
    clearTimeout(this.#timer);
    if (this.#begun) this.#last ??= { at: Date.now(), host: this.#cgroup.usage() };
  }

  /** The sandbox is gone. Gives the last sample, with what init reported at the end if it could. */
  end(report: GuestReport | null): void {
    clearTimeout(this.#timer);
    if (this.#ended || this.#last === null) return;
    this.#ended = true;
    const guest = report === null ? this.#fresh() : { ...report, tasks: 0 };
    this.#give(this.#last.at, this.#last.host, guest);
  }

  #sample(): void {
    this.#give(Date.now(), this.#cgroup.usage(), this.#fresh());
  }

  #fresh(): GuestUsage | null {
    return this.silentMs > FRESH_MS_MAX ? null : this.#told;
  }

  #give(at: number, host: HostUsage, guest: GuestUsage | null): void {
    this.#sink({
      at,
      cpuUs: host.cpuUs === null ? null : Math.max(0, host.cpuUs - this.#cpuUsBefore),
      memoryBytes: host.memoryBytes,
      tasks: guest?.tasks ?? null,
      diskBytes: guest?.diskBytes ?? null,
      tmpBytes: guest?.tmpBytes ?? null,
    });
  }
}
