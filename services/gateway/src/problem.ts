import type { Problem } from '@crucible/api';
import { isDatabaseAway, BadCursor } from '@crucible/read-model';
import { BusUnavailable, ContentCorrupt, ContentMissing } from '@crucible/event-log';
import { displayable } from '@crucible/events';
import type { Logger } from '@crucible/service-kit';
import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** An RFC 9457 problem. `kind` becomes its type; `detail` names what is wrong and the remedy, and may quote the caller. */
export const problem = (status: number, kind: string, detail: string, errors?: Problem['errors']): Problem => ({
  type: `urn:crucible:problem:${kind}`,
  title: kind.replaceAll('-', ' '),
  status,
  detail: displayable(detail),
  ...(errors === undefined ? {} : { errors: errors.map((each) => ({ ...each, pointer: displayable(each.pointer) })) }),
});

export const sendProblem = (reply: FastifyReply, body: Problem): void => {
  void reply.status(body.status).type('application/problem+json').send(JSON.stringify(body));
};

/** Thrown where the answer is a problem. */
export class ProblemException extends Error {
  override readonly name = 'ProblemException';
  readonly problem: Problem;

  constructor(body: Problem) {
    super(body.detail);
    this.problem = body;
  }
}

const kinds: Readonly<Record<number, string>> = {
  400: 'bad-request',
  401: 'unauthenticated',
  404: 'not-found',
  413: 'too-large',
  415: 'unsupported-media-type',
};
const fromStatus = (status: number, message: string): Problem => problem(status, kinds[status] ?? 'refused', message);

/** What the framework throws before a route is reached, such as for a body that is no JSON. */
const isClientError = (error: unknown): error is Error & { readonly statusCode: number } => {
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return error instanceof Error && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
};

/** Every failure that has a name, as a problem; undefined for what we did not foresee. */
export const toProblem = (error: unknown): Problem | undefined => {
  if (error instanceof ProblemException) return error.problem;
  if (error instanceof BadCursor)
    return problem(400, 'bad-cursor', 'This cursor was not made by this platform: start again without one.');
  if (error instanceof BusUnavailable)
    return problem(
      503,
      'event-log-unavailable',
      'The event log cannot be reached just now; whether a change was written is not known. Try again, with the same Idempotency-Key if you sent one.',
    );
  if (error instanceof ContentMissing || error instanceof ContentCorrupt)
    return problem(404, 'content-missing', 'The suite that this was run from is no longer kept by this platform.');
  if (isDatabaseAway(error))
    return problem(
      503,
      'read-model-unavailable',
      'The read model cannot be reached just now. Nothing is lost; try again.',
    );
  if (error instanceof HttpException) return fromStatus(error.getStatus(), error.message);
  if (isClientError(error)) return fromStatus(error.statusCode, error.message);
  return undefined;
};

/** Every failure of a request as problem+json. What we did not foresee is logged and told to the caller without its inside. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;
  readonly #page: (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

  /** @param page answers an unknown path with the UI where a browser asks for a page, and says whether it did */
  constructor(logger: Logger, page: (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>) {
    this.#logger = logger;
    this.#page = page;
  }

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const known = toProblem(error);
    if (known === undefined)
      this.#logger.error({ err: error, method: request.method, url: request.url }, 'request failed');
    // An answer that has begun, as an event stream has, cannot become another: it is cut, and its reader asks again.
    if (reply.sent) return void reply.raw.destroy();
    // The health endpoint's answer is a shape of its own.
    if (error instanceof HttpException && error.getStatus() === 503)
      return void reply.status(503).send(error.getResponse());
    if (known?.status === 404 && error instanceof HttpException && (await this.#page(request, reply))) return;
    sendProblem(reply, known ?? problem(500, 'internal', 'The platform failed at this request; its log says why.'));
  }
}
