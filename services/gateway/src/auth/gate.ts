import '@fastify/cookie';
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isOpenToAll } from '../audit/open-paths.ts';
import type { Identity } from '../identity.ts';
import { problem, sendProblem } from '../problem.ts';
import { clientAddressOf } from './client-address.ts';
import type { Sessions } from './sessions.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, once the gate let them in. */
    crucible?: Identity;
  }
}

const HEALTH_PATHS = new Set(['/healthz', '/readyz']);
const SAFE_METHODS = new Set(['GET', 'HEAD']);
/** A page of another origin cannot set this header without a preflight, which is never granted. */
export const REQUEST_HEADER = 'x-crucible-request';

export interface GateOptions {
  readonly sessions: Sessions;
  readonly cookieName: string;
  readonly bind: string;
  readonly allowedHosts: readonly string[];
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

const hostIsOurs = (host: string, { bind, allowedHosts }: GateOptions): boolean => {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const openToAll = bind === '0.0.0.0' || bind === '::';
  // An address cannot be rebound; only names can.
  if (openToAll && isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true;
  return [...LOOPBACK_NAMES, bind, ...allowedHosts].includes(name);
};

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

const identify = (request: FastifyRequest, { sessions, cookieName }: GateOptions): 'token' | 'session' | undefined => {
  const authorization = request.headers.authorization;
  if (authorization !== undefined)
    return authorization.startsWith('Bearer ') && sessions.tokenIsRight(authorization.slice(7)) ? 'token' : undefined;
  const cookie = request.cookies[cookieName];
  return cookie !== undefined && sessions.sessionIsRight(cookie) ? 'session' : undefined;
};

/** First hook of every request, before any body is read: strangers get health, login and the hashes of the log, nothing else. */
export const createGate =
  (options: GateOptions) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!hostIsOurs(request.headers.host ?? '', options)) {
      sendProblem(
        reply,
        problem(
          421,
          'wrong-host',
          `This gateway is not called "${(request.headers.host ?? '').slice(0, 100)}". Use its address, or add the name to CRUCIBLE_ALLOWED_HOSTS.`,
        ),
      );
      return reply;
    }
    const path = pathOf(request);
    if (HEALTH_PATHS.has(path) || isOpenToAll(request.method, path)) return;
    // A HEAD, as previews of links send it, must not use the link up.
    if (path === '/login' && request.method === 'GET') return;
    const authMethod = identify(request, options);
    if (authMethod === undefined) return refuse(path, reply);
    if (
      authMethod === 'session' &&
      !SAFE_METHODS.has(request.method) &&
      request.headers[REQUEST_HEADER] === undefined
    ) {
      sendProblem(
        reply,
        problem(403, 'cross-site', `A browser must send the header ${REQUEST_HEADER} with every change.`),
      );
      return reply;
    }
    request.crucible = {
      actor: 'user:local',
      team: 'default',
      authMethod,
      clientAddress: clientAddressOf(request),
    };
  };

const refuse = (path: string, reply: FastifyReply): FastifyReply => {
  if (path.startsWith('/api/') || path.startsWith('/audit/')) {
    sendProblem(
      reply,
      problem(
        401,
        'unauthenticated',
        'Send "Authorization: Bearer <token>" (the token is in secrets/token of the platform\'s home), or come by a login link: ./crucible status',
      ),
    );
    return reply;
  }
  return sendLoginPage(reply);
};

/** What a browser without a session gets, with the one policy that lets its own style apply. */
export const sendLoginPage = (reply: FastifyReply): FastifyReply =>
  reply
    .status(401)
    .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
    .type('text/html; charset=utf-8')
    .send(LOGIN_PAGE);

/** Self-contained: a stranger gets no other file of ours. */
const LOGIN_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Crucible: log in</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem}code{font:0.95em ui-monospace,monospace;padding:.15em .4em;border-radius:4px;background:color-mix(in srgb,currentColor 10%,transparent)}h1{font-size:1.4rem}</style></head>
<body><h1>Crucible needs a login link</h1><p>Links are good for one use within fifteen minutes. Make a new one in a terminal:</p><p><code>./crucible status</code></p><p>and open the address it prints.</p></body></html>`;
