import type { EventLog } from '@crucible/event-log';
import { problem, ProblemException } from '../problem.ts';
import type { LivePosition } from './live-position.ts';

const WAIT_MS_MAX = 5_000;

const notReached = (detail: string): ProblemException =>
  new ProblemException(problem(409, 'position-not-reached', detail));
/** Told apart from the above: asking again does not help. */
const beyondTheLog = (detail: string): ProblemException => new ProblemException(problem(409, 'beyond-the-log', detail));

/** What answers wait for: that the read model is as far as they are asked to be. */
export class Positions {
  readonly #live: LivePosition;
  readonly #log: Pick<EventLog, 'head'>;

  constructor(live: LivePosition, log: Pick<EventLog, 'head'>) {
    this.#live = live;
    this.#log = log;
  }

  /** Waits until the read model reached a position: a submitter can read its own write. @throws ProblemException (409) when it does not in time */
  async reached(position = 0): Promise<void> {
    if (await this.#live.reached(position, WAIT_MS_MAX)) return;
    throw notReached(`The read model is at ${this.#live.position} and has not reached ${position} yet; ask again.`);
  }

  /** Waits likewise for a moment to look back at. @throws ProblemException (409), at once when the log has no such position */
  async passed(at: number): Promise<void> {
    if (this.#live.position >= at) return;
    const head = await this.#log.head();
    if (at > head) throw beyondTheLog(`The log ends at ${head}: there is no position ${at} yet.`);
    await this.reached(at);
  }
}
