/** Numbers of Linux on x86-64 by the names that rules use; others keep their number. */
const FAMILIES: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'unix',
  2: 'inet',
  10: 'inet6',
  15: 'key',
  16: 'netlink',
  17: 'packet',
  26: 'llc',
  29: 'can',
  30: 'tipc',
  31: 'bluetooth',
  38: 'alg',
  40: 'vsock',
  44: 'xdp',
};
const TYPES: Readonly<Record<number, string>> = {
  1: 'stream',
  2: 'dgram',
  3: 'raw',
  4: 'rdm',
  5: 'seqpacket',
  6: 'dccp',
  10: 'packet',
};
/** Above the type stand flags such as `SOCK_CLOEXEC`. */
const TYPE_MASK = 0xf;

export const familyName = (family: number): string => FAMILIES[family] ?? `family-${family}`;
export const socketTypeName = (type: number): string => TYPES[type & TYPE_MASK] ?? `type-${type & TYPE_MASK}`;

const NAMESPACES: readonly (readonly [flag: number, name: string])[] = [
  [0x0002_0000, 'mount'],
  [0x0200_0000, 'cgroup'],
  [0x0400_0000, 'uts'],
  [0x0800_0000, 'ipc'],
  [0x1000_0000, 'user'],
  [0x2000_0000, 'pid'],
  [0x4000_0000, 'net'],
];
/** Namespaces that `clone` or `unshare` would make with these flags. */
export const namespacesOf = (flags: number): string[] =>
  NAMESPACES.flatMap(([flag, name]) => ((flags & flag) !== 0 ? [name] : []));

/** Splits `host:port` and `[host]:port`. */
export const hostAndPort = (address: string): { readonly host: string; readonly port: number } => {
  const found = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(address.slice(0, 100));
  return found ? { host: found[1] ?? '', port: Number(found[2]) } : { host: address, port: 0 };
};
