import { isEvaluationEvent, Schedule } from '@crucible/domain';
import type { ScheduleAction } from '@crucible/domain';
import { BusUnavailable } from '@crucible/event-log';
import type { ContentStore, EventLog, StoredEvent, WorkItem, WorkQueue } from '@crucible/event-log';
import { subjects, trialIdOf } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, NewEvent } from '@crucible/events';
import { inAnswerTo } from '@crucible/service-kit';
import type { Logger } from '@crucible/service-kit';
import { SampleIds, SuiteUnusable } from './sample-ids.ts';
import { Stalls } from './stalls.ts';

export const POOL = 'default';
const NAME = 'scheduler';
/** Failures in a row, over about seven seconds, until an evaluation whose suite is unusable is cancelled. */
const UNUSABLE_TRIES_MAX = 4;
const WAKE_FIRST_MS = 10;
const BUS_RETRY_FIRST_MS = 250;
const BUS_RETRY_LAST_MS = 10_000;

export interface SchedulerPorts {
  readonly log: EventLog;
  readonly queue: WorkQueue;
  readonly content: ContentStore;
  readonly now: () => number;
}

const isSpoiltItem = ({ data }: CrucibleEvent<'crucible.dead-letter.recorded.v1'>): boolean =>
  data.stream === 'DISPATCH' && data.reason === 'undecodable';

/**
 * Folds the log and writes what follows from it. Holds nothing that the log does not: after a restart the same events give
 * the same schedule. Nothing is written before the whole log was read once. What cannot be written for one evaluation is
 * tried again later, and holds up no other.
 */
export class Scheduler {
  readonly #ports: SchedulerPorts;
  readonly #schedule: Schedule;
  readonly #sampleIds: SampleIds;
  readonly #logger: Logger;
  /** Our own appends, applied when they succeeded; the follower will bring each once more. */
  readonly #appliedAhead = new Set<number>();
  /** Dispatches in the log that may not have reached the queue. Executors drop the ones they had already. */
  readonly #unpushed = new Map<string, { readonly item: WorkItem; readonly round?: number }>();
  readonly #stalls = new Stalls();
  #catchUpTo = 0;
  #position = 0;
  #state: 'folding' | 'live' | 'ended' = 'folding';
  #busFailures = 0;
  #acting: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: SchedulerPorts, concurrencyMax: number, logger: Logger) {
    this.#ports = ports;
    this.#schedule = new Schedule(concurrencyMax);
    this.#sampleIds = new SampleIds(ports.content);
    this.#logger = logger;
  }

  /** Null when every event up to the head found at start has been folded. */
  notReady(): string | null {
    return this.#state === 'live' ? null : `folding the log, at ${this.#position}`;
  }

  /** Reads where the log ends now; acting begins once the follower has come that far. */
  async begin(): Promise<number> {
    this.#catchUpTo = await this.#ports.log.head();
    if (this.#catchUpTo === 0) await this.#goLive();
    return 1;
  }

  async onEvent(stored: StoredEvent): Promise<void> {
    this.#position = stored.position;
    this.#apply(stored);
    if (this.#state === 'live') await this.#act();
    else if (this.#state === 'folding' && stored.position >= this.#catchUpTo) await this.#goLive();
  }

  onModuleDestroy(): void {
    this.#state = 'ended';
    clearTimeout(this.#timer);
  }

  #apply(stored: StoredEvent): void {
    const { position } = stored;
    if (this.#appliedAhead.delete(position)) return;
    if (!stored.ok) {
      this.#logger.error(
        { position, undecodable: stored.undecodable },
        'this event cannot be read and is not scheduled by',
      );
      return;
    }
    const { event } = stored;
    this.#schedule.apply({ position, event });
    if (isEvaluationEvent(event)) this.#stalls.clear(event.data.evaluationId);
    // Of another life or another scheduler: whether it came to push it, we cannot know.
    if (this.#state === 'live' && event.type === 'crucible.trial.dispatched.v1')
      this.#mustPush({ ...event.data, position });
    // Whose item it was nobody can read: any that still waits may be the one. Executors drop those that they have.
    if (this.#state === 'live' && event.type === 'crucible.dead-letter.recorded.v1' && isSpoiltItem(event))
      this.#pushAgain(position);
    // Executors let go of what a stop held back, so that it does not come to them again and again for days.
    if (this.#state === 'live' && event.type === 'crucible.stop.released.v1') this.#pushAgain(position);
  }

  /** @param round position of the event that asks for it */
  #pushAgain(round: number): void {
    for (const item of this.#schedule.awaitingExecutor()) this.#mustPush(item, round);
  }

  async #goLive(): Promise<void> {
    for (const item of this.#schedule.awaitingExecutor()) this.#mustPush(item);
    this.#state = 'live';
    this.#logger.info({ position: this.#position, inFlight: this.#schedule.inFlight }, 'schedule rebuilt from the log');
    await this.#act();
  }

  #mustPush({ evaluationId, trialId, position }: WorkItem, round?: number): void {
    const item = { evaluationId, trialId, position };
    this.#unpushed.set(`${evaluationId}.${trialId}`, round === undefined ? { item } : { item, round });
  }

  /** One run at a time: the timer and the follower may both ask. */
  #act(): Promise<void> {
    this.#acting = this.#acting.then(() => this.#actOnce());
    return this.#acting;
  }

  /** Never fails: an event that was applied must not be held back because of what could not be written in answer to it. */
  async #actOnce(): Promise<void> {
    let nowMs = this.#ports.now();
    try {
      await this.#pushAll();
      // Behind somebody else's write we know less than the log: its event will wake us.
      while (this.#state === 'live' && this.#position >= this.#catchUpTo) {
        nowMs = this.#ports.now();
        const action = this.#schedule.next(nowMs, (id) => this.#stalls.waits(id, nowMs));
        if (action === null) break;
        await this.#perform(action);
      }
      this.#busFailures = 0;
    } catch (error) {
      this.#busFailures += 1;
      this.#logger.error({ err: error }, 'the bus does not take what is due, trying again');
    }
    this.#wakeLater(nowMs);
  }

  async #pushAll(): Promise<void> {
    for (const [key, { item, round }] of this.#unpushed) {
      await this.#ports.queue.push(POOL, item, round);
      this.#unpushed.delete(key);
    }
  }

  /** @param nowMs the time at which nothing was due: what has fallen due since then is still ahead of us, and not behind */
  #wakeLater(nowMs: number): void {
    clearTimeout(this.#timer);
    if (this.#state !== 'live') return;
    const busRetryMs = Math.min(BUS_RETRY_LAST_MS, BUS_RETRY_FIRST_MS * 2 ** Math.min(10, this.#busFailures));
    const times =
      this.#busFailures > 0 ? [nowMs + busRetryMs] : [this.#schedule.nextDueMs(nowMs), this.#stalls.nextMs(nowMs)];
    const dueMs = times.filter((time) => time !== null);
    if (dueMs.length > 0)
      this.#timer = setTimeout(() => void this.#act(), Math.max(WAKE_FIRST_MS, Math.min(...dueMs) - this.#ports.now()));
  }

  /** @throws BusUnavailable; every other failure is the one evaluation's */
  async #perform(action: ScheduleAction): Promise<void> {
    const { evaluationId } = action;
    const cause = this.#schedule.causeOf(evaluationId);
    if (cause === undefined) return;
    try {
      await this.#write(cause, action);
      this.#stalls.clear(evaluationId);
    } catch (error) {
      if (error instanceof BusUnavailable) throw error;
      const tries = this.#stalls.add(evaluationId, this.#ports.now());
      this.#logger.error(
        { err: error, evaluationId, action: action.type, tries },
        'this evaluation cannot go on now, trying again',
      );
      if (error instanceof SuiteUnusable && tries >= UNUSABLE_TRIES_MAX) await this.#giveUp(cause, evaluationId, error);
    }
  }

  async #write(cause: CrucibleEvent, action: ScheduleAction): Promise<void> {
    const { evaluationId } = action;
    switch (action.type) {
      case 'admit':
        await this.#append(cause, subjects.evaluation(evaluationId), action.expectedSequence, {
          type: 'crucible.evaluation.admitted.v1',
          data: { evaluationId, concurrency: action.concurrency },
        });
        return;
      case 'withdraw':
        await this.#append(cause, subjects.trial(evaluationId, action.trialId), action.expectedSequence, {
          type: 'crucible.trial.withdrawn.v1',
          data: { evaluationId, trialId: action.trialId, reason: action.reason },
        });
        return;
      case 'complete':
        return this.#complete(cause, action);
      case 'dispatch':
        return this.#dispatch(cause, evaluationId, action);
    }
  }

  async #complete(cause: CrucibleEvent, action: Extract<ScheduleAction, { type: 'complete' }>): Promise<void> {
    const { evaluationId, completion } = action;
    const status = this.#schedule.isCancelling(evaluationId) ? 'cancelled' : 'completed';
    const position = await this.#append(cause, subjects.evaluation(evaluationId), action.expectedSequence, {
      type: 'crucible.evaluation.completed.v1',
      data: { evaluationId, status, ...completion },
    });
    if (position !== null) this.#logger.info({ evaluationId, status, ...completion }, 'evaluation ended');
  }

  async #dispatch(
    cause: CrucibleEvent,
    evaluationId: EvaluationId,
    { place }: Extract<ScheduleAction, { type: 'dispatch' }>,
  ): Promise<void> {
    const submission = this.#schedule.submissionOf(evaluationId);
    if (submission === undefined) return;
    const trialId = trialIdOf(place);
    const suiteDigest = submission.suite.digest;
    const sampleId = await this.#sampleIds.at(suiteDigest, place.sampleIndex);
    const position = await this.#append(cause, subjects.trial(evaluationId, trialId), 0, {
      type: 'crucible.trial.dispatched.v1',
      data: { evaluationId, trialId, sampleId, ...place, suiteDigest, pool: POOL },
    });
    if (position === null) return;
    this.#mustPush({ evaluationId, trialId, position });
    await this.#pushAll();
  }

  /** Without its suite nothing of an evaluation can run, and one that never ends helps nobody: it is cancelled, with the reason. */
  async #giveUp(cause: CrucibleEvent, evaluationId: EvaluationId, why: SuiteUnusable): Promise<void> {
    const position = await this.#append(
      cause,
      subjects.evaluation(evaluationId),
      this.#schedule.sequenceOf(evaluationId),
      {
        type: 'crucible.evaluation.cancel-requested.v1',
        data: { evaluationId, reason: `cancelled by the scheduler: ${why.message}` },
      },
    );
    if (position !== null) this.#stalls.clear(evaluationId);
  }

  /**
   * Appends and applies. On a conflict with what we have not read nothing is applied, and acting waits for the event that
   * was there first. What we have read and passed over (bytes that are no event) changes no decision: we append behind it.
   */
  async #append(
    cause: CrucibleEvent,
    subject: string,
    expectedSequence: number,
    event: NewEvent,
  ): Promise<number | null> {
    const seen = this.#position;
    const request = { subject, event, origin: inAnswerTo(NAME, cause) };
    let result = await this.#ports.log.append({ ...request, expectedSequence });
    if (
      !result.ok &&
      result.failure === 'wrong-sequence' &&
      result.lastSequence <= seen &&
      result.lastSequence !== expectedSequence
    ) {
      result = await this.#ports.log.append({ ...request, expectedSequence: result.lastSequence });
    }
    if (result.ok) {
      if (result.position > this.#position) this.#appliedAhead.add(result.position);
      this.#schedule.apply({ position: result.position, event: result.event });
      return result.position;
    }
    if (result.failure === 'oversize') throw new Error(`${event.type} would be ${result.bytes} bytes`);
    if (result.lastSequence <= seen)
      throw new Error(`${subject} is at ${result.lastSequence} and does not take ${event.type}`);
    this.#catchUpTo = Math.max(this.#catchUpTo, result.lastSequence);
    return null;
  }
}
