import type { ModelFailure } from '@crucible/events';

/** Why an attempt gave no reply, and whether another one may. */
export interface Fault {
  readonly failure: ModelFailure;
  readonly detail: string;
  readonly retryable: boolean;
  /** What the provider asked for. */
  readonly retryAfterMs: number | null;
  /** It does less than it was asked for, for now: fewer calls at once are better. */
  readonly overload: boolean;
}

export const retryBounds = {
  firstWaitMs: 500,
  waitMsMax: 30_000,
  /** A provider that asks for longer is not waited for. */
  retryAfterMsMax: 120_000,
} as const;

const NO_RETRY = null;

/**
 * Milliseconds until the next attempt, or null when there is none. Doubles from attempt to attempt; the second half of it
 * is chance, so that calls that failed together do not come back together. Never earlier than the provider asked for.
 */
export const waitBefore = (fault: Fault, attempt: number, attemptsMax: number, random: () => number): number | null => {
  if (!fault.retryable || attempt >= attemptsMax) return NO_RETRY;
  const { firstWaitMs, waitMsMax, retryAfterMsMax } = retryBounds;
  const whole = Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(attempt - 1, 16));
  const jittered = whole / 2 + (whole / 2) * random();
  if (fault.retryAfterMs === null) return Math.round(jittered);
  if (fault.retryAfterMs > retryAfterMsMax) return NO_RETRY;
  // What was asked for is the least; the chance on top of it is small beside it.
  return Math.round(fault.retryAfterMs + Math.min(jittered, firstWaitMs) * random());
};

/** `Retry-After` as seconds or as a date, and the `retry-after-ms` that some send beside it. */
export const retryAfterOf = (headers: Readonly<Record<string, string>>, nowEpochMs: number): number | null => {
  const exact = Number(headers['retry-after-ms']);
  if (headers['retry-after-ms'] !== undefined && Number.isFinite(exact) && exact >= 0) return exact;
  const text = headers['retry-after']?.trim();
  if (text === undefined || text === '') return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1_000 : null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - nowEpochMs);
};
