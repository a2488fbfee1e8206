import type { Limit, Reason } from '@crucible/events';
import type { SandboxEnd } from './port.ts';
import type { GuestReport } from './record.ts';
import { isFault, signalName } from './signals.ts';

/** Why we killed a sandbox. The first reason counts. `tampered`: the guest has got at its first process. */
export type KillCause = 'wall-time' | 'output-limit' | 'stopped' | 'lease-lost' | 'tampered' | 'failure';

/** Everything known about an end, from inside the sandbox, from the engine and from the host's kernel. */
export interface EndFacts {
  readonly killedBy: KillCause | null;
  /** A failure of ours or the engine's, in words. */
  readonly failure: string | null;
  /** What the guest was seen to have done to init, in words that follow "the first process"; null when nothing. */
  readonly tampered: string | null;
  readonly started: boolean;
  readonly report: GuestReport | null;
  /** The container's exit code as the engine tells it. */
  readonly containerExitCode: number | null;
  readonly oomKilled: boolean;
  /** The host's kernel refused the sandbox a thread. */
  readonly hostTasksRefused: boolean;
  /** The host's kernel met the memory limit at least once. */
  readonly memoryMaxMet: boolean;
  readonly cpuThrottled: boolean;
  readonly outputDropped: boolean;
  /** Init had said nothing for a while when it was killed, and nothing then. */
  readonly initStopped: boolean;
  /** What appeared on standard error before the program started, already made harmless. */
  readonly preamble: string;
}

export interface Classified {
  readonly reason: Reason;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly limitsHit: Limit[];
  readonly error: string | null;
}

type Verdict = Omit<Classified, 'limitsHit'>;

/** Less than one block left: the next byte would not have fitted. */
const DISK_FULL_BYTES = 4_096;

const failed = (error: string): Verdict => ({ reason: 'engine-failure', exitCode: null, signal: null, error });
const killed = (reason: Reason, facts: EndFacts): Verdict => ({
  reason,
  exitCode: null,
  signal: facts.started ? 'SIGKILL' : null,
  error: null,
});
const initKilled = (how: string): Verdict => ({
  reason: 'init-killed',
  exitCode: null,
  signal: null,
  error: `the first process of the sandbox ${how}`,
});

const exitCodeOf = (status: number): number | null => ((status & 0x7f) === 0 ? (status >> 8) & 0xff : null);

/** What init exits with for a wait status: the shell's convention. */
const outerExitCode = (status: number): number => exitCodeOf(status) ?? 128 + (status & 0x7f);

const reasonOfOwnEnd = (report: GuestReport, facts: EndFacts): Reason => {
  if (report.waitStatus === 0) return 'exit';
  const signal = exitCodeOf(report.waitStatus) === null ? signalName(report.waitStatus & 0x7f) : null;
  if (facts.oomKilled) return 'out-of-memory';
  if (signal === 'SIGXFSZ' || report.atFileMax || report.freeBytesAtEnd < DISK_FULL_BYTES) return 'disk-full';
  if (report.atTasksMax || facts.hostTasksRefused) return 'pids-limit';
  if (signal === null) return 'exit';
  return isFault(signal) ? 'crash' : 'signal';
};

const ofReport = (report: GuestReport, facts: EndFacts): Verdict => {
  if (report.cause === 'terminated') return failed('the engine was told to stop the sandbox by someone else');
  if (report.cause === 'told') return initKilled('was told to stop, and not by us');
  if (report.cause === 'robbed') return initKilled('was robbed from inside of what it was told');
  if (report.cause === 'abandoned') return failed('the sandbox lost its connection to the executor');
  if (report.cause === 'overdue') return failed('the sandbox outlived its wall time and ended itself');
  const expected = outerExitCode(report.waitStatus);
  // A kill of ours can overtake the exit of an init that has reported already.
  if (facts.killedBy === null && facts.containerExitCode !== null && facts.containerExitCode !== expected) {
    return failed(`the sandbox reported exit ${expected} from inside, the engine says ${facts.containerExitCode}`);
  }
  const exitCode = exitCodeOf(report.waitStatus);
  const signal = exitCode === null ? signalName(report.waitStatus & 0x7f) : null;
  return { reason: reasonOfOwnEnd(report, facts), exitCode, signal, error: null };
};

const withoutReport = (facts: EndFacts): Verdict => {
  if (facts.oomKilled) return killed('out-of-memory', facts);
  const code = facts.containerExitCode;
  const preamble = facts.preamble === '' ? '' : `: ${facts.preamble}`;
  if (!facts.started)
    return failed(`the sandbox ended before its program started (exit code ${code ?? 'unknown'})${preamble}`);
  if (facts.hostTasksRefused) return killed('pids-limit', facts);
  return initKilled(`ended without a report (container exit code ${code ?? 'unknown'})`);
};

const verdictOf = (facts: EndFacts): Verdict => {
  if (facts.killedBy === 'output-limit') return killed('output-limit', facts);
  if (facts.failure !== null) return failed(facts.failure);
  // A program that had ended when the kill arrived keeps its own end.
  if (facts.report?.cause === 'end') return ofReport(facts.report, facts);
  // Its program may have ended long before: nobody was left to tell.
  if (facts.killedBy === 'tampered') return initKilled(facts.tampered ?? 'was tampered with');
  if (facts.killedBy === 'wall-time' && facts.initStopped) return initKilled('was stopped from inside');
  if (facts.killedBy !== null && facts.killedBy !== 'failure') return killed(facts.killedBy, facts);
  return facts.report === null ? withoutReport(facts) : ofReport(facts.report, facts);
};

const limitsOf = (facts: EndFacts, verdict: Verdict): Limit[] => {
  const { report } = facts;
  const hit: Record<Limit, boolean> = {
    memory: facts.oomKilled || facts.memoryMaxMet || verdict.reason === 'out-of-memory',
    pids: facts.hostTasksRefused || (report?.atTasksMax ?? false),
    disk: verdict.reason === 'disk-full' || (report !== null && report.freeBytesMin < DISK_FULL_BYTES),
    'wall-time': verdict.reason === 'wall-time' || (verdict.reason === 'init-killed' && facts.killedBy === 'wall-time'),
    output: facts.outputDropped,
    cpu: facts.cpuThrottled,
  };
  return (Object.keys(hit) as Limit[]).filter((limit) => hit[limit]);
};

/** Reason of an end from everything known about it. Pure: the same facts give the same reason. */
export const classify = (facts: EndFacts): Classified => {
  const verdict = verdictOf(facts);
  return { ...verdict, limitsHit: limitsOf(facts, verdict) };
};

/** What an observer of the guest's system calls saw, where there is one. */
export interface KernelSightings {
  /** The guest was refused a process or thread. */
  readonly pidsLimitHit: boolean;
  /** The guest was refused space. */
  readonly diskFull: boolean;
}

/**
 * An end completed by what was seen from outside. Init samples the number of tasks and can miss a peak of milliseconds;
 * a refused system call is proof. The same rule holds as in `classify`: a program that failed at a limit ended by it.
 */
export const withSightings = (end: SandboxEnd, seen: KernelSightings): SandboxEnd => {
  const limitsHit = new Set(end.limitsHit);
  if (seen.pidsLimitHit) limitsHit.add('pids');
  if (seen.diskFull) limitsHit.add('disk');
  const failedByItself = ['crash', 'signal'].includes(end.reason) || (end.reason === 'exit' && end.exitCode !== 0);
  const byLimit: Reason | null = seen.diskFull ? 'disk-full' : seen.pidsLimitHit ? 'pids-limit' : null;
  const reason = failedByItself && byLimit !== null ? byLimit : end.reason;
  return { ...end, reason, limitsHit: [...limitsHit] };
};
