import { isDeepStrictEqual } from 'node:util';
import { decideTrial } from '@crucible/domain';
import type { Dispatch, Finish } from '@crucible/domain';
import { BusUnavailable } from '@crucible/event-log';
import type { NewEvent } from '@crucible/events';
import type { LoadedTrial, TrialLog } from './trial-log.ts';

const BUS_RETRY_MS = 500;
/** Others write to a running trial's subject seldom: to settle it when they believe it lost. */
const CONFLICTS_MAX = 8;

/** What may be told of a trial beside its start and its end: it changes nothing about where the trial stands. */
export type TrialNote = NewEvent<
  | 'crucible.alert.raised.v1'
  | 'crucible.sandbox.kill-confirmed.v1'
  | 'crucible.trial.model-called.v2'
  | 'crucible.trial.tool-called.v1'
  | 'crucible.trial.approval-requested.v1'
  | 'crucible.trial.approval-decided.v1'
  | 'crucible.trial.paused.v1'
  | 'crucible.trial.budget-reached.v1'
>;

/** Does it again for as long as the bus is away. */
export const busBack = async <T>(work: () => Promise<T>): Promise<T> => {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUS_RETRY_MS));
    }
  }
};

/**
 * The one pen for a trial that this executor runs. What is written goes one after another, each resting on the sequence
 * of the last, so that an end is always behind every note that was asked for before it. Waits for a bus that is away for
 * as long as it takes: what happened is not lost.
 */
export class OpenTrial {
  readonly #log: TrialLog;
  readonly #dispatch: Dispatch;
  #known: LoadedTrial;
  #writing: Promise<unknown> = Promise.resolve();

  /** @param known the trial just behind its start */
  constructor(log: TrialLog, known: LoadedTrial, dispatch: Dispatch) {
    this.#log = log;
    this.#known = known;
    this.#dispatch = dispatch;
  }

  /** Whose trial it is. */
  get team(): string {
    return this.#known.cause?.team ?? 'default';
  }

  /**
   * Writes a note. Its position, or null when the trial's subject could not be won in a few attempts. A note that is still
   * to be known has its place in the line all the same; it may come to be null, and then nothing is written.
   */
  note(note: TrialNote | Promise<TrialNote | null>): Promise<number | null> {
    if (!(note instanceof Promise)) return this.#inTurn(() => note);
    let known: TrialNote | null = null;
    this.#writing = Promise.all([this.#writing, note.then((told) => (known = told))]);
    return this.#inTurn(() => known);
  }

  /** Ends the trial, behind all notes. Null when another has ended it meanwhile. */
  finish(finish: Finish): Promise<number | null> {
    return this.#inTurn(({ state }) => {
      const decision = decideTrial({ type: 'finish', finish }, state);
      return decision.accepted ? decision.event : null;
    });
  }

  #inTurn(eventFor: (known: LoadedTrial) => NewEvent | null): Promise<number | null> {
    const mine = this.#writing.then(() => busBack(() => this.#write(eventFor)));
    this.#writing = mine.catch(() => undefined);
    return mine;
  }

  async #write(eventFor: (known: LoadedTrial) => NewEvent | null): Promise<number | null> {
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
      const event = eventFor(this.#known);
      if (event === null) return null;
      const position = await this.#log.append(this.#known, event);
      if (position === null) {
        const earlier = await this.#lookAgain(event);
        if (earlier !== undefined) return earlier;
        continue;
      }
      this.#known = { ...this.#known, lastSequence: position };
      return position;
    }
    return null;
  }

  /** Where an event stands that was written although the answer never came; undefined when somebody else wrote. */
  async #lookAgain(event: NewEvent): Promise<number | undefined> {
    const { evaluationId, trialId } = this.#dispatch;
    this.#known = await this.#log.load(evaluationId, trialId);
    const same = this.#known.events.find(
      (stored) => stored.ok && stored.event.type === event.type && isDeepStrictEqual(stored.event.data, event.data),
    );
    return same?.position;
  }
}
