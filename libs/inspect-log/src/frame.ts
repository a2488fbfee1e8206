import type { EvidenceRecordCounts } from './source.ts';
import type { Attempt } from './attempt.ts';
import { limitOf } from './limits.ts';
import { sampleFields } from './sample-fields.ts';
import { scoresOf } from './scores.ts';
import type { Fields, Json, LogEvent } from './shapes.ts';
import type { Stamps } from './stamps.ts';

/** What is known once a trial's evidence was read. */
export interface AtEnd {
  /** Of a program: what it printed, as text, and whether that is all of it. */
  readonly printed: { readonly text: string; readonly isCut: boolean } | null;
  /** What the kernel's side holds, by kind; null where nothing of it is kept. */
  readonly kernel: EvidenceRecordCounts | null;
  /** Channels that could not be read, and why: erased ones name the position of their erasure. */
  readonly unread: readonly { readonly channel: string; readonly why: string }[];
}

const json = (value: unknown): Json => value as Json;

/** What stands before the first word: the sample, and the sandbox with its proof. */
export const beginning = ({ trial, sample, suite }: Attempt, stamps: Stamps): LogEvent[] => {
  const atMs = stamps.startMs;
  const fields = sampleFields(sample, suite);
  const { id: _, ...untitled } = fields;
  const state: Fields = {
    messages: json(fields.initial),
    tools: [],
    tool_choice: null,
    store: {},
    output: { model: '', choices: [], completion: '' },
    completed: false,
    metadata: fields.metadata,
  };
  const { initial: __, files: ___, ...shown } = untitled;
  const told: LogEvent[] = [
    stamps.begin(atMs, 'init', 'init'),
    stamps.event(atMs, { event: 'sample_init', sample: { id: fields.id, ...(json(shown) as Fields) }, state }),
  ];
  if (trial.startedAt !== null) {
    const { executorId, sandboxId, origin, limits, kernelObserved } = trial;
    const sandbox = { executor_id: executorId, sandbox_id: sandboxId, origin, kernel_observed: kernelObserved };
    told.push(stamps.info(atMs, 'sandbox', { ...sandbox, limits: json(limits) }));
  }
  if (trial.profile !== null) told.push(stamps.info(atMs, 'profile', json(trial.profile) as Fields));
  if (trial.preflight !== null) told.push(stamps.info(atMs, 'preflight', json(trial.preflight) as Fields));
  return [...told, ...stamps.end(atMs)];
};

const programEvent = ({ trial, sample }: Attempt, stamps: Stamps, endMs: number, atEnd: AtEnd): LogEvent[] => {
  if (typeof sample.input !== 'object' || !('language' in sample.input) || trial.startedAt === null) return [];
  const { language, stdin } = sample.input;
  const event = stamps.event(
    stamps.startMs,
    {
      event: 'sandbox',
      action: 'exec',
      cmd: language,
      ...(stdin === undefined ? {} : { input: stdin }),
      ...(trial.exitCode === null ? {} : { result: trial.exitCode }),
      output: atEnd.printed?.text ?? '',
      completed: new Date(endMs).toISOString(),
    },
    { metadata: { signal: trial.signal, output_is_cut: atEnd.printed?.isCut ?? null } },
  );
  return [event];
};

const scoreEvents = ({ trial, sample }: Attempt, stamps: Stamps, endMs: number): LogEvent[] =>
  Object.entries(scoresOf(trial.scores)).map(([scorer, score]) =>
    stamps.event(endMs, {
      event: 'score',
      score,
      ...(sample.target === undefined ? {} : { target: sample.target }),
      intermediate: false,
      scorer,
    }),
  );

/** What stands behind the last word: limits, errors, scores, and what only Crucible knows of the trial. */
export const ending = (
  attempt: Attempt,
  stamps: Stamps,
  { endMs, atEnd, beginScoring }: { endMs: number; atEnd: AtEnd; beginScoring: () => LogEvent[] },
): LogEvent[] => {
  const { trial, suite, log } = attempt;
  const limit = limitOf(trial, suite);
  const info = (about: string, data: unknown): LogEvent => stamps.info(endMs, about, data as Fields);
  const error = errorOf(attempt);
  const { dispatched, started, finished } = {
    dispatched: log.positions['crucible.trial.dispatched.v1'] ?? null,
    started: log.positions['crucible.trial.started.v2'] ?? null,
    finished: log.positions['crucible.trial.finished.v2'] ?? null,
  };
  const { verdict, findings, outcome, reason, exitCode, signal, limitsHit, kill } = trial;
  return [
    ...programEvent(attempt, stamps, endMs, atEnd),
    ...(limit === null
      ? []
      : [
          stamps.event(endMs, {
            event: 'sample_limit',
            type: limit.type,
            message: `ended by ${trial.reason ?? 'a limit'}`,
            ...(limit.limit < 0 ? {} : { limit: limit.limit }),
          }),
        ]),
    ...(error === null ? [] : [stamps.event(endMs, { event: 'error', error })]),
    ...(trial.scores.length === 0 ? [] : beginScoring()),
    ...scoreEvents(attempt, stamps, endMs),
    ...stamps.end(endMs),
    info('verdict', { verdict, findings, outcome, reason, exit_code: exitCode, signal, limits_hit: limitsHit, kill }),
    info('alerts', trial.alerts),
    ...(atEnd.kernel === null ? [] : [info('kernel', atEnd.kernel)]),
    info('evidence', { seals: trial.evidence, unread: atEnd.unread }),
    info('usage', { ...trial.usage, memory_bytes_peak: trial.memoryBytesPeak }),
    info('positions', { dispatched, started, finished, last: trial.position }),
  ];
};

/** Why a sample has no result; null when it has one. */
export const errorOf = ({ trial, log }: Pick<Attempt, 'trial' | 'log'>) => {
  const why =
    trial.status === 'withdrawn'
      ? `withdrawn: ${log.withdrawn ?? 'its evaluation ended'}`
      : trial.outcome === 'errored'
        ? `${trial.reason ?? 'errored'}: ${trial.error ?? 'no more is known'}`
        : null;
  return why === null ? null : { message: why, traceback: '', traceback_ansi: '' };
};
