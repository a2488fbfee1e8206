import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Chance } from '@crucible/domain/testing';
import type { Home } from '../platform/home.ts';
import { readSpec, runningProcess, startProcess } from '../platform/process.ts';
import { nextFault, type Fault, type Victim } from './plan.ts';

const parentOf = (pid: string): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(
      stat
        .slice(stat.lastIndexOf(')') + 1)
        .trim()
        .split(/\s+/)[1],
    );
  } catch {
    return undefined;
  }
};

/** A process and everything below it: a database is many. */
const familyOf = (root: number): number[] => {
  const children = Map.groupBy(
    readdirSync('/proc').filter((name) => /^\d+$/.test(name)),
    (pid) => parentOf(pid) ?? 0,
  );
  const family = [root];
  for (const pid of family) family.push(...(children.get(pid) ?? []).map(Number));
  return family;
};

const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // it ended meanwhile
    }
  }
};

/** Strikes a platform's processes and is their keeper: whoever was killed is started again as it was. */
export class Injector {
  readonly #home: Home;
  readonly #busy = new Set<Victim>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #done: Fault[] = [];

  constructor(home: Home) {
    this.#home = home;
  }

  /** Faults that struck, in order of their end. */
  get done(): readonly Fault[] {
    return this.#done;
  }

  /** Strikes until `enough` says so; faults overlap. Everything runs again when it returns. */
  async run(chance: Chance, everyMs: number, enough: () => boolean, note: (fault: Fault) => void): Promise<void> {
    for (let number = 1; !enough();) {
      const fault = nextFault(chance, number, everyMs);
      await pause(fault.afterMs);
      if (this.#busy.has(fault.victim)) continue;
      number += 1;
      note(fault);
      const striking = this.#strike(fault).finally(() => this.#underWay.delete(striking));
      this.#underWay.add(striking);
    }
    await Promise.all(this.#underWay);
  }

  async #strike(fault: Fault): Promise<void> {
    const { victim, kind, downMs } = fault;
    this.#busy.add(victim);
    try {
      const { pid } = runningProcess(this.#home, victim) ?? (await this.#start(victim));
      if (kind === 'kill') {
        process.kill(pid, 'SIGKILL');
        await pause(downMs);
        await this.#start(victim);
      } else await this.#hold(pid, downMs);
      this.#done.push(fault);
    } finally {
      this.#busy.delete(victim);
    }
  }

  async #hold(pid: number, ms: number): Promise<void> {
    const family = familyOf(pid);
    try {
      signalAll(family, 'SIGSTOP');
      await pause(ms);
    } finally {
      signalAll(family.toReversed(), 'SIGCONT');
    }
  }

  async #start(victim: Victim): Promise<{ readonly pid: number }> {
    const running = runningProcess(this.#home, victim);
    if (running !== undefined) return running;
    const spec = readSpec(this.#home, victim);
    if (spec === undefined) throw new Error(`${victim} is not part of this platform`);
    return startProcess(this.#home, spec);
  }

  /** Starts whoever is down. */
  async mend(names: readonly Victim[]): Promise<void> {
    for (const name of names) if (readSpec(this.#home, name) !== undefined) await this.#start(name);
  }
}
