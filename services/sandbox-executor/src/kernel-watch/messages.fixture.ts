/** Writes packets as gVisor does, for the specs. */
export type Field = readonly [field: number, value: number | bigint | string | Buffer | readonly Field[]];

const varint = (value: number | bigint): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest > 0x7fn ? 0x80 : 0;
    bytes.push(Number(rest & 0x7fn) | more);
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
};

export const encode = (fields: readonly Field[]): Buffer =>
  Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === 'number' || typeof value === 'bigint') return [varint(field << 3), varint(value)];
      const bytes =
        typeof value === 'string'
          ? Buffer.from(value)
          : Buffer.isBuffer(value)
            ? value
            : encode(value as readonly Field[]);
      return [varint((field << 3) | 2), varint(bytes.length), bytes];
    }),
  );

export const packet = (type: number, fields: readonly Field[], dropped = 0): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(8, 0);
  header.writeUInt16LE(type, 2);
  header.writeUInt32LE(dropped, 4);
  return Buffer.concat([header, encode(fields)]);
};

const START_NS = 1_763_934_000_000_000_000n;
/** When the container of these packets started, in epoch milliseconds. */
export const START_MS = Number(START_NS / 1_000_000n);

export interface Who {
  readonly tid?: number;
  readonly tgid?: number;
  /** Nanoseconds since the container's start. */
  readonly t?: number;
  readonly cwd?: string;
}

const context = ({ tid = 2, tgid = tid, t = 1_000, cwd }: Who): Field => [
  1,
  [[1, START_NS + BigInt(t)], [2, tid], [4, tgid], ...(cwd === undefined ? [] : [[8, cwd] as const])],
];
const exit = (errno: number, result = 3): Field => [2, errno === 0 ? [[1, result]] : [[2, errno]]];

export const CONTAINER = 'c'.repeat(64);

/** Packets by name. A missing `errno` makes the message that begins a call, a present one the message that ends it. */
export const gvisor = {
  start: (id = CONTAINER) =>
    packet(1, [context({ tid: 1, t: 0 }), [2, id], [3, '/work'], [4, '/usr/bin/python3'], [4, '-c']]),
  clone: (who: Who, child: number) => packet(2, [context(who), [3, child], [4, child]]),
  image: (who: Who, path: string) => packet(3, [context(who), [2, path], [3, path]]),
  taskExit: (who: Who, status = 0) => packet(5, [context(who), [2, status]]),
  raw: (who: Who, sysno: number, ...args: number[]) =>
    packet(6, [context(who), [4, sysno], ...args.map((arg, index): Field => [5 + index, arg])]),
  rawExit: (sysno: number, errno: number, ...args: number[]) =>
    packet(6, [exit(errno), [4, sysno], ...args.map((arg, index): Field => [5 + index, arg])]),
  openat: (who: Who, path: string, flags = 0, errno?: number) =>
    packet(7, [
      context({ cwd: '/work', ...who }),
      ...(errno === undefined ? [] : [exit(errno)]),
      [3, 257],
      [4, -100],
      [6, path],
      [7, flags],
    ]),
  connect: (who: Who, address: Buffer, errno?: number) =>
    packet(10, [context(who), ...(errno === undefined ? [] : [exit(errno, 0)]), [3, 42], [4, 3], [6, address]]),
  execve: (who: Who, path: string, args: readonly string[]) =>
    packet(11, [context({ cwd: '/work', ...who }), [3, 59], [6, path], ...args.map((arg): Field => [7, arg])]),
  socket: (who: Who, domain: number, type: number, errno?: number) =>
    packet(12, [context(who), ...(errno === undefined ? [] : [exit(errno)]), [3, 41], [4, domain], [5, type]]),
  cloneExit: (who: Who, flags: number, errno: number) => packet(23, [context(who), exit(errno), [3, 56], [4, flags]]),
};

/** A whole call of `openat`, as the points announce it. */
export const opened = (who: Who, path: string, flags: number, errno: number): Buffer[] => [
  gvisor.raw(who, 257, -100, 0, flags),
  gvisor.openat(who, path, flags),
  gvisor.openat(who, path, flags, errno),
];

export const sockaddr = {
  inet: (address: string, port: number): Buffer => {
    const raw = Buffer.alloc(16);
    raw.writeUInt16LE(2, 0);
    raw.writeUInt16BE(port, 2);
    Buffer.from(address.split('.').map(Number)).copy(raw, 4);
    return raw;
  },
  inet6: (bytes: readonly number[], port: number): Buffer => {
    const raw = Buffer.alloc(28);
    raw.writeUInt16LE(10, 0);
    raw.writeUInt16BE(port, 2);
    Buffer.from(bytes).copy(raw, 8);
    return raw;
  },
  unix: (path: string): Buffer => Buffer.concat([Buffer.from([1, 0]), Buffer.from(`${path}\0`)]),
};
