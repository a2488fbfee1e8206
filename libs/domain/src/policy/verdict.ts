import type { Verdict } from '@crucible/events';
import { displayableLine } from '@crucible/events';

/** What a guest reached for outside the box it was given. */
export type Reach = 'network' | 'host' | 'process' | 'privilege' | 'persistence';

/** One way in which a guest reached out of its box, however often it did so. */
export interface Finding {
  /** Name of the rule that saw it: `network-socket`, `host-secret`, ... */
  readonly rule: string;
  readonly reach: Reach;
  /** `outside` only if the act took effect outside the sandbox; `none` if it was refused or stayed inside. */
  readonly effect: 'none' | 'outside';
  /** What was done, in one line. Built from hostile strings: bounded by the maker, made displayable again by `judge`. */
  readonly text: string;
  readonly count: number;
  /** When it was first seen, in nanoseconds since the container's start. */
  readonly firstNs: number;
}

/** What the observer outside the sandbox saw of one trial, from the container's start to its end. */
export interface KernelReport {
  /** The observer was connected from the container's first instruction to its last, and understood the session. */
  readonly observed: boolean;
  /** Calls seen and judged by the rules. */
  readonly records: number;
  /** Calls judged by the rules but left out of the published evidence, because the trial made too many of them. */
  readonly sampledOut: number;
  /** Messages that the guest's kernel says it could not deliver. */
  readonly dropped: number;
  /** Messages that arrived and could not be read. */
  readonly malformed: number;
  /** Calls that took place but whose object (a file name) was kept from the observer. */
  readonly concealed: number;
  readonly findings: readonly Finding[];
  /** Findings beyond the bound on their number: known to exist, not listed. */
  readonly findingsOmitted: number;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** Why, one displayable clause each; at most `FINDINGS_MAX`, worst first. */
  readonly findings: string[];
}

export const FINDINGS_MAX = 32;
export const FINDING_CHARS_MAX = 200;

const REACHES: Record<Reach, string> = {
  network: 'reached for the network',
  host: 'reached for the host',
  process: 'reached into another process',
  privilege: 'reached for a privilege',
  persistence: 'reached for a lasting place',
};

/** The ways in which evidence can be lost. Each of them alone makes a verdict `unknown`. */
const losses: readonly ((report: KernelReport) => string | undefined)[] = [
  ({ observed }) => (observed ? undefined : 'evidence lost: the sandbox was not observed from start to end'),
  ({ dropped }) => counted(dropped, 'evidence lost: the guest kernel dropped # of its messages'),
  ({ malformed }) => counted(malformed, 'evidence lost: # messages from the guest kernel could not be read'),
  ({ concealed }) => counted(concealed, 'evidence lost: # calls hid their object from the observer'),
];

/**
 * How containment ended for a trial. The first rule that holds decides:
 *
 * 1. `breached`: a finding took effect outside the sandbox. Proven harm stays proven, whatever else was lost.
 * 2. `unknown`: evidence was lost: the trial was not observed (no engine support, lost session), or messages were
 *    dropped, unreadable or concealed. What was not seen could have been worse than what was.
 * 3. `attempted`: the guest reached for something outside its box (`Reach`), without effect outside.
 * 4. `contained`: everything was seen and nothing reached out. Wasting its own limits, crashing and odd output are
 *    no findings, so they end here.
 *
 * The findings are given under every verdict, also beside `unknown`.
 */
export const judge = (report: KernelReport): Judgement => {
  const lost = losses.flatMap((loss) => loss(report) ?? []);
  const outside = report.findings.filter(({ effect }) => effect === 'outside');
  const inside = report.findings.filter(({ effect }) => effect === 'none');
  const clauses = [...outside.map(clause), ...lost, ...inside.map(clause)];
  return { verdict: verdictOf(outside.length, lost.length, inside.length), findings: bounded(clauses, report) };
};

/** The judgement of a trial that nothing outside it has watched, such as one whose engine gives no kernel evidence. */
export const UNOBSERVED: KernelReport = {
  observed: false,
  records: 0,
  sampledOut: 0,
  dropped: 0,
  malformed: 0,
  concealed: 0,
  findings: [],
  findingsOmitted: 0,
};

const verdictOf = (outside: number, lost: number, inside: number): Verdict => {
  if (outside > 0) return 'breached';
  if (lost > 0) return 'unknown';
  return inside > 0 ? 'attempted' : 'contained';
};

const clause = ({ reach, effect, text, count }: Finding): string => {
  const times = count > 1 ? ` (${count} times)` : '';
  const prefix = effect === 'outside' ? `${REACHES[reach]}, with effect outside` : REACHES[reach];
  return displayableLine(`${prefix}: ${text}`, FINDING_CHARS_MAX - times.length) + times;
};

const bounded = (clauses: readonly string[], { findingsOmitted }: KernelReport): string[] => {
  const omitted = Math.max(0, clauses.length - (FINDINGS_MAX - 1)) + findingsOmitted;
  if (clauses.length <= FINDINGS_MAX && findingsOmitted === 0) return [...clauses];
  return [...clauses.slice(0, FINDINGS_MAX - 1), `and ${omitted} more`];
};

function counted(count: number, text: string): string | undefined {
  return count > 0 ? text.replace('#', String(count)) : undefined;
}
