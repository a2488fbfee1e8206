const MARK = '\n{"kind":"checkpoint",';
const LINE_BYTES_MAX = 131_072;

/**
 * Catches the last checkpoint of an export as its bytes go by. Its lines are strings of JSON, so a line cannot begin
 * inside another.
 */
export class LastCheckpoint {
  #held: Buffer = Buffer.alloc(0);
  #line: string | undefined;

  push(bytes: Uint8Array): void {
    const data =
      this.#held.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        : Buffer.concat([this.#held, bytes]);
    const at = data.lastIndexOf(MARK);
    const end = at < 0 ? -1 : data.indexOf('\n', at + MARK.length);
    // An earlier one may be whole where the last is not yet.
    const whole = end < 0 && at > 0 ? data.lastIndexOf(MARK, at - 1) : at;
    const wholeEnd = whole < 0 ? -1 : data.indexOf('\n', whole + MARK.length);
    if (wholeEnd >= 0) this.#line = data.toString('utf8', whole + 1, wholeEnd);
    const rest = at >= 0 && end < 0 ? data.subarray(at) : data.subarray(-MARK.length + 1);
    this.#held = rest.length > LINE_BYTES_MAX ? Buffer.alloc(0) : Buffer.from(rest);
  }

  /** The signed note, or undefined when none went by. */
  get note(): string | undefined {
    if (this.#line === undefined) return undefined;
    try {
      const { note } = JSON.parse(this.#line) as { note?: unknown };
      return typeof note === 'string' ? note : undefined;
    } catch {
      return undefined;
    }
  }
}
