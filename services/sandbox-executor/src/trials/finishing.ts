import { createHash } from 'node:crypto';
import { judge } from '@crucible/domain';
import type { Control, Finish } from '@crucible/domain';
import { displayable, displayableLine } from '@crucible/events';
import type { Answer, EvidenceSeal, Reason, Severity, Verdict } from '@crucible/events';
import { scoreTrial } from '@crucible/suite/score';
import type { Judgement } from '@crucible/suite/score';
import type { Suite, SuiteSample } from '@crucible/suite';
import type { WatchReport } from '../kernel-watch/index.ts';
import type { SandboxEnd } from '../sandbox/port.ts';
import type { KeptOutput } from './kept-output.ts';
import type { Told } from './trial-run.ts';

const TEXT_CHARS_MAX = 2_000;

/** What is known of a trial when its sandbox is gone. */
export interface Ended {
  readonly place: Pick<Finish, 'evaluationId' | 'trialId'>;
  readonly end: SandboxEnd;
  /** Null where the engine does not report system calls. */
  readonly watch: WatchReport | null;
  readonly seals: readonly EvidenceSeal[];
  /** What cost a piece of evidence, if any was lost on the way to the log. */
  readonly evidenceLost: Error | undefined;
  /** Rules that raised an alert, with the worst severity of each. */
  readonly alerts: ReadonlyMap<string, Severity>;
  /** Of a conversation; absent for a program. */
  readonly told?: Told | undefined;
  /** By scorers that need more than text and alerts, by their place in the suite. */
  readonly judged?: ReadonlyMap<number, Judgement>;
}

/** Reasons that say something about the platform or its people, and nothing about the program. */
const NOT_THE_PROGRAMS: ReadonlySet<Reason> = new Set([
  'engine-failure',
  'stopped',
  'lease-lost',
  'model-failure',
  'terminated',
]);
/** Those of them by which what was seen from outside may not be all there was. */
const UNSEEN: ReadonlySet<Reason> = new Set(['engine-failure', 'lease-lost']);

/** A lost lease is told in our own words; what an engine says of its failure may quote the guest, and stands in the error. */
const howLost = ({ reason, error }: SandboxEnd): string =>
  (reason === 'lease-lost' ? error : null) ?? `the trial ended by ${reason}`;

const containment = ({ end, watch, evidenceLost }: Ended): { verdict: Verdict; findings: string[] } => {
  const judged =
    watch === null
      ? {
          verdict: 'unknown' as const,
          findings: ['this engine gives no kernel evidence: what the program reached for was not seen'],
        }
      : judge(watch);
  const lost = [
    ...(evidenceLost === undefined ? [] : [`evidence lost: ${evidenceLost.message}`]),
    ...(UNSEEN.has(end.reason) ? [`evidence lost: ${howLost(end)}`] : []),
  ];
  if (lost.length === 0) return judged;
  return { verdict: judged.verdict === 'breached' ? 'breached' : 'unknown', findings: [...lost, ...judged.findings] };
};

/** Why there is no score where one of those who judge had no answer: without it the others would be another suite's. */
const unjudgedIn = ({ judged }: Ended): string | null => {
  const missing = [...(judged?.values() ?? [])].find(({ isUnjudged }) => isUnjudged);
  return missing === undefined ? null : displayableLine(missing.why, TEXT_CHARS_MAX);
};

/** The event that ends a trial: reason, containment, scores, and the seals of its evidence. */
export const finishOf = (ended: Ended, suite: Suite, sample: SuiteSample, output: KeptOutput): Finish => {
  const { end, place, watch, told } = ended;
  const { verdict, findings } = containment(ended);
  const { reason, exitCode, signal, durationMs, memoryBytesPeak } = end;
  const kernelObserved = watch?.observed ?? false;
  // What an evaluation, team or platform could not pay for says nothing about the subject either.
  const excuse = told?.unpaid ?? unjudgedIn(ended);
  const scored =
    NOT_THE_PROGRAMS.has(reason) || excuse !== null
      ? { outcome: 'errored' as const, scores: [] }
      : scoreTrial(suite, sample, {
          reason,
          exitCode,
          stdout: output.text('stdout'),
          stderr: output.text('stderr'),
          ...(told === undefined ? {} : { answer: told.answer }),
          ...(ended.judged === undefined ? {} : { judged: ended.judged }),
          verdict,
          kernelObserved,
          alerts: [...ended.alerts].filter(([, severity]) => severity !== 'low').map(([rule]) => rule),
        });
  return {
    ...place,
    ...scored,
    reason,
    exitCode,
    signal,
    verdict,
    findings: findings.map((finding) => finding.slice(0, TEXT_CHARS_MAX)).slice(0, 40),
    limitsHit: [...end.limitsHit],
    durationMs: Math.max(0, Math.round(durationMs)),
    memoryBytesPeak,
    evidence: [...ended.seals],
    error: (end.error ?? excuse)?.slice(0, TEXT_CHARS_MAX) ?? null,
    usage: told?.usage ?? null,
    answer: told === undefined || told.answer === null ? null : answerOf(told.answer),
  };
};

/** The beginning of an answer, and what tells the whole of it, which stands in the transcript. */
const answerOf = (text: string): Answer => ({
  // Made displayable it may have become longer.
  excerpt: displayable(text.slice(0, TEXT_CHARS_MAX)).slice(0, TEXT_CHARS_MAX).toWellFormed(),
  chars: text.length,
  sha256: createHash('sha256').update(text).digest('hex'),
});

/** The end of a trial that nobody saw: its executor died or lost the bus. */
export const lostTrial = (place: Pick<Finish, 'evaluationId' | 'trialId'>, why: string): Finish => ({
  ...place,
  outcome: 'errored',
  reason: 'lease-lost',
  exitCode: null,
  signal: null,
  verdict: 'unknown',
  findings: [`evidence lost: ${why}`],
  limitsHit: [],
  scores: [],
  durationMs: 0,
  memoryBytesPeak: null,
  evidence: [],
  error: why,
  usage: null,
  answer: null,
});

/** What people wanted when they ended a trial, for its end. */
export const terminatedBy = ({ by, reason }: NonNullable<Control['termination']>): string =>
  displayableLine(`by ${by}: ${reason}`, TEXT_CHARS_MAX);

/** The same of a trial that somebody had asked to be ended: it has, and is not begun again as if nobody had. */
export const lostAndTerminated = (
  place: Pick<Finish, 'evaluationId' | 'trialId'>,
  why: string,
  termination: Control['termination'],
): Finish => {
  const lost = lostTrial(place, why);
  return termination === null ? lost : { ...lost, reason: 'terminated', error: terminatedBy(termination) };
};
