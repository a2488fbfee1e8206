import { asUntrusted } from '@crucible/events';
import type { OutputSink } from './port.ts';

/** Hands output on up to an exact number of bytes, counts the rest, and says once when the bound was passed. */
export class OutputMeter {
  readonly #bytesMax: number;
  readonly #sink: OutputSink;
  readonly #onPassed: () => void;
  #bytes = 0;
  #dropped = 0;

  constructor(bytesMax: number, sink: OutputSink, onPassed: () => void) {
    this.#bytesMax = bytesMax;
    this.#sink = sink;
    this.#onPassed = onPassed;
  }

  get counts(): { bytes: number; dropped: number } {
    return { bytes: this.#bytes, dropped: this.#dropped };
  }

  /** Resolves when the sink has taken the bytes; rejects when it refused them. */
  async take(stream: 'stdout' | 'stderr', bytes: Buffer, atMs: number): Promise<void> {
    const kept = bytes.subarray(0, this.#bytesMax - this.#bytes);
    const dropped = bytes.length - kept.length;
    if (dropped > 0 && this.#dropped === 0) this.#onPassed();
    this.#dropped += dropped;
    this.#bytes += kept.length;
    if (kept.length > 0) await this.#sink({ stream, bytes: asUntrusted<Uint8Array>(kept), atMs, at: Date.now() });
  }
}
