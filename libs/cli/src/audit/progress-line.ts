const DRAW_MS = 100;

/** One line on standard error that is redrawn while something goes on; nothing where nobody looks. */
export class ProgressLine {
  readonly #shown = process.stderr.isTTY && process.env['TERM'] !== 'dumb';
  #last = 0;
  #drawn = false;

  show(text: () => string): void {
    const now = performance.now();
    if (!this.#shown || now - this.#last < DRAW_MS) return;
    this.#last = now;
    this.#drawn = true;
    process.stderr.write(`\r\u001b[K${text()}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#drawn) process.stderr.write('\r\u001b[K');
    this.#drawn = false;
  }
}
