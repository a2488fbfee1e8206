import { createHash } from 'node:crypto';
import type { ObjectStore } from 'nats';
import { StorageType } from 'nats';
import { z } from 'zod';
import { ContentCorrupt, ContentMissing } from '../port.ts';
import type { ContentStore } from '../port.ts';
import { isNoMessage, json, unavailable } from './connection.ts';
import type { Bus } from './connection.ts';

const BUCKET = 'CONTENT';
export const contentStream = `OBJ_${BUCKET}`;
/** Reads of a piece that somebody wrote anew meanwhile. */
const READS_MAX = 3;

/** What the object store keeps of an object beside its pieces. */
const objectSchema = z.object({
  nuid: z.string().regex(/^[A-Za-z0-9]+$/u),
  size: z.int().min(0),
  chunks: z.int().min(0),
  deleted: z.boolean().optional(),
});
type StoredObject = z.infer<typeof objectSchema>;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Makes the object store where it is missing. @throws NatsError */
export const openContentStore = ({ js }: Bus): Promise<ObjectStore> =>
  js.views.os(BUCKET, { storage: StorageType.File });

/**
 * Content in a JetStream object store. Whoever reads checks the digest, so the store itself need not be trusted. It is read
 * message by message, without a consumer.
 */
export class JetStreamContent implements ContentStore {
  readonly #bus: Bus;
  #store: Promise<ObjectStore> | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** @throws BusUnavailable */
  async put(bytes: Uint8Array): Promise<string> {
    const digest = sha256(bytes);
    const store = await this.#open();
    try {
      if ((await store.info(digest)) === null) await store.putBlob({ name: digest }, bytes);
    } catch (error) {
      throw unavailable(`store content ${digest}`, error);
    }
    return digest;
  }

  async get(digest: string): Promise<Uint8Array> {
    let before = '';
    for (let reads = 1; reads <= READS_MAX; reads += 1) {
      const object = await this.#object(digest);
      // Two who store the same bytes at once leave one of the two sets of pieces.
      if (object.nuid === before) break;
      before = object.nuid;
      const bytes = await this.#pieces(object).catch((error: unknown) => {
        throw unavailable(`read content ${digest}`, error);
      });
      if (bytes.byteLength === object.size && sha256(bytes) === digest) return bytes;
    }
    throw new ContentCorrupt(`content ${digest} is not what its name says`);
  }

  /** @throws ContentMissing, ContentCorrupt, BusUnavailable */
  async #object(digest: string): Promise<StoredObject> {
    const name = Buffer.from(digest).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    const subject = `$O.${BUCKET}.M.${name}`;
    const message = await this.#bus.jsm.streams
      .getMessage(contentStream, { last_by_subj: subject })
      .catch((error: unknown) => {
        if (isNoMessage(error)) throw new ContentMissing(`no content ${digest}`);
        throw unavailable(`read content ${digest}`, error);
      });
    const object = objectSchema.safeParse(decodeJson(message.data));
    if (!object.success) throw new ContentCorrupt(`content ${digest} is described by something else`);
    if (object.data.deleted === true) throw new ContentMissing(`no content ${digest}`);
    return object.data;
  }

  async #pieces({ nuid, chunks }: StoredObject): Promise<Uint8Array> {
    const subject = `$O.${BUCKET}.C.${nuid}`;
    const pieces: Uint8Array[] = [];
    for (let next = 1; pieces.length < chunks;) {
      const found = await this.#bus.direct
        .getMessage(contentStream, { seq: next, next_by_subj: subject })
        .catch((error: unknown) => {
          if (isNoMessage(error)) return null;
          throw error;
        });
      if (found === null) break;
      pieces.push(found.data);
      next = found.seq + 1;
    }
    return Buffer.concat(pieces);
  }

  async #open(): Promise<ObjectStore> {
    this.#store ??= openContentStore(this.#bus);
    try {
      return await this.#store;
    } catch (error) {
      this.#store = undefined;
      throw unavailable('open the content store', error);
    }
  }
}

const decodeJson = (bytes: Uint8Array): unknown => {
  try {
    return json.decode(bytes);
  } catch {
    return undefined;
  }
};
