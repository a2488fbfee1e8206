import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import cookie from '@fastify/cookie';
import files from '@fastify/static';
import type { Foundation } from '@crucible/service-kit';
import { platformMaxima } from '@crucible/suite';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditAccess } from './audit/audit-forward.ts';
import { createGate } from './auth/gate.ts';
import { Sessions } from './auth/sessions.ts';
import type { Config } from './config.ts';
import { Pages } from './pages/pages.ts';
import { problem, ProblemFilter, sendProblem } from './problem.ts';
import { securityHeaders } from './security-headers.ts';

/** A suite at its largest, written as JSON with its escapes, and a little around it. */
const BODY_BYTES_MAX = platformMaxima.suiteBytes + 8 * 1024 ** 2;
const REQUEST_MS_MAX = 60_000;

export const createAdapter = ({ CRUCIBLE_TRUSTED_PROXIES: proxies }: Config): FastifyAdapter =>
  new FastifyAdapter({
    ...(proxies.length === 0 ? {} : { trustProxy: proxies }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
    // An address that cannot even be decoded never reaches a hook.
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply.headers(securityHeaders), problem(400, 'bad-request', error.message)),
  });

export const readAuditAccess = async (config: Config): Promise<AuditAccess | undefined> => {
  const { CRUCIBLE_AUDIT_URL: url, CRUCIBLE_AUDIT_TOKEN_FILE: file } = config;
  if (url === undefined || file === undefined) return undefined;
  return { url, token: (await readFile(file, 'utf8')).trim() };
};

export const readSessions = async ({ CRUCIBLE_TOKEN_FILE }: Config): Promise<Sessions> =>
  new Sessions((await readFile(CRUCIBLE_TOKEN_FILE, 'utf8')).trim(), () => Date.now());

/** Cookies know no ports: two platforms on one host need two names. */
export const cookieNameFor = ({ CRUCIBLE_PORT }: Config): string => `crucible_${CRUCIBLE_PORT}`;

/** The framework would read forms too; a body is JSON or there is none. */
const refuseOtherThanJson = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
  const { 'content-length': length = '0', 'transfer-encoding': chunked, 'content-type': type = '' } = request.headers;
  const isJson = /^application\/json\s*(;|$)/i.test(type);
  if (isJson || (length === '0' && chunked === undefined)) return undefined;
  sendProblem(
    reply,
    problem(415, 'unsupported-media-type', 'A body must be JSON, and say so: "Content-Type: application/json".'),
  );
  return reply;
};

/** Ways in and out, which change no record. */
const SESSION_PATHS = new Set(['/api/v1/login-links', '/api/v1/logout']);

/** In an archive every change is refused in one place, those of later routes too. */
const refuseChanges = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
  if (['GET', 'HEAD'].includes(request.method) || SESSION_PATHS.has(request.url.split('?', 1)[0] ?? ''))
    return undefined;
  sendProblem(
    reply,
    problem(409, 'read-only', 'This platform is an archive: it shows what was recorded and takes no commands.'),
  );
  return reply;
};

/** What stands before Nest's routes: the gate, headers of every answer, the UI's files. */
export const prepareHttp = async (
  app: NestFastifyApplication,
  { config, logger }: Foundation<Config>,
  sessions: Sessions,
): Promise<void> => {
  const fastify = app.getHttpAdapter().getInstance();
  await app.register(cookie);
  fastify.addHook(
    'onRequest',
    createGate({
      sessions,
      cookieName: cookieNameFor(config),
      bind: config.CRUCIBLE_BIND,
      allowedHosts: config.CRUCIBLE_ALLOWED_HOSTS,
    }),
  );
  if (config.CRUCIBLE_READ_ONLY) fastify.addHook('onRequest', refuseChanges);
  fastify.addHook('onRequest', refuseOtherThanJson);
  fastify.addHook('onSend', async (_request, reply) => {
    for (const [name, value] of Object.entries(securityHeaders)) if (!reply.hasHeader(name)) reply.header(name, value);
    // Closing while the client still sends resets the connection, and the reason never arrives: what comes is read away.
    if (reply.statusCode === 413) reply.removeHeader('connection');
  });
  const pages = new Pages(config.CRUCIBLE_WEB_DIR);
  app.useGlobalFilters(new ProblemFilter(logger, (request, reply) => pages.answer(request, reply)));
  // The files below know folders only to refuse them.
  fastify.get('/', async (request, reply) => {
    await pages.answer(request, reply);
    return reply;
  });
  await app.register(files, {
    root: config.CRUCIBLE_WEB_DIR,
    prefix: '/',
    index: false,
    wildcard: true,
    // The build names its files by their content, so those never change.
    setHeaders: (reply, path) =>
      void reply.header(
        'cache-control',
        path.includes('/immutable/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ),
  });
  await app.register(files, {
    root: join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui/package.json')), 'static'),
    prefix: '/api/docs/assets/',
    decorateReply: false,
    index: false,
  });
};
