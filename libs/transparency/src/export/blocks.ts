import { concat } from '../bytes.ts';
import { exportBounds } from './format.ts';

const NEWLINE = 0x0a;

/** Thrown by nothing: a line that does not end within its bound is a value, like everything else a file can be. */
export const lineTooLong = `it is longer than ${exportBounds.lineBytesMax} bytes`;

/** Cuts bytes as they come into blocks of whole lines. What is held back is bounded by the longest line. */
export class BlockSplitter {
  readonly #lineBytesMax: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(lineBytesMax: number = exportBounds.lineBytesMax) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Bytes behind the last newline. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether the line that has begun is longer than any may be. Nothing more should be pushed then. */
  get overlong(): boolean {
    return this.#heldBytes > this.#lineBytesMax;
  }

  /** The lines that are whole now, the last newline included; undefined when there is none. */
  push(bytes: Uint8Array): Uint8Array | undefined {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const block = end === 0 ? undefined : concat(...this.#held, bytes.subarray(0, end));
    if (end > 0) {
      this.#held = [];
      this.#heldBytes = 0;
    }
    // A copy: the caller may use its bytes again.
    if (end < bytes.length) this.#held.push(bytes.slice(end));
    this.#heldBytes += bytes.length - end;
    return block;
  }

  /** What is left when the bytes have ended: a last line without its newline. */
  rest(): Uint8Array {
    return concat(...this.#held);
  }
}
