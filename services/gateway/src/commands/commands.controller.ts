import { cancelRequestSchema, params, submitRequestSchema } from '@crucible/api';
import type { shelvedSuiteSchema } from '@crucible/api';
import type { Accepted } from '@crucible/api';
import type { Suite } from '@crucible/suite';
import { problemLine } from '@crucible/suite/load';
import { traced } from '@crucible/service-kit';
import { Body, Controller, Headers, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { problem, ProblemException } from '../problem.ts';
import { parseRequest } from '../request.ts';
import { SuiteShelf } from '../suites/suite-shelf.ts';
import { callerOf } from './caller.ts';
import { Commands } from './commands.ts';
import { narrowed } from './narrowing.ts';
import { refuseUnusableSchemas } from './subject.ts';

export const urlOf = (request: FastifyRequest, id: string): string =>
  `http://${request.headers.host ?? ''}/evaluations/${id}`;

@Controller('api/v1/evaluations')
export class CommandsController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(SuiteShelf) private readonly shelf: SuiteShelf,
  ) {}

  @Post()
  @HttpCode(202)
  async submit(
    @Req() request: FastifyRequest,
    @Body() body: unknown,
    @Headers('idempotency-key') key?: string,
  ): Promise<Accepted> {
    if (key !== undefined && !/^[\x21-\x7e]{1,200}$/.test(key)) {
      throw new ProblemException(
        problem(400, 'bad-idempotency-key', 'An Idempotency-Key has 1 to 200 visible ASCII characters without spaces.'),
      );
    }
    const asked = parseRequest(submitRequestSchema, body);
    const suite = 'name' in asked.suite ? await this.#shelved(asked.suite) : asked.suite;
    if (!('name' in asked.suite)) refuseUnusableSchemas(suite);
    const caller = callerOf(request);
    const { concurrency, subject, budget } = asked;
    const options = { concurrency, subject, budget, idempotencyKey: key };
    const accepted = await traced('submit evaluation', caller.traceparent, () =>
      this.commands.submit(suite, caller, options),
    );
    return { ...accepted, url: urlOf(request, accepted.id) };
  }

  @Post(':id/cancel')
  @HttpCode(202)
  async cancel(@Req() request: FastifyRequest, @Param('id') id: string, @Body() body: unknown): Promise<Accepted> {
    const { reason } = parseRequest(cancelRequestSchema, body ?? {});
    const accepted = await this.commands.cancel(parseRequest(params.evaluationId, id), reason, callerOf(request));
    return { ...accepted, url: urlOf(request, accepted.id) };
  }

  /** The part that is asked for of a suite that the platform has. */
  async #shelved({ name, ...part }: z.output<typeof shelvedSuiteSchema>): Promise<Suite> {
    const loaded = await this.shelf.load(name);
    if (loaded === undefined)
      throw new ProblemException(
        problem(
          404,
          'unknown-suite',
          `There is no suite "${name}" on this platform: GET /api/v1/suites lists those there are.`,
        ),
      );
    if (!loaded.ok)
      throw new ProblemException(problem(422, 'invalid-suite', loaded.problems.map(problemLine).join('\n')));
    return narrowed(loaded.suite, part);
  }
}
