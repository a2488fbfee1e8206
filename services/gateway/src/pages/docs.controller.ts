import { buildOpenApi } from '@crucible/api';
import { Controller, Get, Header, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Crucible API</title>
<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css"></head>
<body><div id="swagger-ui"></div><script src="/api/docs/assets/swagger-ui-bundle.js"></script><script src="/api/docs/start.js"></script></body></html>`;

const start = `SwaggerUIBundle({ url: '/api/v1/openapi.json', dom_id: '#swagger-ui', deepLinking: true, requestInterceptor: (request) => { request.headers['X-Crucible-Request'] = '1'; return request; } });`;

/** The API's description, for machines and for people. */
@Controller('api')
export class DocsController {
  #document: unknown;

  @Get('v1/openapi.json')
  openApi(): unknown {
    return (this.#document ??= buildOpenApi());
  }

  @Get('docs')
  @Header(
    'content-security-policy',
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'",
  )
  docs(@Res() reply: FastifyReply): void {
    void reply.type('text/html; charset=utf-8').send(page);
  }

  @Get('docs/start.js')
  start(@Res() reply: FastifyReply): void {
    void reply.type('text/javascript; charset=utf-8').send(start);
  }
}
