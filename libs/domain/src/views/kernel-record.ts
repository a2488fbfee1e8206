import { displayableLine } from '@crucible/events';

/**
 * One record of what the sandbox's kernel saw, as its evidence holds it. Only `n`, `at` and `kind` are sure to be there;
 * every text was chosen by a guest.
 */
export interface KernelRecord {
  readonly n: number;
  /** Milliseconds since 1970, with fractions. */
  readonly at: number;
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** What a reader of records looks for, coarsely. */
export const kernelGroups = ['processes', 'files', 'network', 'privileges', 'sandbox'] as const;
export type KernelGroup = (typeof kernelGroups)[number];

const groupOfKind: Readonly<Record<string, KernelGroup>> = {
  spawn: 'processes',
  spawned: 'processes',
  image: 'processes',
  exec: 'processes',
  exit: 'processes',
  open: 'files',
  opaque: 'files',
  concealed: 'files',
  socket: 'network',
  connect: 'network',
  bind: 'network',
  listen: 'network',
  call: 'privileges',
};
/** What no table knows is the sandbox's own: its start, its proof, what was left out. */
export const kernelGroupOf = ({ kind }: KernelRecord): KernelGroup => groupOfKind[kind] ?? 'sandbox';

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(textOf) : []);

const families: Readonly<Record<number, string>> = { 1: 'unix', 2: 'IPv4', 10: 'IPv6', 16: 'netlink', 17: 'packet' };

const objectOf = (record: KernelRecord): string => {
  switch (record.kind) {
    case 'start':
    case 'image':
    case 'exec':
      return listOf(record['args']).join(' ') || textOf(record['path']);
    case 'open':
      return `${textOf(record['path'])}${record['write'] === true ? ' for writing' : ''}`;
    case 'spawn':
      return `process ${textOf(record['childTgid'])}`;
    case 'spawned':
      return `${textOf(record['name'])} refused or with namespaces`;
    case 'exit':
      return `status ${textOf(record['status'])}`;
    case 'socket':
      return families[Number(record['family'])] ?? `family ${textOf(record['family'])}`;
    case 'connect':
    case 'bind':
      return textOf(record['address']);
    case 'preflight':
      return `${listOf(record['checks']).length} checks held`;
    case 'sampled':
      return `${textOf(record['leftOut'])} records counted and left out`;
    case 'lost':
      return `${textOf(record['dropped'])} messages dropped, ${textOf(record['malformed'])} unreadable`;
    default:
      return textOf(record['name']);
  }
};

export interface KernelRecordText {
  readonly verb: string;
  readonly object: string;
  /** The error the call ended with; empty when it was granted or has none. */
  readonly refusal: string;
}

const objectCharsMax = 300;

/** A record in a line that a person reads. Everything in it is displayable. */
export const kernelRecordText = (record: KernelRecord): KernelRecordText => ({
  verb: displayableLine(textOf(record.kind), 20),
  object: displayableLine(objectOf(record), objectCharsMax),
  refusal: displayableLine(textOf(record['errno']), 20),
});
