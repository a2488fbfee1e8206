import { constants } from 'node:os';

interface Base {
  /** Nanoseconds since the container's start. */
  readonly t: number;
  readonly tid: number;
  /** The process; 0 where gVisor does not say. */
  readonly tgid: number;
  /** Program the process last executed, by its file's name: hostile. */
  readonly proc: string;
}

/** One thing a guest did, as the rules see it and, cut to size, as the `kernel` evidence holds it. Strings are hostile. */
export type Act = Base &
  (
    | { kind: 'start'; cwd: string; args: readonly string[] }
    | { kind: 'spawn'; childTid: number; childTgid: number }
    | { kind: 'spawned'; name: string; flags: number; errno: string }
    | { kind: 'image'; path: string; args: readonly string[] }
    | { kind: 'exit'; status: number }
    /** `forTool`: by init, for a file tool that the subject called, and so as much the subject's as what its processes open. */
    | { kind: 'open'; path: string; write: boolean; errno: string; forTool?: true }
    | { kind: 'exec'; path: string; args: readonly string[] }
    | { kind: 'socket'; family: number; socketType: number; protocol: number; errno: string }
    | { kind: 'connect'; family: number; address: string; local: boolean; errno: string }
    | { kind: 'bind'; family: number; address: string; local: boolean; errno: string }
    | { kind: 'call'; name: string; args: readonly number[] }
    | { kind: 'opaque'; name: string; errno: string }
    | { kind: 'concealed'; name: string }
  );

export type ActOf<K extends Act['kind']> = Extract<Act, { kind: K }>;

/** `errno` of a call that never came back: its process was killed in it. */
export const UNFINISHED = 'unfinished';

/** The first of two names for one number is the usual one: `EAGAIN`, not `EWOULDBLOCK`. */
const ERRNO_NAMES = new Map(
  Object.entries(constants.errno)
    .reverse()
    .map(([name, code]) => [code, name]),
);

/** `''` for success. */
export const errnoName = (errno: number): string => (errno === 0 ? '' : (ERRNO_NAMES.get(errno) ?? `errno-${errno}`));

const O_ACCMODE = 0o3;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_PATH = 0o10000000;
const O_TMPFILE = 0o20000000;

/** Whether an `open` with these flags could change or make a file. */
export const opensForWriting = (flags: number): boolean =>
  (flags & O_PATH) === 0 && (flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE)) !== 0;

const LINE_TEXT_CHARS_MAX = 256;

const cut = (value: unknown): unknown => {
  if (typeof value === 'string')
    return value.length > LINE_TEXT_CHARS_MAX ? `${value.slice(0, LINE_TEXT_CHARS_MAX)}…` : value;
  return Array.isArray(value) ? value.map(cut) : value;
};

const isLong = (value: unknown): boolean =>
  typeof value === 'string' ? value.length > LINE_TEXT_CHARS_MAX : Array.isArray(value) && value.some(isLong);

/**
 * One line of evidence: compact JSON, its texts cut, ended by a newline.
 * @param n ordinal among all acts of the trial, from 1
 * @param at epoch milliseconds
 */
export const toLine = (act: Act, n: number, at: number): string => {
  const record: Record<string, unknown> = { n, at, ...act };
  // Hardly ever needed, and asking first is far cheaper than a replacer in every line.
  for (const key in record) if (isLong(record[key])) record[key] = cut(record[key]);
  return `${JSON.stringify(record)}\n`;
};

/**
 * Hears of each act as it is read, in order.
 * @param n ordinal among all acts of the trial, from 1: the `n` of its line of evidence
 * @param at epoch milliseconds
 * @returns whether the act is telling: its line is then kept however much else is left out
 */
export type OnAct = (act: Act, n: number, at: number) => boolean;
