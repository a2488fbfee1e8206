import {
  acknowledgeRequestSchema,
  alertIdSchema,
  alertListQuerySchema,
  momentQuerySchema,
  stopListQuerySchema,
} from '@crucible/api';
import type { Acknowledged, AlertAnswer, AlertList, RuleList, StopList } from '@crucible/api';
import { ReadModel } from '@crucible/read-model';
import { Body, Controller, Get, HttpCode, Inject, NotFoundException, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Acknowledgements } from '../commands/acknowledgements.ts';
import { callerOf } from '../commands/caller.ts';
import { identityOf } from '../identity.ts';
import { Positions } from '../projection/positions.ts';
import { parseRequest } from '../request.ts';

/** What detectors found and what was stopped, now or, with `?at=`, as it was. */
@Controller('api/v1')
export class AlertsController {
  constructor(
    @Inject(ReadModel) private readonly readModel: ReadModel,
    @Inject(Positions) private readonly positions: Positions,
    @Inject(Acknowledgements) private readonly acknowledgements: Acknowledgements,
  ) {}

  @Get('alerts')
  async alerts(@Req() request: FastifyRequest, @Query() query: unknown): Promise<AlertList> {
    const { position, ...asked } = parseRequest(alertListQuerySchema, query);
    await this.#reached(position, asked.at);
    const list = await this.readModel.alerts(identityOf(request).team, asked);
    return asked.at === undefined ? list : { ...list, position: asked.at };
  }

  @Get('alerts/:id')
  async alert(
    @Req() request: FastifyRequest,
    @Param('id') rawId: string,
    @Query() query: unknown,
  ): Promise<AlertAnswer> {
    const { at, position } = parseRequest(momentQuerySchema, query);
    const id = parseRequest(alertIdSchema, rawId);
    await this.#reached(position, at);
    const { alert, ...answer } = await this.readModel.alert(identityOf(request).team, id, at);
    if (alert === null) throw new NotFoundException(`There is no alert ${id}.`);
    return { alert, position: at ?? answer.position };
  }

  @Post('alerts/:id/acknowledge')
  @HttpCode(202)
  async acknowledge(
    @Req() request: FastifyRequest,
    @Param('id') rawId: string,
    @Body() body: unknown,
  ): Promise<Acknowledged> {
    const { note } = parseRequest(acknowledgeRequestSchema, body ?? {});
    return this.acknowledgements.acknowledge(parseRequest(alertIdSchema, rawId), note, callerOf(request));
  }

  @Get('stops')
  async stops(@Req() request: FastifyRequest, @Query() query: unknown): Promise<StopList> {
    const { position, ...asked } = parseRequest(stopListQuerySchema, query);
    await this.#reached(position, asked.at);
    const list = await this.readModel.stops(identityOf(request).team, asked);
    return asked.at === undefined ? list : { ...list, position: asked.at };
  }

  @Get('rules')
  rules(): Promise<RuleList> {
    return this.readModel.rules();
  }

  async #reached(position: number | undefined, at: number | undefined): Promise<void> {
    await this.positions.reached(position);
    if (at !== undefined) await this.positions.passed(at);
  }
}
