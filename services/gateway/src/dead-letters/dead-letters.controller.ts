import { deadLetterIdSchema, deadLetterListQuerySchema } from '@crucible/api';
import type { DeadLetter, DeadLetterList, RedriveAccepted } from '@crucible/api';
import { ReadModel } from '@crucible/read-model';
import { Controller, Get, HttpCode, Inject, NotFoundException, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../commands/caller.ts';
import { problem, ProblemException } from '../problem.ts';
import { parseRequest } from '../request.ts';
import { Redrives } from './redrives.ts';

/** What consumers put aside. It belongs to the platform and to no team: whoever is logged in may see it and ask for it again. */
@Controller('api/v1/dead-letters')
export class DeadLettersController {
  constructor(
    @Inject(ReadModel) private readonly readModel: ReadModel,
    @Inject(Redrives) private readonly redrives: Redrives,
  ) {}

  @Get()
  list(@Query() query: unknown): Promise<DeadLetterList> {
    return this.readModel.deadLetters(parseRequest(deadLetterListQuerySchema, query));
  }

  @Get(':id')
  async show(@Param('id') rawId: string): Promise<DeadLetter> {
    const id = parseRequest(deadLetterIdSchema, rawId);
    const letter = await this.readModel.deadLetter(id);
    if (letter === null) throw new NotFoundException(`There is no dead letter ${id}.`);
    return letter;
  }

  @Post(':id/redrive')
  @HttpCode(202)
  async redrive(@Req() request: FastifyRequest, @Param('id') rawId: string): Promise<RedriveAccepted> {
    const letter = await this.show(rawId);
    if (letter.status === 'handled')
      throw new ProblemException(problem(409, 'already-handled', `Dead letter ${letter.id} was handled since.`));
    return { id: letter.id, position: await this.redrives.request(letter.id, callerOf(request)) };
  }
}
