import '@fastify/cookie';
import { BadRequestException, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { identityOf } from '../identity.ts';
import { sendLoginPage } from './gate.ts';
import { Sessions } from './sessions.ts';

export const COOKIE_NAME = Symbol('cookie name');

@Controller()
export class AuthController {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(COOKIE_NAME) private readonly cookieName: string,
  ) {}

  /** A link that logs one browser in, for the holder of the token to open or hand on. */
  @Post('api/v1/login-links')
  @HttpCode(201)
  makeLink(@Req() request: FastifyRequest): { url: string; expiresAt: string } {
    if (request.crucible?.authMethod !== 'token')
      throw new BadRequestException('login links are made with the token, not from a session');
    const { code, expiresAtMs } = this.sessions.makeCode();
    return {
      url: `http://${request.headers.host ?? ''}/login?code=${code}`,
      expiresAt: new Date(expiresAtMs).toISOString(),
    };
  }

  @Get('login')
  login(@Query('code') code: unknown, @Res() reply: FastifyReply): void {
    const session = typeof code === 'string' ? this.sessions.redeem(code) : undefined;
    if (session === undefined) {
      void sendLoginPage(reply);
      return;
    }
    void reply
      .setCookie(this.cookieName, session.cookie, {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        maxAge: session.maxAgeS,
      })
      .header('cache-control', 'no-store')
      .redirect('/', 303);
  }

  @Get('api/v1/session')
  session(@Req() request: FastifyRequest): { actor: string; team: string } {
    const { actor, team } = identityOf(request);
    return { actor, team };
  }

  @Post('api/v1/logout')
  @HttpCode(204)
  logout(@Res({ passthrough: true }) reply: FastifyReply): void {
    void reply.clearCookie(this.cookieName, { path: '/' });
  }
}
