import { approvalListQuerySchema, callListQuerySchema, params } from '@crucible/api';
import type { ApprovalList, CallList } from '@crucible/api';
import { ReadModel } from '@crucible/read-model';
import { Controller, Get, Inject, NotFoundException, Param, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { identityOf } from '../identity.ts';
import { Positions } from '../projection/positions.ts';
import { parseRequest } from '../request.ts';

/** What trials called, and what of it waits for a person. */
@Controller('api/v1')
export class CallsController {
  constructor(
    @Inject(ReadModel) private readonly readModel: ReadModel,
    @Inject(Positions) private readonly positions: Positions,
  ) {}

  @Get('evaluations/:id/trials/:trialId/calls')
  async calls(
    @Req() request: FastifyRequest,
    @Param() path: { readonly id: string; readonly trialId: string },
    @Query() query: unknown,
  ): Promise<CallList> {
    const { position, ...asked } = parseRequest(callListQuerySchema, query);
    const evaluationId = parseRequest(params.evaluationId, path.id);
    const trialId = parseRequest(params.trialId, path.trialId);
    await this.positions.reached(position);
    const { evaluation } = await this.readModel.evaluation(identityOf(request).team, evaluationId);
    const { trial } = evaluation === null ? { trial: null } : await this.readModel.trial(evaluationId, trialId);
    if (trial === null) throw new NotFoundException('There is no such trial.');
    return this.readModel.calls(evaluationId, trialId, asked);
  }

  @Get('approvals')
  async approvals(@Req() request: FastifyRequest, @Query() query: unknown): Promise<ApprovalList> {
    const { position } = parseRequest(approvalListQuerySchema, query);
    await this.positions.reached(position);
    return this.readModel.waitingApprovals(identityOf(request).team);
  }
}
