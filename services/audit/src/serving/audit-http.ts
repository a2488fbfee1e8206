import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Logger } from '@crucible/service-kit';
import { Refusal, sendRefusal } from './answers.ts';

/** A connection on which nothing moves for so long, as with a reader that has stopped reading, is ended. */
const IDLE_MS_MAX = 60_000;
const CONNECTIONS_MAX = 200;

/** Answers one request, or throws a Refusal. `match` is what the route's path matched. */
export type Answer = (
  request: { readonly match: RegExpExecArray; readonly query: URLSearchParams; readonly signal: AbortSignal },
  response: ServerResponse,
) => Promise<void> | void;

export interface Route {
  readonly path: RegExp;
  /** Whether it is answered without the token: true for what reveals hashes only. */
  readonly open: boolean;
  readonly answer: Answer;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The audit service's own HTTP side, for the gateway, which forwards to it. */
export class AuditHttp {
  readonly #server: Server;
  readonly #routes: readonly Route[];
  readonly #token: Buffer;
  readonly #logger: Logger;

  constructor(routes: readonly Route[], token: string, logger: Logger) {
    this.#routes = routes;
    this.#token = digest(token);
    this.#logger = logger;
    this.#server = createServer(
      { requestTimeout: 30_000 },
      (request, response) => void this.#handle(request, response),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.setTimeout(IDLE_MS_MAX);
  }

  listen(port: number, host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    response.on('error', () => undefined);
    try {
      await this.#answer(request, response, gone.signal);
    } catch (error) {
      // A client that went away has no use for a reason.
      if (gone.signal.aborted) return;
      if (!(error instanceof Refusal)) this.#logger.error({ err: error, url: request.url }, 'request failed');
      if (response.headersSent) return void response.destroy();
      sendRefusal(
        response,
        error instanceof Refusal ? error : new Refusal(503, 'audit-unavailable', `It failed: ${String(error)}`),
      );
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const found = this.#routes.find((route) => route.path.test(path));
    if (found?.open !== true && !this.#tokenIsRight(request.headers.authorization))
      throw new Refusal(401, 'unauthenticated', 'This needs the audit token: ask through the gateway.');
    const match = found?.path.exec(path) ?? null;
    if (found === undefined || match === null)
      throw new Refusal(404, 'not-found', 'There is nothing at this address of the audit service.');
    if (request.method !== 'GET') throw new Refusal(405, 'method-not-allowed', 'This is only read: use GET.');
    await found.answer({ match, query: new URLSearchParams(query), signal }, response);
  }

  #tokenIsRight(authorization: string | undefined): boolean {
    if (authorization?.startsWith('Bearer ') !== true) return false;
    return timingSafeEqual(digest(authorization.slice('Bearer '.length)), this.#token);
  }
}
