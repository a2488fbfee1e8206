import { z } from 'zod';
import { evaluationIdSchema, trialIdSchema } from './ids.ts';

/** What the shapes of events are made of. */
export const count = z.int().min(0);
export const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');
/** Text written by people or suites: bounded, because an event is small by contract. */
export const label = z.string().max(200);
export const prose = z.string().max(2_000);

/** The trial that an event is about. */
export const trialPlace = z.object({
  evaluationId: evaluationIdSchema,
  trialId: trialIdSchema,
});
