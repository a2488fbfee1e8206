import { evaluationListQuerySchema, params } from '@crucible/api';
import { ReadModel } from '@crucible/read-model';
import { Controller, Get, Inject, NotFoundException, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { identityOf } from '../identity.ts';
import { parseRequest } from '../request.ts';
import { EventFeed } from './event-feed.ts';
import { resumeFrom, SseStream } from './sse.ts';

@Controller('api/v1')
export class StreamsController {
  constructor(
    @Inject(EventFeed) private readonly feed: EventFeed,
    @Inject(ReadModel) private readonly readModel: ReadModel,
  ) {}

  @Get('stream')
  async everyEvaluation(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { team } = identityOf(request);
    const after = resumeFrom(request);
    await this.feed.follow(new SseStream(reply), { team }, after, async () => {
      const list = await this.readModel.evaluations(team, evaluationListQuerySchema.parse({}));
      return { position: list.position, json: JSON.stringify(list) };
    });
  }

  @Get('evaluations/:id/stream')
  async evaluation(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('id') rawId: string,
  ): Promise<void> {
    const { team } = identityOf(request);
    const after = resumeFrom(request);
    const evaluationId = parseRequest(params.evaluationId, rawId);
    const { evaluation } = await this.readModel.evaluation(team, evaluationId);
    if (evaluation === null) throw new NotFoundException(`There is no evaluation ${evaluationId}.`);
    await this.feed.follow(new SseStream(reply), { team, evaluationId }, after, async () => {
      const snapshot = await this.readModel.snapshot(team, evaluationId);
      if (snapshot === null) throw new NotFoundException(`There is no evaluation ${evaluationId}.`);
      return { position: snapshot.position, json: JSON.stringify(snapshot) };
    });
  }
}
