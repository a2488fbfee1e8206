import { APICallError } from '@ai-sdk/provider';

/** What goes wrong in a reply of the flaky persona, by its turn: each kind once, then nothing, and from the beginning. */
const troubles = ['rate-limited', 'broken-stream', 'malformed-arguments', 'slow', 'unavailable', 'none'] as const;
export type Trouble = (typeof troubles)[number];

/**
 * @param attempt which attempt at this reply it is, from 1: most of what goes wrong goes right the next time
 */
export const troubleOf = (turn: number, attempt: number): Trouble => {
  const trouble = troubles[turn % troubles.length] ?? 'none';
  const recovers = trouble === 'rate-limited' || trouble === 'broken-stream' || trouble === 'unavailable';
  return recovers && attempt > 1 ? 'none' : trouble;
};

const refusal = (statusCode: number, message: string, responseHeaders: Record<string, string>): APICallError =>
  new APICallError({ message, url: 'scripted:flaky', requestBodyValues: {}, statusCode, responseHeaders });

export const rateLimited = (): APICallError =>
  refusal(429, 'the script says: too many requests', { 'retry-after': '1' });
export const unavailable = (): APICallError => refusal(503, 'the script says: overloaded', {});

/** As a connection breaks that Node reads from. */
export const brokenConnection = (): Error =>
  Object.assign(new TypeError('terminated'), {
    cause: Object.assign(new Error('the script says: closed'), { code: 'ECONNRESET' }),
  });
