import { createHash } from 'node:crypto';
import type { EvidencePlace, EvidenceStore } from '@crucible/event-log';
import type { EvidenceSeal } from '@crucible/events';

/** Well below the bus's largest message, and small enough that a viewer sees output in pieces. */
const CHUNK_BYTES_MAX = 64 * 1024;
const COALESCE_MS = 25;
const UNSENT_CHUNKS_MAX = 16;

interface Pending {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Uint8Array[];
  readonly sent: PromiseWithResolvers<void>;
  bytes: number;
}

/**
 * Writes one channel of a trial's evidence in order and seals it. What comes close together and under the same headers
 * goes as one chunk; the first goes at once. Losing a chunk is remembered: the seal then cannot vouch for the trial.
 */
export class EvidenceWriter {
  readonly #store: EvidenceStore;
  readonly #place: EvidencePlace;
  readonly #hash = createHash('sha256');
  #pending: Pending | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #unsent = 0;
  #chunks = 0;
  #bytes = 0;
  #lost: Error | undefined;

  constructor(store: EvidenceStore, place: EvidencePlace) {
    this.#store = store;
    this.#place = place;
  }

  /** The failure that cost a chunk, if one was lost. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /**
   * Takes bytes for the channel. Resolves when there is room for more: a producer that waits for it cannot fill memory.
   * @param key chunks of different keys are kept apart; `headers` are those of the first piece of a chunk
   */
  async write(key: string, headers: Readonly<Record<string, string>>, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES_MAX)
      this.#add(key, headers, bytes.subarray(at, at + CHUNK_BYTES_MAX));
    if (this.#unsent >= UNSENT_CHUNKS_MAX) await this.#sending;
  }

  #add(key: string, headers: Readonly<Record<string, string>>, part: Uint8Array): void {
    const pending = this.#pending;
    if (pending !== undefined && (pending.key !== key || pending.bytes + part.byteLength > CHUNK_BYTES_MAX))
      this.#flush();
    this.#pending ??= { key, headers, parts: [], sent: Promise.withResolvers(), bytes: 0 };
    this.#pending.parts.push(part);
    this.#pending.bytes += part.byteLength;
    if (this.#chunks === 0) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), COALESCE_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) return;
    const body = Buffer.concat(pending.parts);
    this.#chunks += 1;
    this.#bytes += body.byteLength;
    this.#hash.update(body);
    const { evaluationId, trialId, channel } = this.#place;
    const messageId = `${evaluationId}.${trialId}.${channel}.${this.#chunks}`;
    this.#unsent += 1;
    this.#sending = this.#sending
      .then(() => this.#send(messageId, pending.headers, body))
      .finally(() => (this.#unsent -= 1));
    pending.sent.resolve();
  }

  async #send(messageId: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<void> {
    if (this.#lost !== undefined) return;
    try {
      await this.#store.append(this.#place, messageId, headers, body);
    } catch (error) {
      this.#lost = error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Resolves when what was taken so far is stored, or lost. */
  async stored(): Promise<void> {
    await this.#pending?.sent.promise;
    await this.#sending;
  }

  /** Sends what is left and closes the channel. @param dropped what its producer left out, in bytes or records */
  async seal(dropped: number): Promise<EvidenceSeal> {
    this.#flush();
    await this.#sending;
    return {
      channel: this.#place.channel,
      chunks: this.#chunks,
      bytes: this.#bytes,
      dropped,
      sha256: this.#hash.digest('hex'),
    };
  }
}
