import { eventListQuerySchema, historyQuerySchema, momentQuerySchema, params } from '@crucible/api';
import type { EvaluationSnapshot, EventAnswer, EventList, HistoryPage } from '@crucible/api';
import { ReadModel } from '@crucible/read-model';
import { Controller, Get, Inject, NotFoundException, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { identityOf } from '../identity.ts';
import { Positions } from '../projection/positions.ts';
import { parseRequest } from '../request.ts';
import { departureOf } from './departure.ts';
import { EventRecords } from './event-records.ts';
import { Past } from './past.ts';
import { inOrder } from './trials-at.ts';

const eventPosition = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a position of the log')
  .transform(Number)
  .pipe(z.int().min(1));

/** The log itself: an evaluation's events, all events as a list, one event whole, and a page's beginning at any moment. */
@Controller('api/v1')
export class HistoryController {
  constructor(
    @Inject(ReadModel) private readonly readModel: ReadModel,
    @Inject(Positions) private readonly positions: Positions,
    @Inject(Past) private readonly past: Past,
    @Inject(EventRecords) private readonly records: EventRecords,
  ) {}

  @Get('evaluations/:id/snapshot')
  async snapshot(
    @Req() request: FastifyRequest,
    @Param('id') rawId: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EvaluationSnapshot> {
    const { at, position } = parseRequest(momentQuerySchema, query);
    const id = parseRequest(params.evaluationId, rawId);
    const { team } = identityOf(request);
    await this.positions.reached(position);
    if (at !== undefined) {
      const page = await this.past.page({ team, id, at }, departureOf(reply));
      return { evaluation: page.evaluation, trials: inOrder(page), position: at };
    }
    const snapshot = await this.readModel.snapshot(team, id);
    if (snapshot === null) throw new NotFoundException(`There is no evaluation ${id}.`);
    return snapshot;
  }

  @Get('evaluations/:id/events')
  async history(
    @Req() request: FastifyRequest,
    @Param('id') rawId: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HistoryPage> {
    const { position: wanted, after, limit } = parseRequest(historyQuerySchema, query);
    const id = parseRequest(params.evaluationId, rawId);
    await this.positions.reached(wanted);
    const { evaluation, position } = await this.readModel.evaluation(identityOf(request).team, id);
    if (evaluation === null) throw new NotFoundException(`There is no evaluation ${id}.`);
    return this.records.page({ id, after, limit, upTo: position }, departureOf(reply));
  }

  @Get('events')
  async list(@Req() request: FastifyRequest, @Query() query: unknown): Promise<EventList> {
    const { position, ...asked } = parseRequest(eventListQuerySchema, query);
    await this.positions.reached(position);
    return this.readModel.events(identityOf(request).team, asked);
  }

  @Get('events/:position')
  async event(@Req() request: FastifyRequest, @Param('position') raw: string): Promise<EventAnswer> {
    const position = parseRequest(eventPosition, raw);
    const found = await this.records.one(identityOf(request).team, position);
    if (found === null) throw new NotFoundException(`There is no event at position ${position}.`);
    return found;
  }
}
