import { suiteSchema } from './suite.ts';
import type { Suite } from './suite.ts';

const SUITES_REMEMBERED_MAX = 16;

/** Suites by the digest they are stored under, parsed once and the latest few remembered. */
export class StoredSuites {
  readonly #read: (digest: string) => Promise<Uint8Array>;
  readonly #known = new Map<string, Promise<Suite>>();

  /** @param read bytes of a digest; its failures are passed on and asked for again next time */
  constructor(read: (digest: string) => Promise<Uint8Array>) {
    this.#read = read;
  }

  get(digest: string): Promise<Suite> {
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const oldest = this.#known.keys().next();
    if (this.#known.size >= SUITES_REMEMBERED_MAX && !oldest.done) this.#known.delete(oldest.value);
    const reading = this.#parse(digest);
    this.#known.set(digest, reading);
    reading.catch(() => this.#known.delete(digest));
    return reading;
  }

  async #parse(digest: string): Promise<Suite> {
    return suiteSchema.parse(JSON.parse(new TextDecoder().decode(await this.#read(digest))));
  }
}
