import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { guestOptions, tookMs } from './bench-guest.ts';
import type { WatchReport } from './session.ts';
import { KernelWatch } from './watch.ts';

export interface TraceBenchOptions {
  /** Paths of the engine's socket and of the one its traced runtime reports to. Nobody else may be listening there. */
  readonly socket: string;
  readonly traceSocket: string;
  readonly runtime: string;
  readonly unwatchedRuntime: string;
  readonly image: string;
  /** Paired rounds of each program, after a warm-up. */
  readonly rounds: number;
  /** How long a flood is measured. */
  readonly seconds: number;
  /** How many guests flood at once, one measurement each. */
  readonly guests: readonly number[];
}

export interface Flood {
  readonly guests: number;
  /** Acts judged a second: whole calls, of all guests together. */
  readonly actsPerSecond: number;
  /** The acts of the guest that got the least and of the one that got the most, a second. */
  readonly slowestPerSecond: number;
  readonly fastestPerSecond: number;
  /** Packets of gVisor read a second: an `open` is told in three. */
  readonly messagesPerSecond: number;
  readonly dropped: number;
  readonly malformed: number;
  /** Processor time of the watching process in the measured time, 1 for a whole core. */
  readonly cores: number;
  readonly loopDelayP99Ms: number;
  readonly rssMiBMax: number;
}

export interface SlowDown {
  readonly program: string;
  readonly watchedMs: readonly number[];
  readonly unwatchedMs: readonly number[];
}

export interface TraceBench {
  readonly floods: readonly Flood[];
  readonly slowDowns: readonly SlowDown[];
}

const timed = (body: string): string => `
import os, subprocess, time
begin = time.monotonic()
${body}
print('took', (time.monotonic() - begin) * 1000)`;

/** What a guest does while its own clock runs: from what nearly every trial does to the worst that one can do. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'computes, with no system call': timed(`
total = 0
for value in range(6_000_000): total += value * value`),
  'makes 1,000,000 calls that are not watched': timed('for _ in range(1_000_000): os.getppid()'),
  'starts Python 8 times': timed(`
for _ in range(8): subprocess.run(['/usr/bin/python3', '-c', 'import json, re, tempfile'], check=True)`),
  'opens and closes a file 20,000 times': timed(`
for _ in range(20_000): os.close(os.open('/dev/null', 0))`),
};

const FLOOD = `
import os
os.fork()
while True: os.close(os.open('/dev/null', 0))`;
/** A guest counts as flooding from here on. */
const FLOODING_ACTS = 2_000;
const RSS_EVERY_MS = 50;

interface Guest {
  readonly acts: number;
  stop(): Promise<WatchReport>;
}

/** What watching costs: whoever is watched, and whoever watches. Rejects with the engine's own error. */
export class TraceBencher {
  readonly #docker: Docker;
  readonly #watch = new KernelWatch();

  constructor(private readonly options: TraceBenchOptions) {
    this.#docker = new Docker({ socketPath: options.socket });
  }

  /** @param note told of each single measurement */
  async run(note: (line: string) => void): Promise<TraceBench> {
    this.#watch.listen(this.options.traceSocket);
    try {
      const slowDowns: SlowDown[] = [];
      for (const program of Object.keys(PROGRAMS)) slowDowns.push(await this.#slowDown(program, note));
      const floods: Flood[] = [];
      for (const guests of this.options.guests) floods.push(await this.#flood(guests, note));
      return { floods, slowDowns };
    } finally {
      this.#watch.close();
    }
  }

  async #slowDown(program: string, note: (line: string) => void): Promise<SlowDown> {
    const watchedMs: number[] = [];
    const unwatchedMs: number[] = [];
    for (let round = 0; round <= this.options.rounds; round += 1) {
      // Each goes first every other time, so that what a pair leaves behind falls on both.
      const order = round % 2 === 0 ? [true, false] : [false, true];
      const took = new Map<boolean, number>();
      for (const watched of order) took.set(watched, await this.#time(program, watched));
      const [on = 0, off = 0] = [took.get(true), took.get(false)];
      note(
        `${program}, ${round === 0 ? 'warm-up' : `round ${round}`}: watched ${on.toFixed(0)} ms, unwatched ${off.toFixed(0)} ms`,
      );
      if (round === 0) continue;
      watchedMs.push(on);
      unwatchedMs.push(off);
    }
    return { program, watchedMs, unwatchedMs };
  }

  async #time(program: string, watched: boolean): Promise<number> {
    const { image, runtime, unwatchedRuntime } = this.options;
    const source = PROGRAMS[program] ?? '';
    const container = await this.#docker.createContainer(
      guestOptions(image, watched ? runtime : unwatchedRuntime, source),
    );
    try {
      const attachment = watched ? this.#watch.attach(container.id, { onRecords: () => undefined }) : undefined;
      await container.start();
      await container.wait();
      const report = await attachment?.close();
      if (report && (!report.observed || report.dropped > 0)) throw new Error(`${program}: it was not seen whole`);
      return await tookMs(container);
    } finally {
      await container.remove({ force: true });
    }
  }

  async #flood(count: number, note: (line: string) => void): Promise<Flood> {
    const guests = await Promise.all(Array.from({ length: count }, () => this.#startFlood()));
    let measured: Omit<Flood, 'dropped' | 'malformed'> | undefined;
    let reports: WatchReport[] = [];
    try {
      while (guests.some(({ acts }) => acts < FLOODING_ACTS)) await sleep(20);
      measured = await this.#measure(guests);
    } finally {
      reports = await Promise.all(guests.map((guest) => guest.stop()));
    }
    if (reports.some(({ observed }) => !observed)) throw new Error('a flooding guest was not seen to its end');
    const sum = (of: (report: WatchReport) => number): number => reports.reduce((total, one) => total + of(one), 0);
    const flood = { ...measured, dropped: sum(({ dropped }) => dropped), malformed: sum(({ malformed }) => malformed) };
    note(`${count} guests flooding: ${flood.messagesPerSecond.toFixed(0)} messages/s, ${flood.dropped} dropped`);
    return flood;
  }

  async #startFlood(): Promise<Guest> {
    const { image, runtime } = this.options;
    const container = await this.#docker.createContainer(guestOptions(image, runtime, FLOOD));
    let acts = 0;
    const attachment = this.#watch.attach(container.id, {
      onRecords: () => undefined,
      onAct: () => {
        acts += 1;
        return false;
      },
    });
    const stop = async (): Promise<WatchReport> => {
      try {
        await container.kill().catch(() => undefined);
        await container.wait();
        return await attachment.close();
      } finally {
        await container.remove({ force: true });
      }
    };
    try {
      await container.start();
    } catch (error) {
      await stop().catch(() => undefined);
      throw error;
    }
    return {
      get acts() {
        return acts;
      },
      stop,
    };
  }

  async #measure(guests: readonly Guest[]): Promise<Omit<Flood, 'dropped' | 'malformed'>> {
    const delay = monitorEventLoopDelay({ resolution: 2 });
    delay.enable();
    const [packets, cpu, beganMs] = [this.#watch.packets, process.cpuUsage(), performance.now()];
    const acts = guests.map((guest) => guest.acts);
    let rssBytesMax = 0;
    const endMs = beganMs + this.options.seconds * 1_000;
    while (performance.now() < endMs) {
      rssBytesMax = Math.max(rssBytesMax, process.memoryUsage.rss());
      await sleep(RSS_EVERY_MS);
    }
    delay.disable();
    const seconds = (performance.now() - beganMs) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const each = guests.map((guest, index) => (guest.acts - (acts[index] ?? 0)) / seconds);
    return {
      guests: guests.length,
      actsPerSecond: each.reduce((sum, one) => sum + one, 0),
      slowestPerSecond: Math.min(...each),
      fastestPerSecond: Math.max(...each),
      messagesPerSecond: (this.#watch.packets - packets) / seconds,
      cores: (user + system) / 1e6 / seconds,
      loopDelayP99Ms: delay.percentile(99) / 1e6,
      rssMiBMax: rssBytesMax / 1024 / 1024,
    };
  }
}
