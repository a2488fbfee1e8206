/** A socket address as the guest gave it: hostile, and not necessarily well-formed. */
export interface Address {
  /** `AF_*` number; 0 when the address is too short to have one. */
  readonly family: number;
  /** Host and port, or path. */
  readonly text: string;
  /** Inside the sandbox: loopback, unspecified, or no network address at all. */
  readonly local: boolean;
}

export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17, ALG: 38, VSOCK: 40 } as const;

const FAMILY_NAMES = new Map<number, string>(Object.entries(AF).map(([name, family]) => [family, `AF_${name}`]));

export const familyName = (family: number): string => FAMILY_NAMES.get(family) ?? `AF_${family}`;

/** Reads a raw `sockaddr`. Total: a short or unknown address gives what can be said of it. */
export const readAddress = (raw: Buffer): Address => {
  if (raw.length < 2) return { family: AF.UNSPEC, text: 'no address', local: true };
  const family = raw.readUInt16LE(0);
  if (family === AF.UNIX) return { family, text: unixPath(raw), local: true };
  if (family === AF.INET && raw.length >= 8) return inet(raw);
  if (family === AF.INET6 && raw.length >= 24) return inet6(raw);
  const local = family === AF.UNSPEC || family === AF.NETLINK;
  return { family, text: `${familyName(family)} address of ${raw.length} bytes`, local };
};

function unixPath(raw: Buffer): string {
  if (raw[2] === 0) return `@${raw.toString('utf8', 3)}`;
  const end = raw.indexOf(0, 2);
  return raw.toString('utf8', 2, end < 0 ? raw.length : end);
}

const dotted = (raw: Buffer, offset: number): string => raw.subarray(offset, offset + 4).join('.');
/** 127/8 and 0/8, which the kernel takes as "this host". */
const isLocal4 = (raw: Buffer, offset: number): boolean => raw[offset] === 127 || raw[offset] === 0;

function inet(raw: Buffer): Address {
  return { family: AF.INET, text: `${dotted(raw, 4)}:${raw.readUInt16BE(2)}`, local: isLocal4(raw, 4) };
}

function inet6(raw: Buffer): Address {
  const port = raw.readUInt16BE(2);
  const zeros = (from: number, to: number): boolean => raw.subarray(from, to).every((byte) => byte === 0);
  if (zeros(8, 18) && raw.readUInt16BE(18) === 0xffff) {
    return { family: AF.INET6, text: `[::ffff:${dotted(raw, 20)}]:${port}`, local: isLocal4(raw, 20) };
  }
  const groups = Array.from({ length: 8 }, (_, index) => raw.readUInt16BE(8 + index * 2).toString(16));
  const local = zeros(8, 23) && (raw[23] as number) <= 1;
  return { family: AF.INET6, text: `[${groups.join(':')}]:${port}`, local };
}
