import { params } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import type { Channel } from '@crucible/events';
import type { ReadModel } from '@crucible/read-model';
import { NotFoundException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AccessRecords } from '../audit/access-records.ts';
import { callerOf } from '../commands/caller.ts';
import { identityOf } from '../identity.ts';
import { parseRequest } from '../request.ts';
import type { KeptEvidence } from './kept-evidence.ts';

export interface TrialReadsPorts {
  readonly readModel: Pick<ReadModel, 'evaluation' | 'trial'>;
  readonly kept: KeptEvidence;
  readonly access: AccessRecords;
}

/** The trial that a request names, for whoever may see it and what of it. */
export class TrialReads {
  readonly #ports: TrialReadsPorts;

  constructor(ports: TrialReadsPorts) {
    this.#ports = ports;
  }

  /** The trial, once its reader is on record. @throws ProblemException (410) when what the trial printed is not kept any more */
  async findKept(request: FastifyRequest, path: unknown, ...channels: readonly Channel[]): Promise<TrialView> {
    const { kept, access } = this.#ports;
    const trial = await this.find(request, path);
    const { evaluationId, id: trialId } = trial;
    for (const channel of channels) await kept.require(trial, channel);
    for (const channel of channels) await access.evidenceRead(callerOf(request), { evaluationId, trialId, channel });
    return trial;
  }

  /** @throws NotFoundException also where another team's is meant */
  async find(request: FastifyRequest, path: unknown): Promise<TrialView> {
    const { readModel } = this.#ports;
    const { id, trialId } = path as { id: string; trialId: string };
    const evaluationId = parseRequest(params.evaluationId, id);
    const wanted = parseRequest(params.trialId, trialId);
    const { evaluation } = await readModel.evaluation(identityOf(request).team, evaluationId);
    const { trial } = evaluation === null ? { trial: null } : await readModel.trial(evaluationId, wanted);
    if (trial === null) throw new NotFoundException('There is no such trial.');
    return trial;
  }
}
