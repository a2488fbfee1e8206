import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import { problem, ProblemException } from '../problem.ts';
import { securityHeaders } from '../security-headers.ts';

/** A connection on which nothing moves for so long is ended: the audit service hangs, or the client reads no more. */
const IDLE_MS_MAX = 60_000;
const CONNECTIONS_MAX = 100;
const PASSED_ON = ['content-type', 'content-length', 'cache-control'] as const;

const unavailable = (detail: string): ProblemException =>
  new ProblemException(
    problem(503, 'audit-unavailable', `${detail} The log itself is not touched by this; try again.`),
  );

export interface AuditAccess {
  readonly url: string;
  readonly token: string;
}

/** Hands requests on to the audit service and its answers back, as they come: nothing is held but a buffer. */
export class AuditForward {
  readonly #access: AuditAccess | undefined;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_MS_MAX });

  /** @param access undefined where no audit service was named */
  constructor(access: AuditAccess | undefined) {
    this.#access = access;
  }

  /**
   * @param path address and query at the audit service
   * @param headers of the answer, in addition
   * @throws ProblemException (503) when the audit service gives no answer
   */
  async send(path: string, reply: FastifyReply, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.#access === undefined) throw unavailable('This platform runs no audit service.');
    // A path may be a whole URL, and the token goes where it leads.
    const target = new URL(path, this.#access.url);
    if (target.origin !== new URL(this.#access.url).origin) throw new Error('a path leads away from the audit service');
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const answer = await this.#ask(target, this.#access.token, gone.signal);
    if (answer.statusCode === 401) {
      answer.destroy();
      throw unavailable('The audit service does not know this gateway.');
    }
    const passed = PASSED_ON.flatMap((name) =>
      answer.headers[name] === undefined ? [] : [[name, answer.headers[name]]],
    );
    reply.hijack();
    reply.raw.writeHead(answer.statusCode ?? 503, {
      ...securityHeaders,
      ...(Object.fromEntries(passed) as Record<string, string>),
      ...(answer.statusCode === 200 ? headers : {}),
    });
    reply.raw.flushHeaders();
    // Cut where the audit service broke off: a client must not take a part for the whole.
    await pipeline(answer, reply.raw).catch(() => reply.raw.destroy());
  }

  async #ask(target: URL, token: string, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}` };
        const asking = request(target, { agent: this.#agent, headers, signal, timeout: IDLE_MS_MAX });
        asking.on('timeout', () => asking.destroy(new Error(`nothing for ${IDLE_MS_MAX} ms`)));
        asking.on('response', resolve).on('error', reject).end();
      });
    } catch (error) {
      throw unavailable(
        `The audit service cannot be reached (${(error as NodeJS.ErrnoException).code ?? 'no answer'}).`,
      );
    }
  }
}
