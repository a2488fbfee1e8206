const BLOCK_BYTES = 64 * 1024;
const decoder = new TextDecoder('utf-8');

/** Bytes in the order they came, in blocks of our own. */
class Kept {
  readonly #full: Uint8Array[] = [];
  #block = new Uint8Array(0);
  #used = 0;

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#used === this.#block.byteLength) this.#begin();
      const piece = bytes.subarray(at, at + this.#block.byteLength - this.#used);
      this.#block.set(piece, this.#used);
      this.#used += piece.byteLength;
      at += piece.byteLength;
    }
  }

  get bytes(): Uint8Array {
    return Buffer.concat([...this.#full, this.#block.subarray(0, this.#used)]);
  }

  #begin(): void {
    if (this.#used > 0) this.#full.push(this.#block);
    this.#block = new Uint8Array(BLOCK_BYTES);
    this.#used = 0;
  }
}

/**
 * What a program printed, kept for its scorers. The sandbox bounds it before it comes here. It is copied: a program that
 * prints byte by byte would otherwise have each kept as an object of its own, with all that was read along with it.
 */
export class KeptOutput {
  readonly #kept = { stdout: new Kept(), stderr: new Kept() };

  add(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    this.#kept[stream].add(bytes);
  }

  /** Decoded leniently: bytes that are no UTF-8 become replacement characters. */
  text(stream: 'stdout' | 'stderr'): string {
    return decoder.decode(this.#kept[stream].bytes);
  }
}
