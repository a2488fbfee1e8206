import { Readable } from 'node:stream';
import { kernelQuerySchema, outputQuerySchema, streamChannelsSchema, usageQuerySchema } from '@crucible/api';
import type { OutputPage, RecordPage } from '@crucible/api';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseRequest } from '../request.ts';
import { resumeFrom, SseStream } from '../streams/sse.ts';
import { TrialOutput } from './trial-output.ts';
import { TrialReads } from './trial-reads.ts';
import { TrialRecords } from './trial-records.ts';

@Controller('api/v1/evaluations/:id/trials/:trialId')
export class OutputController {
  constructor(
    @Inject(TrialReads) private readonly reads: TrialReads,
    @Inject(TrialOutput) private readonly output: TrialOutput,
    @Inject(TrialRecords) private readonly records: TrialRecords,
  ) {}

  @Get('output')
  async page(@Req() request: FastifyRequest, @Query() query: unknown, @Param() path: unknown): Promise<OutputPage> {
    const { after, limit } = parseRequest(outputQuerySchema, query);
    return this.output.page(await this.reads.findKept(request, path, 'output'), after, limit);
  }

  @Get('kernel')
  async kernel(@Req() request: FastifyRequest, @Query() query: unknown, @Param() path: unknown): Promise<RecordPage> {
    const asked = parseRequest(kernelQuerySchema, query);
    return this.records.page(await this.reads.findKept(request, path, 'kernel'), 'kernel', asked);
  }

  /** What was said. Kinds are those of its records, such as the roles of messages. */
  @Get('transcript')
  async transcript(
    @Req() request: FastifyRequest,
    @Query() query: unknown,
    @Param() path: unknown,
  ): Promise<RecordPage> {
    const asked = parseRequest(kernelQuerySchema, query);
    return this.records.page(await this.reads.findKept(request, path, 'transcript'), 'transcript', asked);
  }

  @Get('usage')
  async usage(@Req() request: FastifyRequest, @Query() query: unknown, @Param() path: unknown): Promise<RecordPage> {
    const asked = parseRequest(usageQuerySchema, query);
    return this.records.page(await this.reads.findKept(request, path, 'usage'), 'usage', asked);
  }

  /** The bytes as they were printed, stdout and stderr in the order they came. Always a download, never a page. */
  @Get('output.txt')
  async download(@Req() request: FastifyRequest, @Param() path: unknown, @Res() reply: FastifyReply): Promise<void> {
    const trial = await this.reads.findKept(request, path, 'output');
    await reply
      .header('content-type', 'text/plain; charset=utf-8')
      .header('content-disposition', `attachment; filename="trial-${trial.id}-output.txt"`)
      .send(Readable.from(this.output.bytes(trial)));
  }

  @Get('output/stream')
  async stream(@Req() request: FastifyRequest, @Param() path: unknown, @Res() reply: FastifyReply): Promise<void> {
    const after = resumeFrom(request) ?? 0;
    const { channels } = request.query as { channels?: unknown };
    const wanted = parseRequest(streamChannelsSchema, channels);
    await this.reads.findKept(request, path, ...wanted);
    await this.output.follow(new SseStream(reply), wanted, after, () => this.reads.find(request, path));
  }
}
