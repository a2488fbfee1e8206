import { eraseEvidenceRequestSchema, params } from '@crucible/api';
import type { Accepted } from '@crucible/api';
import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { parseRequest } from '../request.ts';
import { callerOf } from './caller.ts';
import { urlOf } from './commands.controller.ts';
import { Erasures } from './erasures.ts';

@Controller('api/v1/evaluations')
export class ErasuresController {
  constructor(@Inject(Erasures) private readonly erasures: Erasures) {}

  @Post(':id/evidence/erase')
  @HttpCode(202)
  async erase(@Req() request: FastifyRequest, @Param('id') rawId: string, @Body() body: unknown): Promise<Accepted> {
    const id = parseRequest(params.evaluationId, rawId);
    const { trial, reason } = parseRequest(eraseEvidenceRequestSchema, body ?? {});
    const accepted = await this.erasures.request(id, trial ?? null, reason, callerOf(request));
    return { ...accepted, url: urlOf(request, accepted.id) };
  }
}
