const second = 1_000;
const minute = 60 * second;

/** Waits after the first, second, ... failed attempt; the last one is for all further ones. */
const WAITS_MS = [second, 5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, 60 * minute, 120 * minute];
/** Up to this share is added, so that what failed together does not come back together. */
const JITTER = 0.2;

/**
 * How long to wait after a failed attempt.
 * @param attempt the one that failed, from 1
 * @param random from 0 to 1
 */
export const retryDelayMs = (attempt: number, random: number): number => {
  const base = WAITS_MS[Math.min(attempt, WAITS_MS.length) - 1] ?? second;
  return Math.round(base * (1 + JITTER * random));
};
