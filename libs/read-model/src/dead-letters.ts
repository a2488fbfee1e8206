import type { DeadLetter } from '@crucible/api';
import { subjects } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';

/** The dead letter that an event is about, or null. */
export const deadLetterOf = (event: CrucibleEvent): string | null => {
  switch (event.type) {
    case 'crucible.dead-letter.recorded.v1':
    case 'crucible.dead-letter.redrive-requested.v1':
    case 'crucible.dead-letter.settled.v1':
      return event.data.deadLetterId;
    default:
      return null;
  }
};

/** A dead letter after one event about it. What is said of one that was never recorded changes nothing. */
export const reduceDeadLetter = (
  letter: DeadLetter | undefined,
  { event, position }: { readonly event: CrucibleEvent; readonly position: number },
): DeadLetter | undefined => {
  if (event.type === 'crucible.dead-letter.recorded.v1' && letter === undefined) {
    const { deadLetterId, consumer, stream, subject, deliveries, reason, detail } = event.data;
    return {
      id: deadLetterId,
      consumer,
      stream,
      position: event.data.position,
      subject,
      deliveries,
      reason,
      detail,
      status: 'open',
      redrives: 0,
      recordedAt: event.time,
      recordedPosition: position,
    };
  }
  if (letter === undefined) return undefined;
  if (event.type === 'crucible.dead-letter.redrive-requested.v1')
    return { ...letter, status: 'redriving', redrives: letter.redrives + 1 };
  if (event.type === 'crucible.dead-letter.settled.v1') {
    // What became of a letter is for the service to say that put it aside.
    if (event.subject !== subjects.deadLetters(letter.consumer.split('/', 1)[0] ?? '')) return letter;
    const { outcome, detail } = event.data;
    if (outcome === 'handled') return { ...letter, status: 'handled' };
    return { ...letter, status: 'open', detail: detail === '' ? letter.detail : detail };
  }
  return letter;
};
