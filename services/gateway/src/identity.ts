import { UnauthorizedException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Who asks, as the gate found out. */
export interface Identity {
  readonly actor: string;
  readonly team: string;
  /** How they proved who they are. */
  readonly authMethod: 'token' | 'session';
  /** Address the request came from, as far as we can see. */
  readonly clientAddress: string;
}

/** Who asks. The gate has set it on every request that got this far. */
export const identityOf = (request: FastifyRequest): Identity => {
  if (request.crucible === undefined) throw new UnauthorizedException();
  return request.crucible;
};
