import type { Duplex } from 'node:stream';
import { Demux, type Piece } from './demux.ts';

/** Standard streams of a container, read a piece at a time: by who probes it first, and later by who runs a program in it. */
export class GuestStream {
  readonly #stream: Duplex;
  readonly #demux = new Demux();
  #chunks: AsyncIterator<Buffer> | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    // Errors are read where the stream is; one that comes earlier or later must not end the process.
    stream.on('error', () => undefined);
  }

  write(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  /** The next pieces, or null when the stream has ended. Rejects when it was lost. What is not asked for waits in the guest. */
  async next(): Promise<readonly Piece[] | null> {
    this.#chunks ??= this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const chunk = await this.#chunks.next();
    return chunk.done === true ? null : this.#demux.push(chunk.value);
  }
}
