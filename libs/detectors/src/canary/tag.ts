import { createCipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { evaluationIdSchema, trialIdSchema } from '@crucible/events';
import type { EvaluationId, TrialId } from '@crucible/events';
import { fromBase32, toBase32 } from './base32.ts';

/** Tripwires of a sandbox, by what they look like. The position is written in tags: only ever add at the end. */
export const canaryNames = ['aws-credentials', 'ssh-key', 'model-weights', 'api-token', 'registry-host'] as const;
export type CanaryName = (typeof canaryNames)[number];

/** Whose a canary is. */
export interface CanaryOwner {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
}

/** What a tag tells whoever has the key. */
export interface Tag extends CanaryOwner {
  readonly name: CanaryName;
}

/** Decimal digits: they have no case, so that each encoding of the marker is one text and not one for every case. */
export const MARKER_CHARS = 12;
const CHECK_BYTES = 12;
const EVALUATION_BYTES = 16;
const TRIAL_BYTES = 6;
const PLAIN_BYTES = 1 + EVALUATION_BYTES + TRIAL_BYTES;
/** Of the sealed part, in base32. */
export const SEALED_CHARS = ((CHECK_BYTES + PLAIN_BYTES) * 8) / 5;
const KEY_BYTES_MIN = 32;

const derive = (secret: Uint8Array, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `crucible canary ${purpose}`, 32));

const plainOf = ({ name, evaluationId, trialId }: Tag): Buffer => {
  const [sample = 0, epoch = 0, attempt = 0] = trialId.split('-').map(Number);
  const plain = Buffer.alloc(PLAIN_BYTES);
  plain[0] = canaryNames.indexOf(name);
  plain.set(Buffer.from(evaluationId.replaceAll('-', ''), 'hex'), 1);
  plain.writeUIntBE((sample * 2 ** 14 + epoch) * 2 ** 10 + attempt, 1 + EVALUATION_BYTES, TRIAL_BYTES);
  return plain;
};

const tagOf = (plain: Buffer): Tag | null => {
  const name = canaryNames[plain[0] ?? -1];
  const hex = plain.toString('hex', 1, 1 + EVALUATION_BYTES);
  const packed = plain.readUIntBE(1 + EVALUATION_BYTES, TRIAL_BYTES);
  const [sample, epoch, attempt] = [
    Math.floor(packed / 2 ** 24),
    Math.floor(packed / 2 ** 10) % 2 ** 14,
    packed % 2 ** 10,
  ];
  const evaluationId = evaluationIdSchema.safeParse(hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
  const trialId = trialIdSchema.safeParse(`${sample}-${epoch}-${attempt}`);
  if (name === undefined || !evaluationId.success || !trialId.success) return null;
  return { name, evaluationId: evaluationId.data, trialId: trialId.data };
};

/**
 * What makes and reads canaries. Executors with the same secret read each other's. A tag is sealed as in AES-SIV (RFC
 * 5297): a keyed digest of what it says is both its check and the start of the AES-256-CTR stream that hides it, so equal
 * tags are equal texts, and none can be made, changed or read without the secret. Before each stands the platform's marker.
 */
export class CanaryKey {
  /** Stands before each tag of this platform; tells nothing but that. */
  readonly marker: string;
  readonly #check: Buffer;
  readonly #cipher: Buffer;
  readonly #filler: Buffer;

  /** @param secret at least 32 bytes @throws RangeError when it is shorter */
  constructor(secret: Uint8Array) {
    if (secret.byteLength < KEY_BYTES_MIN)
      throw new RangeError(`a canary key needs ${KEY_BYTES_MIN} bytes, this has ${secret.byteLength}`);
    this.#check = derive(secret, 'check');
    this.#cipher = derive(secret, 'cipher');
    this.#filler = derive(secret, 'filler');
    const drawn = derive(secret, 'marker').readUIntBE(0, 6);
    const least = 10 ** (MARKER_CHARS - 1);
    this.marker = String(least + (drawn % (9 * least)));
  }

  /** The sealed part of a tag: `SEALED_CHARS` characters of lower-case base32. */
  seal(tag: Tag): string {
    const plain = plainOf(tag);
    const check = this.#checkOf(plain);
    return toBase32(Buffer.concat([check, this.#stream(check, plain)]));
  }

  /** @param sealed `SEALED_CHARS` characters, in lower case. Null when this key did not seal them. */
  open(sealed: string): Tag | null {
    if (sealed.length !== SEALED_CHARS) return null;
    const bytes = fromBase32(sealed);
    if (bytes === null) return null;
    const check = bytes.subarray(0, CHECK_BYTES);
    const plain = this.#stream(check, bytes.subarray(CHECK_BYTES));
    return timingSafeEqual(check, this.#checkOf(plain)) ? tagOf(plain) : null;
  }

  /** Bytes that look random and are the same each time: what of a canary is not its tag. */
  filler(owner: CanaryOwner, label: string, bytes: number): Buffer {
    const seed = createHmac('sha256', this.#filler).update(`${owner.evaluationId} ${owner.trialId} ${label}`).digest();
    return createCipheriv('aes-256-ctr', seed, Buffer.alloc(16)).update(Buffer.alloc(bytes));
  }

  #checkOf(plain: Uint8Array): Buffer {
    return createHmac('sha256', this.#check).update(plain).digest().subarray(0, CHECK_BYTES);
  }

  #stream(check: Uint8Array, bytes: Uint8Array): Buffer {
    const counter = Buffer.alloc(16);
    counter.set(check);
    return createCipheriv('aes-256-ctr', this.#cipher, counter).update(bytes);
  }
}
