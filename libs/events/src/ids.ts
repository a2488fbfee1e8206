import { z } from 'zod';

/** A UUID in lower case. Event ids are version 7, so they sort by the time they were made. */
export const uuidSchema = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a lower-case UUID');

export const eventIdSchema = uuidSchema.brand<'EventId'>();
export const evaluationIdSchema = uuidSchema.brand<'EvaluationId'>();
/** `<sample index>-<epoch>-<attempt>`: derived, so that asking twice for one trial names the same trial. */
export const trialIdSchema = z
  .string()
  .regex(/^\d{1,7}-\d{1,4}-\d{1,3}$/, 'must be <sample index>-<epoch>-<attempt>')
  .brand<'TrialId'>();

export type EventId = z.infer<typeof eventIdSchema>;
export type EvaluationId = z.infer<typeof evaluationIdSchema>;
export type TrialId = z.infer<typeof trialIdSchema>;

/** Where a trial stands in its evaluation. `sampleIndex` counts from 0, `epoch` and `attempt` from 1. */
export interface TrialPlace {
  readonly sampleIndex: number;
  readonly epoch: number;
  readonly attempt: number;
}

export const trialIdOf = (place: TrialPlace): TrialId =>
  trialIdSchema.parse(`${place.sampleIndex}-${place.epoch}-${place.attempt}`);

const HEX_DIGITS_OF_TIME = 12;

/**
 * UUID version 7 (RFC 9562, section 5.7). Time and randomness are arguments, so that the pure parts stay repeatable.
 * @param nowMs milliseconds since 1970, at most 48 bits
 * @param random 16 bytes, of which 74 bits are used
 * @throws RangeError when either is not that
 */
export const uuidv7 = (nowMs: number, random: Uint8Array): string => {
  if (!(nowMs >= 0 && nowMs < 2 ** 48)) throw new RangeError(`uuidv7 cannot tell the time ${nowMs}`);
  const bytes = Array.from(random.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (bytes.length !== 32) throw new RangeError('uuidv7 needs 16 random bytes');
  const time = Math.trunc(nowMs).toString(16).padStart(HEX_DIGITS_OF_TIME, '0').slice(-HEX_DIGITS_OF_TIME);
  const variant = ((Number.parseInt(bytes.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${bytes.slice(13, 16)}-${variant}${bytes.slice(17, 20)}-${bytes.slice(20)}`;
};
