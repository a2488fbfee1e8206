import type { Acknowledged } from '@crucible/api';
import type { EventLog } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { ReadModel } from '@crucible/read-model';
import { problem, ProblemException } from '../problem.ts';
import { originOf } from './caller.ts';
import type { Caller } from './caller.ts';

/** Takes down who looked at an alert. Two at once may both be written: the first counts, as its reducer has it. */
export class Acknowledgements {
  readonly #log: Pick<EventLog, 'append'>;
  readonly #readModel: Pick<ReadModel, 'alert'>;

  constructor(log: Pick<EventLog, 'append'>, readModel: Pick<ReadModel, 'alert'>) {
    this.#log = log;
    this.#readModel = readModel;
  }

  /** @throws ProblemException when the team has no such alert, or somebody has acknowledged it */
  async acknowledge(id: Acknowledged['id'], note: string, caller: Caller): Promise<Acknowledged> {
    const { alert } = await this.#readModel.alert(caller.team, id);
    if (alert === null) throw new ProblemException(problem(404, 'not-found', `There is no alert ${id}.`));
    if (alert.acknowledged !== null)
      throw new ProblemException(
        problem(
          409,
          'already-acknowledged',
          `Alert ${id} was acknowledged by ${alert.acknowledged.by} at ${alert.acknowledged.at}.`,
        ),
      );
    const { evaluationId, trialId } = alert;
    const result = await this.#log.append({
      subject: subjects.team(caller.team),
      event: { type: 'crucible.alert.acknowledged.v1', data: { evaluationId, trialId, alertId: id, note } },
      origin: originOf(caller, evaluationId),
    });
    if (result.ok) return { id, position: result.position };
    throw new ProblemException(
      result.failure === 'oversize'
        ? problem(413, 'too-large', `The event would be ${result.bytes} bytes.`)
        : problem(409, 'busy', 'The log is being changed by many at once; try again.'),
    );
  }
}
