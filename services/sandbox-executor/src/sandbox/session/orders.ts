/** Init hears within milliseconds; a machine that is busy beyond measure gets so much time. */
const LATE_MS_MAX = 8_000;

/**
 * Whether init hears all it is told. A guest can open init's standard input anew and read there in its place; then init hears
 * less than was said, for good.
 */
export class Orders {
  #toldBytes = 0;
  #heardBytes = 0;
  /** All that had been told at that time. */
  #expected = { bytes: 0, atMs: 0 };

  told(bytes: number): void {
    this.#toldBytes += bytes;
  }

  /** @param heardBytes as init counts them since the session began. @returns whether something is missing */
  lost(heardBytes: number, nowMs: number): boolean {
    if (heardBytes >= this.#expected.bytes) this.#expected = { bytes: this.#toldBytes, atMs: nowMs };
    // What is long in coming is on its way for as long as there is more of it each time.
    else if (heardBytes > this.#heardBytes) this.#expected = { ...this.#expected, atMs: nowMs };
    this.#heardBytes = heardBytes;
    return nowMs - this.#expected.atMs > LATE_MS_MAX;
  }
}
