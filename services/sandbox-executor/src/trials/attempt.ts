import { evolveControl, noControl } from '@crucible/domain';
import type { Control } from '@crucible/domain';
import type { EventLog } from '@crucible/event-log';
import { placeOf, subjects, trialIdOf } from '@crucible/events';
import type { CrucibleEvent, TrialPlace } from '@crucible/events';
import type { Place } from './trial-run.ts';

/** One attempt at a trial as the log tells it: what happened, and what people asked of it. */
export interface Attempt {
  readonly place: Place;
  readonly events: readonly CrucibleEvent[];
  readonly control: Control;
}

/** Reads both subjects of an attempt, in the order of the log. @throws BusUnavailable */
export const readAttempt = async (log: Pick<EventLog, 'readSubject'>, place: Place): Promise<Attempt> => {
  const { evaluationId, trialId } = place;
  const [own, commands] = await Promise.all([
    log.readSubject(subjects.trial(evaluationId, trialId)),
    log.readSubject(subjects.trialCommand(evaluationId, trialId)),
  ]);
  const stored = [...own.events, ...commands.events].sort((one, other) => one.position - other.position);
  // Whoever may write to a subject could write there what is another's to say.
  const known = stored.flatMap((each) => (each.ok && placeOf(each.event) === each.subject ? [each] : []));
  return { place, events: known.map(({ event }) => event), control: known.reduce(evolveControl, noControl) };
};

/** The same trial's attempt of that number. */
export const attemptAt = ({ evaluationId }: Place, dispatch: TrialPlace, attempt: number): Place => ({
  evaluationId,
  trialId: trialIdOf({ ...dispatch, attempt }),
});

/** Whether an attempt ended by its executor's death, and by nothing else. */
export const wasLost = ({ events }: Pick<Attempt, 'events'>): boolean =>
  events.some((event) => event.type === 'crucible.trial.finished.v2' && event.data.reason === 'lease-lost');
