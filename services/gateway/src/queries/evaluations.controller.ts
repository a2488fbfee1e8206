import { evaluationListQuerySchema, momentQuerySchema, params, trialListQuerySchema } from '@crucible/api';
import type { EvaluationAnswer, EvaluationList, Platform, TrialAnswer, TrialList } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import { ReadModel } from '@crucible/read-model';
import { StoredSuites } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { Controller, Get, Inject, NotFoundException, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { departureOf } from '../history/departure.ts';
import { Past } from '../history/past.ts';
import { trialsAt } from '../history/trials-at.ts';
import { identityOf } from '../identity.ts';
import { Positions } from '../projection/positions.ts';
import { parseRequest } from '../request.ts';

const VERSION = '0.1.0';

/** Evaluations and trials, as they are or, with `?at=`, as they were. `?position=` waits until the read model is that far. */
@Controller('api/v1')
export class EvaluationsController {
  constructor(
    @Inject(ReadModel) private readonly readModel: ReadModel,
    @Inject(Positions) private readonly positions: Positions,
    @Inject(Past) private readonly past: Past,
    @Inject(StoredSuites) private readonly suites: StoredSuites,
  ) {}

  @Get('evaluations')
  async list(
    @Req() request: FastifyRequest,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EvaluationList> {
    const { team } = identityOf(request);
    const { at, position, ...asked } = parseRequest(evaluationListQuerySchema, query);
    await this.positions.reached(position);
    if (at === undefined) return this.readModel.evaluations(team, asked);
    return this.past.list(team, { ...asked, at }, departureOf(reply));
  }

  @Get('evaluations/:id')
  async show(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EvaluationAnswer> {
    const { at, position } = parseRequest(momentQuerySchema, query);
    await this.positions.reached(position);
    if (at === undefined) return this.#find(request, id);
    const { evaluation } = await this.past.page(this.#requestOf(request, id, at), departureOf(reply));
    const stop = await this.readModel.stopOver(evaluation.team, evaluation.id, at);
    return { evaluation, stop, position: at };
  }

  /** As it was submitted: what a retry takes its samples from, whatever has become of the files. */
  @Get('evaluations/:id/suite')
  async suite(@Req() request: FastifyRequest, @Param('id') id: string): Promise<Suite> {
    const { evaluation } = await this.#find(request, id);
    return this.suites.get(evaluation.suite.digest);
  }

  @Get('evaluations/:id/trials')
  async trials(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TrialList> {
    const { at, position, ...asked } = parseRequest(trialListQuerySchema, query);
    await this.positions.reached(position);
    if (at !== undefined)
      return trialsAt(await this.past.page(this.#requestOf(request, id, at), departureOf(reply)), at, asked);
    const { evaluation } = await this.#find(request, id);
    return this.readModel.trials(evaluation.id, asked);
  }

  @Get('evaluations/:id/trials/:trialId')
  async trial(
    @Req() request: FastifyRequest,
    @Param() path: { readonly id: string; readonly trialId: string },
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TrialAnswer> {
    const { at, position } = parseRequest(momentQuerySchema, query);
    const { evaluation } = await this.#find(request, path.id);
    const trialId = parseRequest(params.trialId, path.trialId);
    await this.positions.reached(position);
    if (at !== undefined) {
      const page = await this.past.page(this.#requestOf(request, path.id, at), departureOf(reply));
      return { ...(await this.#withSample(evaluation.suite.digest, page.trials.get(trialId))), position: at };
    }
    const found = await this.readModel.trial(evaluation.id, trialId);
    return { ...(await this.#withSample(evaluation.suite.digest, found.trial)), position: found.position };
  }

  @Get('platform')
  async platform(): Promise<Platform> {
    return { version: VERSION, ...(await this.readModel.platform()) };
  }

  #requestOf(request: FastifyRequest, rawId: string, at: number): Parameters<Past['page']>[0] {
    return { team: identityOf(request).team, id: parseRequest(params.evaluationId, rawId), at };
  }

  async #withSample(
    digest: string,
    trial: TrialView | null | undefined,
  ): Promise<Pick<TrialAnswer, 'trial' | 'sample'>> {
    if (trial === null || trial === undefined) throw new NotFoundException('This evaluation has no such trial.');
    const sample = (await this.suites.get(digest)).dataset.samples[trial.sampleIndex];
    if (sample === undefined) throw new NotFoundException(`The suite has no sample ${trial.sampleIndex}.`);
    return { trial, sample };
  }

  async #find(request: FastifyRequest, rawId: string): Promise<EvaluationAnswer> {
    const id = parseRequest(params.evaluationId, rawId);
    const { evaluation, stop, position } = await this.readModel.evaluation(identityOf(request).team, id);
    if (evaluation === null) throw new NotFoundException(`There is no evaluation ${id}.`);
    return { evaluation, stop, position };
  }
}
