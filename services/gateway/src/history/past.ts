import type { EvaluationList } from '@crucible/api';
import type { EvaluationPage } from '@crucible/domain';
import type { EvaluationId } from '@crucible/events';
import type { ReadModel } from '@crucible/read-model';
import { NotFoundException } from '@nestjs/common';
import { problem, ProblemException } from '../problem.ts';
import type { Positions } from '../projection/positions.ts';
import { EvaluationsAt } from './list-at.ts';
import type { ListAtQuery } from './list-at.ts';
import type { Moments } from './moments.ts';

/** A moment of one team's past. */
export interface PastRequest {
  readonly team: string;
  readonly id: EvaluationId;
  readonly at: number;
}

/** What a team sees of a past position. The read model says what there is to see and where it lies; the log, what it was. */
export class Past {
  readonly #readModel: ReadModel;
  readonly #positions: Positions;
  readonly #moments: Moments;
  readonly #lists: EvaluationsAt;

  constructor(readModel: ReadModel, positions: Positions, moments: Moments) {
    this.#readModel = readModel;
    this.#positions = positions;
    this.#moments = moments;
    this.#lists = new EvaluationsAt(readModel, moments);
  }

  /** An evaluation with its trials. @throws ProblemException (404, 409, 422, 503), NotFoundException */
  async page({ team, id, at }: PastRequest, signal: AbortSignal): Promise<EvaluationPage> {
    await this.#positions.passed(at);
    const { evaluation } = await this.#readModel.evaluation(team, id);
    if (evaluation === null) throw new NotFoundException(`There is no evaluation ${id}.`);
    const firstPosition = await this.#firstPosition(id);
    const request = { id, at, firstPosition, lastPosition: evaluation.position };
    const page = at < firstPosition ? null : await this.#moments.page(request, signal);
    if (page !== null) return page;
    throw new ProblemException(
      problem(
        404,
        'not-yet-submitted',
        `There was no evaluation ${id} yet at position ${at}: it was submitted at position ${firstPosition}.`,
      ),
    );
  }

  async list(team: string, query: ListAtQuery, signal: AbortSignal): Promise<EvaluationList> {
    await this.#positions.passed(query.at);
    return this.#lists.list(team, query, signal);
  }

  async #firstPosition(id: EvaluationId): Promise<number> {
    const { items } = await this.#readModel.events(null, { evaluation: id, order: 'asc', limit: 1 });
    return items[0]?.position ?? 1;
  }
}
