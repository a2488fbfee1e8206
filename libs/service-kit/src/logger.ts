import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';
import type { Logger } from 'pino';

export type { Logger };

/** Structured lines on stdout. JSON escapes control characters, so hostile text cannot forge a line. */
export const createLogger = (service: string, level: string): Logger =>
  pino({
    name: service,
    level,
    base: { pid: process.pid },
    redact: ['token', '*.token', 'password', '*.password', 'headers.authorization', 'headers.cookie'],
  });

/** Nest's own messages through the same log, one step quieter. */
export class NestLogger implements LoggerService {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  log(message: unknown, context?: unknown): void {
    this.#logger.debug({ context }, String(message));
  }
  warn(message: unknown, context?: unknown): void {
    this.#logger.warn({ context }, String(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.#logger.error({ rest: rest.map(String) }, String(message));
  }
  debug(message: unknown, context?: unknown): void {
    this.#logger.trace({ context }, String(message));
  }
  verbose(message: unknown, context?: unknown): void {
    this.#logger.trace({ context }, String(message));
  }
}
