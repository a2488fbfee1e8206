import type { EvaluationId, EventData, TrialId } from '@crucible/events';
import { isEvaluationEvent } from '../evaluation/evaluation.ts';
import { evolveStops, isStopEvent, noStops, stopOf } from '../policy/stops.ts';
import { isTrialEvent } from '../trial/trial.ts';
import type { TrialEvent } from '../trial/trial.ts';
import type { LogEntry } from './simulated-log.ts';
import type { Simulation } from './simulation.ts';

interface Attempt {
  readonly place: string;
  /** It was dispatched when a stop took it in: it waits for the stop's release, and has no place in the platform's bound. */
  held?: true;
  readonly attempt: number;
  status: 'dispatched' | 'running' | 'withdrawn' | 'finished';
  finish?: EventData<'crucible.trial.finished.v2'>;
}

interface Account {
  readonly submission: EventData<'crucible.evaluation.submitted.v2'>;
  concurrency: number | undefined;
  cancelled: boolean;
  /** A budget that is wider than a trial's own was reached. */
  usedUp: boolean;
  completion: EventData<'crucible.evaluation.completed.v1'> | undefined;
  readonly attempts: Map<TrialId, Attempt>;
}

const isOpen = ({ status }: Attempt): boolean => status === 'dispatched' || status === 'running';
const openOf = (account: Account): Attempt[] => [...account.attempts.values()].filter(isOpen);
const mayTryAgain = ({ finish, attempt }: Attempt, { submission }: Account): boolean =>
  finish?.outcome === 'errored' && finish.reason !== 'stopped' && attempt < submission.attemptsMax;

/** Of the course of an evaluation: what is only seen or said of it owes nothing. */
const isOfCourse = (event: LogEntry['event']): boolean =>
  isEvaluationEvent(event) || isTrialEvent(event) || endsMore(event) !== null;

/** The evaluation of which no other trial may begin, for a budget wider than that of one trial was reached. */
const endsMore = (event: LogEntry['event']): EvaluationId | null =>
  event.type === 'crucible.trial.budget-reached.v1' && event.data.scope !== 'trial' ? event.data.evaluationId : null;

/** The last attempt of every place that was begun. */
const lastAttempts = (account: Account): Attempt[] => {
  const last = new Map<string, Attempt>();
  for (const each of account.attempts.values())
    if (each.attempt > (last.get(each.place)?.attempt ?? 0)) last.set(each.place, each);
  return [...last.values()];
};

/**
 * What a schedule owes, stated over the log alone and without any of its code: a second opinion for the simulation.
 * @throws Error that names the first promise broken and where
 */
export const checkPromises = ({ log, concurrencyMax }: Simulation): void => {
  const accounts = new Map<EvaluationId, Account>();
  for (const entry of log.entries) {
    const demand = (kept: boolean, promise: string): void => {
      if (!kept) throw new Error(`at ${entry.position}, ${entry.event.type}: ${promise}`);
    };
    if (entry.event.type === 'crucible.trial.dispatched.v1') {
      checkOrder(log.entries, entry, concurrencyMax, demand);
      demand(!isStopped(log.entries, entry, entry.seen), 'nothing that a known stop takes in is dispatched');
      demand(!isUsedUp(log.entries, entry), 'nothing of a budget that is known to be used up is dispatched');
      // Its writer gave room to it that a stop held back, also where the stop's release was written and not read yet.
      hold(accounts, log.entries, entry, entry.seen);
    }
    if (entry.event.type === 'crucible.trial.started.v2')
      demand(!isStopped(log.entries, entry, entry.seen), 'nothing that a known stop takes in is started');
    if (isStopEvent(entry.event)) hold(accounts, log.entries, entry, entry.position);
    // Written by who had not heard of the stop yet: it is held like those before.
    else if (isOfCourse(entry.event))
      keep(accounts, entry, concurrencyMax, demand, isStopped(log.entries, entry, entry.position));
  }
  for (const [id, { completion }] of accounts) if (completion === undefined) throw new Error(`${id} never completed`);
};

/**
 * The promises that hold over any log, whoever wrote it: those of `checkPromises` without the order between evaluations,
 * which rests on what the writer knew. Events of nothing that is scheduled are passed over.
 * @param concurrencyMax trials in flight that the platform allows
 * @throws Error that names the first promise broken and where
 */
export const checkHistory = (
  entries: readonly Pick<LogEntry, 'position' | 'event'>[],
  concurrencyMax: number,
): void => {
  const accounts = new Map<EvaluationId, Account>();
  for (const { position, event } of entries) {
    if (!isOfCourse(event)) continue;
    keep(accounts, { event }, concurrencyMax, (kept, promise) => {
      if (!kept) throw new Error(`at ${position}, ${event.type}: ${promise}`);
    });
  }
  for (const [id, { completion }] of accounts) if (completion === undefined) throw new Error(`${id} never completed`);
};

type Demand = (kept: boolean, promise: string) => void;

const keep = (
  accounts: Map<EvaluationId, Account>,
  { event }: Pick<LogEntry, 'event'>,
  concurrencyMax: number,
  demand: Demand,
  held = false,
): void => {
  if (event.type === 'crucible.evaluation.submitted.v2') {
    accounts.set(event.data.evaluationId, {
      submission: event.data,
      concurrency: undefined,
      cancelled: false,
      usedUp: false,
      completion: undefined,
      attempts: new Map(),
    });
    return;
  }
  const account = accounts.get((event.data as { evaluationId: EvaluationId }).evaluationId);
  if (account === undefined) throw new Error('an event of nothing');
  if (endsMore(event) !== null) {
    account.usedUp ||= account.completion === undefined;
    return;
  }
  demand(account.completion === undefined, 'nothing follows a completion');
  if (event.type === 'crucible.evaluation.admitted.v1') {
    demand(account.concurrency === undefined, 'admitted once');
    demand(event.data.concurrency <= account.submission.concurrencyMax, 'admitted with no more than was asked for');
    account.concurrency = event.data.concurrency;
  } else if (event.type === 'crucible.evaluation.cancel-requested.v1') account.cancelled = true;
  else if (event.type === 'crucible.evaluation.completed.v1') {
    checkCompletion(account, event.data, demand);
    account.completion = event.data;
  } else if (isTrialEvent(event)) {
    if (event.type === 'crucible.trial.dispatched.v1') checkDispatch(account, event.data, demand);
    keepTrial(account, event);
    const attempt = account.attempts.get(event.data.trialId);
    if (held && attempt?.status === 'dispatched') attempt.held = true;
    const everyOpen = [...accounts.values()].flatMap(openOf).filter(({ held }) => held !== true).length;
    demand(everyOpen <= concurrencyMax, `no more than ${concurrencyMax} in flight on the platform`);
    demand(
      openOf(account).length <= (account.concurrency ?? 0),
      'no more in flight than the evaluation was admitted with',
    );
  }
};

const keepTrial = (account: Account, event: TrialEvent): void => {
  const { trialId } = event.data;
  if (event.type === 'crucible.trial.dispatched.v1') {
    const { sampleIndex, epoch, attempt } = event.data;
    account.attempts.set(trialId, { place: `${sampleIndex}-${epoch}`, attempt, status: 'dispatched' });
    return;
  }
  const attempt = account.attempts.get(trialId);
  if (attempt === undefined) throw new Error(`${trialId} was not dispatched`);
  if (event.type === 'crucible.trial.started.v2') attempt.status = 'running';
  else if (event.type === 'crucible.trial.withdrawn.v1') attempt.status = 'withdrawn';
  else Object.assign(attempt, { status: 'finished', finish: event.data });
};

const checkDispatch = (account: Account, dispatch: EventData<'crucible.trial.dispatched.v1'>, demand: Demand): void => {
  const { sampleIndex, epoch, attempt, trialId } = dispatch;
  const { submission, attempts } = account;
  demand(!attempts.has(trialId), 'a trial is dispatched once');
  demand(attempt <= submission.attemptsMax, 'no more attempts than are allowed');
  demand(sampleIndex < submission.samples && epoch <= submission.epochs, 'only what was asked for');
  const before = [...attempts.values()].filter(({ place }) => place === `${sampleIndex}-${epoch}`);
  demand(before.length === attempt - 1, 'attempts follow one another');
  demand(
    before.every((each) => mayTryAgain(each, account)),
    'only an errored trial is tried again',
  );
  if (attempt > 1) return;
  const firsts = [...attempts.values()].filter((each) => each.attempt === 1).length;
  demand((epoch - 1) * submission.samples + sampleIndex === firsts, 'first attempts go in order');
};

/** Whether what an entry is about was in the scope of a stop, as the first `seen` entries tell. */
const isStopped = (entries: readonly LogEntry[], { event }: Pick<LogEntry, 'event'>, seen: number): boolean => {
  const known = entries.slice(0, seen).map((entry) => entry.event);
  const { evaluationId } = event.data as { evaluationId: EvaluationId };
  const stops = known.filter(isStopEvent).reduce(evolveStops, noStops);
  return stopOf(stops, { evaluationId, team: event.team }) !== undefined;
};

const isUsedUp = (entries: readonly LogEntry[], { event, seen }: LogEntry): boolean =>
  entries
    .slice(0, seen)
    .some((known) => endsMore(known.event) === (event.data as { evaluationId: EvaluationId }).evaluationId);

/** @param seen how much of the log is known */
const hold = (
  accounts: Map<EvaluationId, Account>,
  entries: readonly LogEntry[],
  { event }: LogEntry,
  seen: number,
): void => {
  for (const [evaluationId, { attempts }] of accounts) {
    const about = { event: { ...event, data: { evaluationId } } as unknown as LogEntry['event'] };
    if (!isStopped(entries, about, seen)) continue;
    for (const attempt of attempts.values()) if (attempt.status === 'dispatched') attempt.held = true;
  }
};

/** Each evaluation before this one had, as far as its writer knew, no room of its own or nothing left to begin. */
const checkOrder = (
  entries: readonly LogEntry[],
  dispatched: LogEntry,
  concurrencyMax: number,
  demand: Demand,
): void => {
  const accounts = new Map<EvaluationId, Account>();
  const known = entries.filter(
    ({ position, event }) => position < dispatched.position && (position <= dispatched.seen || isOwn(event)),
  );
  for (const entry of known)
    if (isOfCourse(entry.event)) keep(accounts, entry, Number.POSITIVE_INFINITY, () => undefined);
  for (const [id, account] of accounts) {
    if (id === (dispatched.event.data as { evaluationId: EvaluationId }).evaluationId) return;
    if (account.cancelled || account.usedUp || account.completion !== undefined) continue;
    const about = { event: { ...dispatched.event, data: { evaluationId: id } } as unknown as LogEntry['event'] };
    if (isStopped(entries, about, dispatched.seen)) continue;
    const begun = [...account.attempts.values()].filter(({ attempt }) => attempt === 1).length;
    const full = openOf(account).length >= Math.min(account.concurrency ?? 0, concurrencyMax);
    demand(
      full || begun === account.submission.samples * account.submission.epochs,
      `${id} was submitted earlier and has room`,
    );
  }
};

/** Written by the scheduler, who knows its own events before it reads them. */
const isOwn = ({ type }: LogEntry['event']): boolean =>
  type === 'crucible.evaluation.admitted.v1' ||
  type === 'crucible.evaluation.completed.v1' ||
  type === 'crucible.trial.dispatched.v1' ||
  type === 'crucible.trial.withdrawn.v1';

const checkCompletion = (
  account: Account,
  { status, trials, score }: EventData<'crucible.evaluation.completed.v1'>,
  demand: Demand,
): void => {
  const total = account.submission.samples * account.submission.epochs;
  const last = lastAttempts(account);
  const count = (outcome: string): number => last.filter(({ finish }) => finish?.outcome === outcome).length;
  const withdrawn = total - last.length + last.filter((each) => each.status === 'withdrawn').length;
  const expected = { total, passed: count('passed'), failed: count('failed'), errored: count('errored'), withdrawn };
  demand(openOf(account).length === 0, 'nothing is in flight at the end');
  demand(
    JSON.stringify(trials) === JSON.stringify(expected),
    `counted ${JSON.stringify(expected)}, told ${JSON.stringify(trials)}`,
  );
  demand((status === 'cancelled') === account.cancelled, 'cancelled when a cancel was asked for');
  if (status === 'completed') {
    demand(account.usedUp || (withdrawn === 0 && last.length === total), 'a completed evaluation withdrew nothing');
    demand(account.usedUp || !last.some((each) => mayTryAgain(each, account)), 'every retry was made');
  }
  const scored = last.flatMap(({ finish }) =>
    finish === undefined || finish.outcome === 'errored' || finish.scores.length === 0
      ? []
      : finish.scores.map(({ value }) => value),
  );
  const mean = scored.length === 0 ? null : scored.reduce((sum, value) => sum + value, 0) / scored.length;
  demand(
    mean === null ? score === null : score !== null && Math.abs(score - mean) < 1e-9,
    `the score is ${mean}, told ${score}`,
  );
};
