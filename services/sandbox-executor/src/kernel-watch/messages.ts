import type { Address } from './address.ts';
import { readAddress } from './address.ts';
import { syscallName } from './syscalls.ts';
import { FieldReader, readHeader } from './wire.ts';

/** As long as a path can be, or a guest could push the end of one out of the rules' sight. */
export const PATH_CHARS_MAX = 4096;
export const ARGUMENT_CHARS_MAX = 128;
export const ARGUMENTS_MAX = 16;
const ADDRESS_BYTES_MAX = 128;

/** Who made a call and when. Raw exits carry none of it (both gVisor versions): `tid` is then 0. */
export interface Context {
  /** Low and high half of the wall-clock time in nanoseconds. */
  readonly time: readonly [low: number, high: number];
  readonly tid: number;
  readonly tgid: number;
  readonly containerId: string;
  readonly cwd: string;
}

/** The end of a call. `result` is its value, `errno` its error number or 0. */
export interface Exit {
  readonly result: number;
  readonly errno: number;
}

interface Call {
  readonly context: Context;
  /** Absent on the message that announces a call, present on the one that ends it. */
  readonly exit?: Exit;
  readonly call: string;
}

/** One message of gVisor's runtime monitoring, decoded. All strings are the guest's own, cut, and hostile. */
export type Message =
  | { type: 'start'; context: Context; containerId: string; cwd: string; args: string[] }
  | { type: 'clone'; context: Context; childTid: number; childTgid: number }
  | { type: 'image'; context: Context; path: string; args: string[] }
  | { type: 'task-exit'; context: Context; status: number }
  | ({ type: 'open'; fdPath: string; path: string; dirfd: number; flags: number } & Call)
  | ({ type: 'exec'; fdPath: string; path: string; args: string[] } & Call)
  | ({ type: 'socket'; domain: number; socketType: number; protocol: number } & Call)
  | ({ type: 'address'; address: Address } & Call)
  | ({ type: 'raw'; args: number[] } & Call);

/** Why a packet could not be read. */
export type Unreadable = 'bad-header' | 'unknown-type' | 'bad-payload';
export type Decoded =
  | { readonly ok: true; readonly dropped: number; readonly message: Message }
  | { readonly ok: false; readonly dropped: number; readonly reason: Unreadable };

/** The fields of a payload in the raw, by field number: the last number, and texts as many as the bound allows. */
interface Fields {
  context: Context;
  exit?: Exit;
  numbers: number[];
  texts: string[];
  list: string[];
  bytes: Buffer;
}

interface Shape {
  readonly text?: readonly number[];
  /** Field number of a repeated text. */
  readonly list?: number;
  readonly bytes?: number;
  /** Signed fields; every other number is unsigned. */
  readonly signed?: readonly number[];
  readonly build: (fields: Fields) => Message;
}

const ABSENT: Context = { time: [0, 0], tid: 0, tgid: 0, containerId: '', cwd: '' };
const EMPTY = Buffer.alloc(0);
const CALL_NUMBER = 3;

const number = (fields: Fields, field: number): number => fields.numbers[field] ?? 0;
const text = (fields: Fields, field: number): string => fields.texts[field] ?? '';
const call = (fields: Fields, sysnoField = CALL_NUMBER): Call => ({
  context: fields.context,
  ...(fields.exit ? { exit: fields.exit } : {}),
  call: syscallName(number(fields, sysnoField)),
});

const addressed: Shape = {
  bytes: 6,
  build: (fields) => ({ type: 'address', ...call(fields), address: readAddress(fields.bytes) }),
};

/** `clone`, `fork` and `vfork` take the shape of a raw call, with the context that raw exits lack. */
const spawning: Shape = {
  build: (fields) => ({ type: 'raw', ...call(fields), args: [number(fields, 4)] }),
};

/** What each message type holds, after gVisor's `pkg/sentry/seccheck/points/*.proto`. */
const SHAPES: Readonly<Record<number, Shape>> = {
  1: {
    text: [2, 3],
    list: 4,
    build: (fields) => ({
      type: 'start',
      context: fields.context,
      containerId: text(fields, 2),
      cwd: text(fields, 3),
      args: fields.list,
    }),
  },
  2: {
    build: (fields) => ({
      type: 'clone',
      context: fields.context,
      childTid: number(fields, 3),
      childTgid: number(fields, 4),
    }),
  },
  3: {
    text: [2],
    list: 3,
    build: (fields) => ({ type: 'image', context: fields.context, path: text(fields, 2), args: fields.list }),
  },
  5: { build: (fields) => ({ type: 'task-exit', context: fields.context, status: number(fields, 2) }) },
  6: {
    signed: [5, 6, 7, 8, 9, 10],
    build: (fields) => ({
      type: 'raw',
      ...call(fields, 4),
      args: [5, 6, 7, 8, 9, 10].map((field) => number(fields, field)),
    }),
  },
  7: {
    text: [5, 6],
    signed: [4],
    build: (fields) => ({
      type: 'open',
      ...call(fields),
      dirfd: number(fields, 4),
      fdPath: text(fields, 5),
      path: text(fields, 6),
      flags: number(fields, 7),
    }),
  },
  10: addressed,
  11: {
    text: [5, 6],
    list: 7,
    build: (fields) => ({
      type: 'exec',
      ...call(fields),
      fdPath: text(fields, 5),
      path: text(fields, 6),
      args: fields.list,
    }),
  },
  12: {
    signed: [4, 5, 6],
    build: (fields) => ({
      type: 'socket',
      ...call(fields),
      domain: number(fields, 4),
      socketType: number(fields, 5),
      protocol: number(fields, 6),
    }),
  },
  23: spawning,
  24: addressed,
  29: spawning,
};

/** Decodes one packet after the handshake. Total: any bytes give a message or a named reason, never an exception. */
export const decode = (packet: Buffer): Decoded => {
  const header = readHeader(packet);
  if (!header) return { ok: false, dropped: 0, reason: 'bad-header' };
  const { dropped } = header;
  const shape = SHAPES[header.type];
  if (!shape) return { ok: false, dropped, reason: 'unknown-type' };
  const fields = readFields(new FieldReader(packet, header.offset, packet.length), shape);
  if (!fields) return { ok: false, dropped, reason: 'bad-payload' };
  return { ok: true, dropped, message: shape.build(fields) };
};

function readFields(reader: FieldReader, shape: Shape): Fields | undefined {
  const fields: Fields = { context: ABSENT, numbers: [], texts: [], list: [], bytes: EMPTY };
  while (reader.next()) {
    if (reader.field > 10) continue;
    if (reader.isNumber) {
      fields.numbers[reader.field] = shape.signed?.includes(reader.field) ? reader.signed : reader.unsigned;
    } else if (!readSlice(reader, fields, shape)) return undefined;
  }
  return reader.failed ? undefined : fields;
}

/** Fields 1 and 2 are the context and the exit of every call; the image's and the container's field 2 is a text. */
function readSlice(reader: FieldReader, fields: Fields, shape: Shape): boolean {
  const { field } = reader;
  if (shape.text?.includes(field)) fields.texts[field] = reader.text(PATH_CHARS_MAX);
  else if (shape.list === field) {
    if (fields.list.length < ARGUMENTS_MAX) fields.list.push(reader.text(ARGUMENT_CHARS_MAX));
  } else if (shape.bytes === field) fields.bytes = reader.bytes(ADDRESS_BYTES_MAX);
  else if (field === 1) {
    const context = readContext(reader.nested());
    if (!context) return false;
    fields.context = context;
  } else if (field === 2) {
    const exit = readExit(reader.nested());
    if (!exit) return false;
    fields.exit = exit;
  }
  return true;
}

function readContext(reader: FieldReader): Context | undefined {
  let time: [number, number] = [0, 0];
  let tid = 0;
  let tgid = 0;
  let containerId = '';
  let cwd = '';
  while (reader.next()) {
    if (reader.isNumber) {
      if (reader.field === 1) time = reader.halves;
      else if (reader.field === 2) tid = reader.unsigned;
      else if (reader.field === 4) tgid = reader.unsigned;
    } else if (reader.field === 6) containerId = reader.text(PATH_CHARS_MAX);
    else if (reader.field === 8) cwd = reader.text(PATH_CHARS_MAX);
  }
  return reader.failed ? undefined : { time, tid, tgid, containerId, cwd };
}

function readExit(reader: FieldReader): Exit | undefined {
  let result = 0;
  let errno = 0;
  while (reader.next()) {
    if (!reader.isNumber) continue;
    if (reader.field === 1) result = reader.signed;
    else if (reader.field === 2) errno = reader.unsigned;
  }
  return reader.failed ? undefined : { result, errno };
}
