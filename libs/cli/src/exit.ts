/** Exit codes of every verb: the public contract of the command line. */
export const exitCodes = { ok: 0, failed: 1, misuse: 2, platform: 3 } as const;

/** The user asked for something that makes no sense; the command line prints the message and exits with 2. */
export class UsageFailure extends Error {
  override readonly name = 'UsageFailure';
}
