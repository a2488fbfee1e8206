/** Longest packet gVisor can send: the default send buffer of a Unix socket, rounded up. */
export const PACKET_BYTES_MAX = 256 * 1024;
/** The handshake both sides send: `Handshake { version = 1 }`. */
export const HANDSHAKE = Buffer.from([0x08, 0x01]);

const HEADER_BYTES = 8;
const VERSIONS_KNOWN = 1;

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

export interface Header {
  readonly type: number;
  /** Messages lost since the session began, as the sender counts them. Never falls. */
  readonly dropped: number;
  /** Where the payload starts. */
  readonly offset: number;
}

/** Reads the header of a packet: u16 header size, u16 message type, u32 dropped count, little-endian. */
export const readHeader = (packet: Buffer): Header | undefined => {
  if (packet.length < HEADER_BYTES || packet.length > PACKET_BYTES_MAX) return undefined;
  const offset = packet.readUInt16LE(0);
  if (offset < HEADER_BYTES || offset > packet.length) return undefined;
  return { type: packet.readUInt16LE(2), dropped: packet.readUInt32LE(4), offset };
};

/** Whether a first packet is a handshake of a version that this decoder was written for. */
export const isHandshake = (packet: Buffer): boolean => {
  if (packet.length > 64) return false;
  const reader = new FieldReader(packet, 0, packet.length);
  let version = 0;
  while (reader.next()) if (reader.field === 1 && reader.isNumber) version = reader.unsigned;
  return !reader.failed && version === VERSIONS_KNOWN;
};

/**
 * Walks over the fields of one protobuf message in place, without ever throwing and without copying.
 * After `next()` has returned true, `field` and either the number or the slice describe the field. After it has
 * returned false, `failed` tells a broken message from its end. Work is bounded by the length of the slice.
 */
export class FieldReader {
  field = 0;
  isNumber = false;
  failed = false;
  /** The slice of a field with a length. */
  start = 0;
  end = 0;
  #low = 0;
  #high = 0;
  readonly #bytes: Buffer;
  #position: number;
  readonly #limit: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#position = start;
    this.#limit = end;
  }

  next(): boolean {
    if (this.failed || this.#position >= this.#limit) return false;
    if (!this.#varint()) return false;
    const wireType = this.#low & 7;
    this.field = this.#low >>> 3;
    if (this.#high !== 0 || this.field === 0) return this.#fail();
    this.isNumber = wireType === VARINT;
    if (wireType === VARINT) return this.#varint();
    if (wireType === BYTES) return this.#slice();
    if (wireType === FIXED_64) return this.#skip(8);
    return wireType === FIXED_32 ? this.#skip(4) : this.#fail();
  }

  /** The number as u64; exact below 2^53. */
  get unsigned(): number {
    return this.#high * 0x1_0000_0000 + this.#low;
  }

  /** The number as i64; exact between -2^53 and 2^53. */
  get signed(): number {
    return (this.#high | 0) * 0x1_0000_0000 + this.#low;
  }

  get halves(): [low: number, high: number] {
    return [this.#low, this.#high];
  }

  /** The slice as text of at most `charsMax` characters; bytes that are not UTF-8 become U+FFFD. */
  text(charsMax: number): string {
    const bytes = Math.min(this.end - this.start, charsMax * 4);
    const text = this.#bytes.toString('utf8', this.start, this.start + bytes);
    return text.length > charsMax ? text.slice(0, charsMax) : text;
  }

  /** A copy of the slice, cut to `bytesMax`. */
  bytes(bytesMax: number): Buffer {
    return Buffer.from(this.#bytes.subarray(this.start, Math.min(this.end, this.start + bytesMax)));
  }

  /** A reader over the slice. */
  nested(): FieldReader {
    return new FieldReader(this.#bytes, this.start, this.end);
  }

  #slice(): boolean {
    if (!this.#varint()) return false;
    if (this.#high !== 0 || this.#low > this.#limit - this.#position) return this.#fail();
    this.start = this.#position;
    this.end = this.#position + this.#low;
    this.#position = this.end;
    return true;
  }

  #skip(bytes: number): boolean {
    this.start = this.#position;
    this.end = this.#position + bytes;
    if (this.end > this.#limit) return this.#fail();
    this.#position = this.end;
    return true;
  }

  #varint(): boolean {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#position >= this.#limit) return this.#fail();
      const byte = this.#bytes[this.#position++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) [low, high] = [low | (bits << 28), bits >>> 4];
      else if (shift < 63) high |= bits << (shift - 32);
      else if (bits > 1) return this.#fail();
      else high |= bits << 31;
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return true;
      }
    }
    return this.#fail();
  }

  #fail(): false {
    this.failed = true;
    return false;
  }
}
