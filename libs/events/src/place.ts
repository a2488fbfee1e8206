import type { CrucibleEvent } from './envelope.ts';
import { subjects } from './subjects.ts';
import type { EventType } from './catalogue.ts';

const service = (source: string): string => source.slice(source.lastIndexOf('/') + 1);

/** The service of a consumer's name, as `notifier/webhook`. */
const serviceOf = (consumer: string): string => consumer.split('/', 1)[0] ?? '';

/**
 * The one subject on which an event may stand: its aggregate's, as its type, data, team and source tell. Who may write
 * where is kept by the server; that a subject holds nothing but its own events, whoever wrote them, is kept by its readers.
 */
export const placeOf = (event: CrucibleEvent<EventType>): string => {
  switch (event.type) {
    case 'crucible.evaluation.submitted.v1':
    case 'crucible.evaluation.submitted.v2':
    case 'crucible.evaluation.admitted.v1':
    case 'crucible.evaluation.cancel-requested.v1':
    case 'crucible.evaluation.completed.v1':
    case 'crucible.evidence.erase-requested.v1':
      return subjects.evaluation(event.data.evaluationId);
    case 'crucible.trial.dispatched.v1':
    case 'crucible.trial.withdrawn.v1':
    case 'crucible.trial.started.v1':
    case 'crucible.trial.started.v2':
    case 'crucible.trial.finished.v1':
    case 'crucible.trial.finished.v2':
    case 'crucible.trial.model-called.v1':
    case 'crucible.trial.model-called.v2':
    case 'crucible.trial.tool-called.v1':
    case 'crucible.trial.approval-requested.v1':
    case 'crucible.trial.budget-reached.v1':
    case 'crucible.trial.pause-carried.v1':
    case 'crucible.trial.paused.v1':
    case 'crucible.sandbox.kill-confirmed.v1':
    case 'crucible.alert.raised.v1':
      return subjects.trial(event.data.evaluationId, event.data.trialId);
    case 'crucible.trial.pause-requested.v1':
    case 'crucible.trial.resumed.v1':
    case 'crucible.trial.message-sent.v1':
    case 'crucible.trial.termination-requested.v1':
      return subjects.trialCommand(event.data.evaluationId, event.data.trialId);
    case 'crucible.trial.approval-decided.v1': {
      // An executor can say that nobody answered, and cannot answer in a person's place.
      const { evaluationId, trialId, decision } = event.data;
      return decision.kind === 'expired'
        ? subjects.trial(evaluationId, trialId)
        : subjects.trialCommand(evaluationId, trialId);
    }
    case 'crucible.executor.started.v1':
    case 'crucible.executor.stopped.v1':
    case 'crucible.executor.health-changed.v1':
    case 'crucible.executor.reaped.v1':
    case 'crucible.executor.reaped.v2':
    case 'crucible.executor.rules-loaded.v1':
    case 'crucible.executor.models-loaded.v1':
    case 'crucible.executor.images-loaded.v1':
    case 'crucible.stop.applied.v1':
      return subjects.platform('executor');
    case 'crucible.delivery.succeeded.v1':
    case 'crucible.delivery.failed.v1':
      return subjects.platform('delivery');
    case 'crucible.evidence.erased.v1':
      return subjects.platform('evidence');
    case 'crucible.stop.engaged.v1':
    case 'crucible.stop.released.v1':
      return subjects.platform('stop');
    case 'crucible.alert.acknowledged.v1':
    case 'crucible.evidence.read.v1':
    case 'crucible.log.exported.v1':
      return subjects.team(event.team);
    case 'crucible.dead-letter.recorded.v1':
      // Ids of letters are derived from their consumers, so another's could be taken before it is there.
      return subjects.deadLetters(serviceOf(event.data.consumer));
    case 'crucible.dead-letter.settled.v1':
      return subjects.deadLetters(service(event.source));
    case 'crucible.dead-letter.redrive-requested.v1':
      return subjects.platform('redrive');
  }
};
