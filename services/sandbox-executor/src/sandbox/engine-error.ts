import type { Preflight } from '@crucible/events';

/** The engine refused or did not answer. `message` is fit for a person. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError';
}

/** A sandbox was made and is not what was asked for. It has run nothing, and is being destroyed. */
export class PreflightMiss extends EngineError {
  override readonly name = 'PreflightMiss';
  /** All checks, also those that held. */
  readonly checks: Preflight['checks'];

  constructor(checks: Preflight['checks']) {
    const missed = checks.filter((check) => !check.held).map(({ name, seen }) => `${name} (${seen})`);
    super(`isolation not proven: ${missed.join(', ')}`);
    this.checks = checks;
  }
}

const CHARS_MAX = 600;

const field = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;

const wordsOf = (error: unknown): string => {
  const json = field(error, 'json');
  const inBody = field(json, 'message');
  const own = error instanceof Error ? error.message : String(error);
  return (typeof inBody === 'string' ? inBody : own).slice(0, CHARS_MAX);
};

/** The one table of what an engine's failures mean. Matching is on its status code or the socket's code, then on its words. */
const table: readonly { readonly when: (code: unknown, words: string) => boolean; readonly says: string }[] = [
  { when: (code) => code === 'ENOENT', says: 'the container engine is not running: its socket does not exist' },
  {
    when: (code) => code === 'ECONNREFUSED',
    says: 'the container engine is not running: nobody listens on its socket',
  },
  { when: (code) => code === 'EACCES', says: 'no permission to use the container engine socket' },
  {
    when: (code) => code === 'ECONNRESET' || code === 'EPIPE',
    says: 'the container engine closed the connection',
  },
  {
    when: (code) => code === 'ABORT_ERR' || code === 'TimeoutError',
    says: 'the container engine did not answer in time',
  },
  { when: (_, words) => /no such image/i.test(words), says: 'the engine does not have the sandbox image' },
  {
    when: (_, words) => /unknown runtime|unknown or invalid runtime/i.test(words),
    says: 'the engine does not know the sandbox runtime',
  },
  { when: (_, words) => /no such container/i.test(words), says: 'the sandbox is gone' },
];

/** One readable sentence for anything dockerode throws. */
export const engineErrorText = (error: unknown): string => {
  const words = wordsOf(error);
  const named = field(error, 'name');
  const code = field(error, 'code') ?? field(error, 'statusCode');
  const row = table.find((entry) => entry.when(code, words) || (named === 'TimeoutError' && entry.when(named, words)));
  return row ? `${row.says} (${words})` : words;
};

export const isGone = (error: unknown): boolean => field(error, 'statusCode') === 404;
const isConflict = (error: unknown): boolean => field(error, 'statusCode') === 409;
/** Of a kill: it has ended already. */
export const isNotRunning = isConflict;
/** Someone else is doing what was asked. */
export const isBeingRemoved = (error: unknown): boolean =>
  isConflict(error) && /already in progress/i.test(wordsOf(error));
