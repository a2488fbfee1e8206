import { randomUUID } from 'node:crypto';
import { ReadModel } from '@crucible/read-model';
import { evaluationIdSchema } from '@crucible/events';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { callerOf } from '../commands/caller.ts';
import { problem, ProblemException } from '../problem.ts';
import { parseRequest } from '../request.ts';
import { AccessRecords } from './access-records.ts';
import { AuditForward } from './audit-forward.ts';

const exportQuery = z.strictObject({
  purpose: z.enum(['export', 'verify']).default('export'),
  evaluation: evaluationIdSchema.optional(),
  evidence: z.enum(['true', 'false']).default('true'),
});
const position = z.string().regex(/^[1-9]\d{0,14}$/, 'must be a position of the log, from 1');

/** Anything but GET would read the whole and throw it away. */
const requireGet = ({ method }: FastifyRequest): void => {
  if (method !== 'GET') throw new ProblemException(problem(405, 'method-not-allowed', 'This is only read: use GET.'));
};

/** A browser that asks for it gets no page either: nothing below `/audit/` is one. */
const notFound = (detail: string): ProblemException => new ProblemException(problem(404, 'not-found', detail));

/** What the audit service serves, under the gateway's address: see docs/decisions/009-audit-behind-the-gateway.md. */
@Controller('audit')
export class AuditController {
  constructor(
    @Inject(AuditForward) private readonly audit: AuditForward,
    @Inject(AccessRecords) private readonly records: AccessRecords,
    @Inject(ReadModel) private readonly readModel: ReadModel,
  ) {}

  @Get(['checkpoint', 'key', 'status'])
  async plain(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    requireGet(request);
    const path = pathOf(request);
    // The router also takes whole URLs (RFC 9112, section 3.2.2) and knows only their paths.
    if (!/^\/audit\/[a-z]+$/.test(path)) throw notFound('There is nothing at this address.');
    await this.audit.send(path, reply);
  }

  @Get('tile/*')
  async tile(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    requireGet(request);
    const path = pathOf(request);
    // Only what a tile's address is made of goes on; which of them there are is the audit service's to say.
    if (!/^\/audit\/tile\/[a-z\d/.]{1,60}$/.test(path) || path.includes('..')) throw notFound('There is no such tile.');
    await this.audit.send(path, reply);
  }

  @Get('proof/:position')
  async proof(
    @Req() request: FastifyRequest,
    @Param('position') at: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireGet(request);
    await this.audit.send(`/audit/proof/${parseRequest(position, at)}`, reply);
  }

  @Get('export')
  async export(@Req() request: FastifyRequest, @Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    requireGet(request);
    const { purpose, evaluation, evidence } = parseRequest(exportQuery, query);
    const caller = callerOf(request);
    if (evaluation !== undefined && (await this.readModel.evaluation(caller.team, evaluation)).evaluation === null)
      throw notFound(`There is no evaluation ${evaluation}.`);
    await this.records.logExported(caller, {
      exportId: randomUUID(),
      purpose,
      evaluationId: evaluation ?? null,
    });
    const asked = new URLSearchParams({ evidence, ...(evaluation === undefined ? {} : { evaluation }) });
    const name = evaluation === undefined ? 'crucible-log' : `crucible-evaluation-${evaluation}`;
    await this.audit.send(`/audit/export?${asked.toString()}`, reply, {
      'content-disposition': `attachment; filename="${name}.ndjson"`,
    });
  }
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';
