/** A reason why the platform cannot be started, with the way out. The command line prints it and exits with 3. */
export class PlatformFailure extends Error {
  override readonly name = 'PlatformFailure';
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
