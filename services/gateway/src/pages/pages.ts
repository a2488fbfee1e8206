import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';

interface Index {
  readonly changedMs: number;
  readonly html: string;
  readonly policy: string;
}

const NOT_BUILT = 'The web UI is not built: ./crucible up builds it.';

/** Only our own files, plus the start-up scripts that the build put into the page, each by its hash. */
export const policyFor = (html: string): string => {
  const inline = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  );
  return [
    "default-src 'self'",
    ["script-src 'self'", ...inline].join(' '),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
};

/** The built UI's one page, for every address that is not a file or the API. */
export class Pages {
  readonly #file: string;
  #index: Index | undefined;

  constructor(webDir: string) {
    this.#file = join(webDir, 'index.html');
  }

  /** Answers with the page where a browser asks for one; false when the address is the API's or a file's. */
  async answer(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const path = request.url.split('?', 1)[0] ?? '/';
    const wantsPage = request.method === 'GET' && !path.startsWith('/api/') && !/\.[a-z0-9]+$/i.test(path);
    if (!wantsPage) return false;
    const index = await this.#read();
    if (index === undefined) void reply.status(503).type('text/plain; charset=utf-8').send(NOT_BUILT);
    else
      void reply
        .status(200)
        .header('content-security-policy', index.policy)
        .header('cache-control', 'no-cache')
        .type('text/html; charset=utf-8')
        .send(index.html);
    return true;
  }

  async #read(): Promise<Index | undefined> {
    const changedMs = await stat(this.#file).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (changedMs === undefined) return undefined;
    if (this.#index?.changedMs !== changedMs) {
      const html = await readFile(this.#file, 'utf8');
      this.#index = { changedMs, html, policy: policyFor(html) };
    }
    return this.#index;
  }
}
