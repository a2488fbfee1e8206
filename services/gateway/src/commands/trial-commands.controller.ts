import { decisionRequestSchema, params, sendMessageRequestSchema, trialReasonRequestSchema } from '@crucible/api';
import type { TrialCommandAccepted } from '@crucible/api';
import type { ControlCommand } from '@crucible/domain';
import { uuidSchema } from '@crucible/events';
import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { parseRequest } from '../request.ts';
import { callerOf } from './caller.ts';
import { decisionOf, TrialCommands } from './trial-commands.ts';

interface TrialPath {
  readonly id: string;
  readonly trialId: string;
}

/** What people ask of a running trial of a model or an agent. */
@Controller('api/v1/evaluations/:id/trials/:trialId')
export class TrialCommandsController {
  constructor(@Inject(TrialCommands) private readonly commands: TrialCommands) {}

  @Post('pause')
  @HttpCode(202)
  pause(
    @Req() request: FastifyRequest,
    @Param() path: TrialPath,
    @Body() body: unknown,
  ): Promise<TrialCommandAccepted> {
    return this.#ask(request, path, { type: 'pause', ...parseRequest(trialReasonRequestSchema, body ?? {}) });
  }

  @Post('resume')
  @HttpCode(202)
  resume(
    @Req() request: FastifyRequest,
    @Param() path: TrialPath,
    @Body() body: unknown,
  ): Promise<TrialCommandAccepted> {
    return this.#ask(request, path, { type: 'resume', ...parseRequest(trialReasonRequestSchema, body ?? {}) });
  }

  @Post('terminate')
  @HttpCode(202)
  terminate(
    @Req() request: FastifyRequest,
    @Param() path: TrialPath,
    @Body() body: unknown,
  ): Promise<TrialCommandAccepted> {
    return this.#ask(request, path, { type: 'terminate', ...parseRequest(trialReasonRequestSchema, body ?? {}) });
  }

  @Post('messages')
  @HttpCode(202)
  send(@Req() request: FastifyRequest, @Param() path: TrialPath, @Body() body: unknown): Promise<TrialCommandAccepted> {
    return this.#ask(request, path, { type: 'send-message', ...parseRequest(sendMessageRequestSchema, body) });
  }

  @Post('approvals/:approvalId')
  @HttpCode(202)
  decide(
    @Req() request: FastifyRequest,
    @Param() path: TrialPath & { readonly approvalId: string },
    @Body() body: unknown,
  ): Promise<TrialCommandAccepted> {
    const asked = parseRequest(decisionRequestSchema, body);
    const approvalId = parseRequest(uuidSchema, path.approvalId);
    const decision = decisionOf(asked);
    return this.#ask(request, path, { type: 'decide-approval', approvalId, decision, reason: asked.reason });
  }

  async #ask(request: FastifyRequest, path: TrialPath, command: ControlCommand): Promise<TrialCommandAccepted> {
    const evaluationId = parseRequest(params.evaluationId, path.id);
    const trialId = parseRequest(params.trialId, path.trialId);
    const position = await this.commands.ask({ evaluationId, trialId }, command, callerOf(request));
    return { evaluationId, trialId, position };
  }
}
