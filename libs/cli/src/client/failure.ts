import { UsageFailure } from '../exit.ts';

const withRemedy = (message: string, remedy: string | undefined): string =>
  remedy === undefined ? message : `${message}\n       ${remedy}`;

/** The user asked for something that cannot be: exit code 2. */
export const misuse = (message: string, remedy?: string): UsageFailure => new UsageFailure(withRemedy(message, remedy));

/** What was asked for did not come about: exit code 1. */
export const failed = (message: string, remedy?: string, cause?: unknown): Error =>
  new Error(withRemedy(message, remedy), { cause });
