/**
 * What the tree and the notes need of a machine. `#crypto` is node:crypto in Node and the audited JavaScript of
 * @noble elsewhere, chosen by the conditions under `imports` in package.json: the code above it is the same.
 */
export interface CryptoPort {
  /** SHA-256, 32 bytes. */
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
  /** SHA-256 over parts that come one by one. `digest` is called once, at the end. */
  readonly sha256Stream: () => HashStream;
  /**
   * Whether `signature` (64 bytes) over `message` is by the Ed25519 `publicKey` (32 bytes). False for bytes of another
   * length and for keys that are no point: it never throws.
   */
  readonly verifyEd25519: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  /** Bytes of a canonical base64 text whose alphabet and length were judged before. */
  readonly decodeBase64: (text: string) => Uint8Array;
  readonly encodeBase64: (bytes: Uint8Array) => string;
}

export interface HashStream {
  readonly update: (bytes: Uint8Array) => void;
  readonly digest: () => Uint8Array;
}
