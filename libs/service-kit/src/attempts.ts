import type { DeadLetters } from './dead-letters.ts';
import { isBusAway } from './dead-letters.ts';
import type { Logger } from './logger.ts';

/** Failures of a handler at one message until it is put aside, unless a source says otherwise. */
export const handlerAttemptsMax = 8;
export const RETRY_FIRST_MS = 100;
export const RETRY_LAST_MS = 10_000;

/** How a source puts aside what cannot be handled. Without it a message is tried for ever. */
export interface Letters {
  readonly deadLetters: DeadLetters;
  /** Name of the consumer within its service. */
  readonly consumer: string;
  /** Failures of the handler, in one process, until a message is put aside. */
  readonly attemptsMax?: number;
  /**
   * Failures that are not the message's fault and are waited out, uncounted: something that handling needs is away. The bus
   * is always one of them.
   */
  readonly isAway?: (error: unknown) => boolean;
}

export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });

/** Wait after the failure numbered from 1, doubling, bounded. */
export const retryMs = (failure: number): number =>
  Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(20, failure - 1));

export const isAwayFor = (letters: Letters, error: unknown): boolean =>
  isBusAway(error) || letters.isAway?.(error) === true;

/**
 * Does the work again for as long as what it needs is away.
 * @throws what the work throws otherwise, or the last reason to wait when the signal ends the waiting
 */
export const whileAway = async <T>(
  letters: Letters,
  work: () => Promise<T>,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<T> => {
  for (let waits = 1; ; waits += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isAwayFor(letters, error) || signal.aborted) throw error;
      logger.warn({ err: error, waits, consumer: letters.consumer }, 'waiting for what handling needs');
      await pause(retryMs(waits), signal);
      if (signal.aborted) throw error;
    }
  }
};
