import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TrialReads } from '../queries/trial-reads.ts';
import { SseStream } from './sse.ts';
import { TrialReplies } from './trial-replies.ts';

@Controller('api/v1/evaluations/:id/trials/:trialId')
export class LiveController {
  constructor(
    @Inject(TrialReads) private readonly reads: TrialReads,
    @Inject(TrialReplies) private readonly replies: TrialReplies,
  ) {}

  /** Whoever sees the words while they come has read the transcript that they go into. */
  @Get('live')
  async live(@Req() request: FastifyRequest, @Param() path: unknown, @Res() reply: FastifyReply): Promise<void> {
    await this.reads.findKept(request, path, 'transcript');
    await this.replies.follow(new SseStream(reply), () => this.reads.find(request, path));
  }
}
