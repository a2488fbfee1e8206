import type { Origin } from '@crucible/events';
import { currentTraceparent } from '@crucible/service-kit';
import type { FastifyRequest } from 'fastify';
import { identityOf } from '../identity.ts';
import type { Identity } from '../identity.ts';

/** Who asks for a change, how they proved it and from where: written into the event that the change is. */
export interface Caller extends Identity {
  /** W3C traceparent of the request, for what it causes to go on with. */
  readonly traceparent?: string | undefined;
}

/** An id of zeros is none, by the standard. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export const callerOf = (request: FastifyRequest): Caller => {
  const { traceparent } = request.headers;
  const usable = typeof traceparent === 'string' && TRACEPARENT.test(traceparent);
  return { ...identityOf(request), ...(usable ? { traceparent } : {}) };
};

/** The origin of every event that a request of a person causes. */
export const originOf = (caller: Caller, correlationId: string): Origin => ({
  source: 'gateway',
  team: caller.team,
  actor: caller.actor,
  authMethod: caller.authMethod,
  clientAddress: caller.clientAddress,
  correlationId,
  traceparent: currentTraceparent() ?? caller.traceparent,
});
