import { createReadStream, createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { jsonText } from './json-text.ts';

/** Characters written at once: many small pieces cost more than their bytes. */
const PIECE_CHARS = 64 * 1024;

/** The inside of a JSON array on disk: what is too long for memory until it can be put in its place. */
export class Spool {
  readonly #path: string;
  readonly #file: WriteStream;
  #failure: Error | undefined;
  #waiting = '';
  #isEmpty = true;

  constructor(path: string) {
    this.#path = path;
    this.#file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    this.#file.on('error', (error) => (this.#failure ??= error));
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  async add(value: unknown): Promise<void> {
    this.begin();
    await this.append(jsonText(value));
  }

  /** Begins an item, whose text is then appended in pieces. */
  begin(): void {
    if (!this.#isEmpty) this.#waiting += ',\n';
    this.#isEmpty = false;
  }

  async append(text: string): Promise<void> {
    this.#waiting += text;
    if (this.#waiting.length >= PIECE_CHARS) await this.#flush();
  }

  /** Everything that was added, in pieces, with commas between; nothing can be added any more. */
  async *text(): AsyncGenerator<string> {
    await this.#close();
    yield* createReadStream(this.#path, { encoding: 'utf8', highWaterMark: PIECE_CHARS }) as AsyncIterable<string>;
  }

  async remove(): Promise<void> {
    this.#waiting = '';
    await this.#close().catch(() => undefined);
    await rm(this.#path, { force: true });
  }

  async #close(): Promise<void> {
    if (this.#file.writableEnded) return;
    await this.#flush();
    this.#file.end();
    await finished(this.#file);
  }

  async #flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const text = this.#waiting;
    this.#waiting = '';
    if (text !== '' && !this.#file.write(text)) await once(this.#file, 'drain');
  }
}
