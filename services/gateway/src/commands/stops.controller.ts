import { engageStopRequestSchema, releaseStopRequestSchema, stopIdSchema } from '@crucible/api';
import type { StopAnswer } from '@crucible/api';
import { Body, Controller, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseRequest } from '../request.ts';
import { callerOf } from './caller.ts';
import { Stops } from './stops.ts';

@Controller('api/v1/stops')
export class StopsController {
  constructor(@Inject(Stops) private readonly stops: Stops) {}

  @Post()
  async engage(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() body: unknown,
  ): Promise<StopAnswer> {
    const { scope, reason } = parseRequest(engageStopRequestSchema, body ?? {});
    const { isNew, ...answer } = await this.stops.engage(scope, reason, callerOf(request));
    reply.status(isNew ? 201 : 200);
    return answer;
  }

  @Post(':id/release')
  @HttpCode(200)
  release(@Req() request: FastifyRequest, @Param('id') id: string, @Body() body: unknown): Promise<StopAnswer> {
    const { reason } = parseRequest(releaseStopRequestSchema, body ?? {});
    return this.stops.release(parseRequest(stopIdSchema, id), reason, callerOf(request));
  }
}
