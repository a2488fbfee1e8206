import type { OutputChunk } from '@crucible/api';
import { displayable } from '@crucible/events';

type StreamName = OutputChunk['stream'];

/**
 * Prints what a program wrote, as text that cannot steer the terminal. Each stream has its own decoder, for a character
 * may be split between two chunks of it.
 */
export class OutputPrinter {
  readonly #write: (text: string) => void;
  readonly #decoders = {
    stdout: new TextDecoder('utf-8'),
    stderr: new TextDecoder('utf-8'),
  } satisfies Record<StreamName, unknown>;
  #last = '\n';

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  print(chunk: OutputChunk): void {
    this.#put(this.#decoders[chunk.stream].decode(Buffer.from(chunk.base64, 'base64'), { stream: true }));
  }

  /** Writes what is left of half characters, and ends the line. */
  end(): void {
    this.#put(this.#decoders.stdout.decode());
    this.#put(this.#decoders.stderr.decode());
    if (!this.#last.endsWith('\n')) this.#write('\n');
  }

  #put(text: string): void {
    // CR LF is one line end in many programs; any other CR would overwrite what stands there.
    const safe = displayable(text.replaceAll('\r\n', '\n'));
    if (safe === '') return;
    this.#last = safe;
    this.#write(safe);
  }
}
