/** Told of each change; `problem` is null when sandboxes can be proven again. */
export type OnHealthChange = (problem: string | null) => void;

export interface HealthOptions {
  readonly probeEveryMs: number;
  /** Prepares one sandbox; rejects with why it could not. */
  readonly probe: () => Promise<void>;
  readonly onChange: OnHealthChange;
}

const UNPROVEN = 'no sandbox has been proven yet';

/**
 * Whether this executor can prove its sandboxes. It begins unproven. One that could not be prepared makes it unhealthy:
 * it takes no work and tries every few seconds, and is healthy again with the first sandbox that can be proven.
 */
export class SandboxHealth {
  readonly #options: HealthOptions;
  #problem: string | null = UNPROVEN;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** What is wrong, or null. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Tries for the first time. */
  begin(): void {
    this.#probe();
  }

  /** Hears of a preparation: why it failed, or null when it did not. */
  heard(failure: Error | null): void {
    if (this.#closed) return;
    if (failure === null) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return this.#become(null);
    }
    this.#become(failure.message);
    this.#timer ??= setTimeout(() => this.#probe(), this.#options.probeEveryMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #become(problem: string | null): void {
    const before = this.#problem;
    this.#problem = problem;
    // From unproven to proven is how it begins; what is wrong may be told in other words each time.
    if ((before === null) === (problem === null) && before !== UNPROVEN) return;
    if (before === UNPROVEN && problem === null) return;
    this.#options.onChange(problem);
  }

  #probe(): void {
    this.#timer = undefined;
    if (this.#closed) return;
    // The outcome is heard of like that of every other preparation.
    this.#options.probe().catch(() => undefined);
  }
}
