import type { FastifyReply } from 'fastify';
import { problem, ProblemException } from '../problem.ts';

/** Aborted when the client has gone before it had its answer: what is read for nobody is not read on. */
export const departureOf = ({ raw }: FastifyReply): AbortSignal => {
  const departure = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished)
      departure.abort(new ProblemException(problem(499, 'client-gone', 'The client left before it had its answer.')));
  });
  return departure.signal;
};
