import type { Control, Dispatch, SentMessage } from '@crucible/domain';
import type { TrialId } from '@crucible/events';
import type { Suite } from '@crucible/suite';
import { attemptAt, readAttempt, wasLost } from '../trials/attempt.ts';
import type { Attempt } from '../trials/attempt.ts';
import type { Place } from '../trials/trial-run.ts';
import { isGoneOnWith } from './plan.ts';
import { answeredIn, provenIn, transcriptOf } from './resume.ts';
import type { ResumePorts } from './resume.ts';

/**
 * What people asked of the attempts that this one takes the place of, and what nobody has heeded yet. Commands lie on the
 * subject of one attempt, and people mean the trial.
 */
export interface Carried {
  /** The attempt whose pause goes on; null when the trial is not to be held. */
  readonly pausedIn: TrialId | null;
  /** Said and not answered yet, in the order of the log. */
  readonly messages: readonly SentMessage[];
  readonly termination: Control['termination'];
}

export const nothingCarried: Carried = { pausedIn: null, messages: [], termination: null };

/** Places in the log of what an attempt's subject heard, as far as the attempt that follows it does not hear it anew. */
const heardIn = async (
  ports: ResumePorts,
  attempt: Attempt,
  { solver }: Pick<Suite, 'solver'>,
): Promise<ReadonlySet<number>> => {
  const bytes = await transcriptOf(ports, attempt.place);
  // Where nobody can tell, it is said twice and not lost.
  if (bytes === null) return new Set();
  const goesOn = isGoneOnWith(solver) && wasLost(attempt);
  return (goesOn ? provenIn(bytes)?.heard : undefined) ?? answeredIn(bytes);
};

/**
 * Whatever the suite makes of the conversation itself, the last word of people on the trial holds. A trial that somebody runs
 * again is another one, with a wish of its own: it has no earlier attempts.
 * @throws BusUnavailable
 */
export const carriedTo = async (
  ports: ResumePorts,
  place: Place,
  dispatch: Dispatch,
  suite: Pick<Suite, 'solver'>,
): Promise<Carried> => {
  let carried = nothingCarried;
  for (let number = 1; number < dispatch.attempt; number += 1) {
    const attempt = await readAttempt(ports.log, attemptAt(place, dispatch, number));
    const { isPauseAsked, termination } = attempt.control;
    const said = [...carried.messages, ...attempt.control.messages];
    const heard = said.length === 0 ? new Set() : await heardIn(ports, attempt, suite);
    carried = {
      pausedIn: isPauseAsked ? attempt.place.trialId : null,
      messages: said.filter(({ position }) => !heard.has(position)),
      termination: carried.termination ?? termination,
    };
  }
  return carried;
};
