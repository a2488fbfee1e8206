import { Readable } from 'node:stream';
import { kernelQuerySchema, outputQuerySchema, params, streamChannelsSchema, usageQuerySchema } from '@crucible/api';
import type { OutputPage, RecordPage } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import type { Channel } from '@crucible/events';
import { ReadModel } from '@crucible/read-model';
import { Controller, Get, Inject, NotFoundException, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessRecords } from '../audit/access-records.ts';
import { callerOf } from '../commands/caller.ts';
import { identityOf } from '../identity.ts';
import { parseRequest } from '../request.ts';
import { resumeFrom, SseStream } from '../streams/sse.ts';
import { KeptEvidence } from './kept-evidence.ts';
import { TrialOutput } from './trial-output.ts';
import { TrialRecords } from './trial-records.ts';

@Controller('api/v1/evaluations/:id/trials/:trialId')
export class OutputController {
  constructor(
    @Inject(ReadModel) private readonly readModel: ReadModel,
    @Inject(TrialOutput) private readonly output: TrialOutput,
    @Inject(KeptEvidence) private readonly kept: KeptEvidence,
    @Inject(AccessRecords) private readonly access: AccessRecords,
    @Inject(TrialRecords) private readonly records: TrialRecords,
  ) {}

  @Get('output')
  async page(@Req() request: FastifyRequest, @Query() query: unknown, @Param() path: unknown): Promise<OutputPage> {
    const { after, limit } = parseRequest(outputQuerySchema, query);
    return this.output.page(await this.#findKept(request, path, 'output'), after, limit);
  }

  @Get('kernel')
  async kernel(@Req() request: FastifyRequest, @Query() query: unknown, @Param() path: unknown): Promise<RecordPage> {
    const asked = parseRequest(kernelQuerySchema, query);
    return this.records.page(await this.#findKept(request, path, 'kernel'), 'kernel', asked);
  }

  /** What was said. Kinds are those of its records, such as the roles of messages. */
  @Get('transcript')
  async transcript(
    @Req() request: FastifyRequest,
    @Query() query: unknown,
    @Param() path: unknown,
  ): Promise<RecordPage> {
    const asked = parseRequest(kernelQuerySchema, query);
    return this.records.page(await this.#findKept(request, path, 'transcript'), 'transcript', asked);
  }

  @Get('usage')
  async usage(@Req() request: FastifyRequest, @Query() query: unknown, @Param() path: unknown): Promise<RecordPage> {
    const asked = parseRequest(usageQuerySchema, query);
    return this.records.page(await this.#findKept(request, path, 'usage'), 'usage', asked);
  }

  /** The bytes as they were printed, stdout and stderr in the order they came. Always a download, never a page. */
  @Get('output.txt')
  async download(@Req() request: FastifyRequest, @Param() path: unknown, @Res() reply: FastifyReply): Promise<void> {
    const trial = await this.#findKept(request, path, 'output');
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
    await this.#findKept(request, path, ...wanted);
    await this.output.follow(new SseStream(reply), wanted, after, () => this.#find(request, path));
  }

  /** The trial, once its reader is on record. @throws ProblemException (410) when what the trial printed is not kept any more */
  async #findKept(request: FastifyRequest, path: unknown, ...channels: readonly Channel[]): Promise<TrialView> {
    const trial = await this.#find(request, path);
    const { evaluationId, id: trialId } = trial;
    for (const channel of channels) await this.kept.require(trial, channel);
    for (const channel of channels)
      await this.access.evidenceRead(callerOf(request), { evaluationId, trialId, channel });
    return trial;
  }

  async #find(request: FastifyRequest, path: unknown): Promise<TrialView> {
    const { id, trialId } = path as { id: string; trialId: string };
    const evaluationId = parseRequest(params.evaluationId, id);
    const wanted = parseRequest(params.trialId, trialId);
    const { evaluation } = await this.readModel.evaluation(identityOf(request).team, evaluationId);
    const { trial } = evaluation === null ? { trial: null } : await this.readModel.trial(evaluationId, wanted);
    if (trial === null) throw new NotFoundException('There is no such trial.');
    return trial;
  }
}
