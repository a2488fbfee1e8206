import { randomBytes } from 'node:crypto';
import type { SandboxLimits } from '@crucible/events';
import type { SandboxSpec, SessionSpec } from './port.ts';
import { OPERATOR_BYTES_MAX, SESSION, WORK_FOLDER, baseEnv } from './host-config.ts';

/** A secret: only who knows it can write a record that carries it. 32 lower-case hex digits. */
export const newNonce = (): string => randomBytes(16).toString('hex');

/** Words to init after the header. Stop: end the program and report. Bye: the report has been read (or will not be), exit. */
export const STOP = Buffer.from('s');
export const BYE = Buffer.from('b');

/** How long after its wall time a sandbox ends itself, if nobody outside has done so. */
const OVERDUE_MS = 10_000;
const CORE_BYTES_MAX = 0;
const FILE_MODE = 0o644;
const ARGUMENTS_MAX = 1_024;
/** As many as a snapshot gives, and what a scoring program gets beside them. */
const FILES_MAX = 10_016;
const PATH_CHARS_MAX = 1_024;

/** Why a path cannot name a file below a folder, without a subject, or null. */
export const pathRefusal = (path: string): string | null => {
  if (path.length === 0 || path.length > PATH_CHARS_MAX) return `must have 1 to ${PATH_CHARS_MAX} characters`;
  if (path.includes('\0')) return 'must not hold a zero byte';
  const steps = path.split('/');
  return steps.some((step) => step === '' || step === '.' || step === '..')
    ? 'must be relative and stay in its folder'
    : null;
};

const filesRefusal = (files: readonly { path: string; content: Uint8Array }[], bytesMax: number): string | null => {
  if (files.length > FILES_MAX) return `more than ${FILES_MAX} files`;
  const seen = new Set<string>();
  let bytes = 0;
  for (const { path, content } of files) {
    const why = pathRefusal(path) ?? (seen.has(path) ? 'is given twice' : null);
    if (why !== null) return `file ${JSON.stringify(path.slice(0, 100))} ${why}`;
    seen.add(path);
    bytes += content.byteLength;
  }
  return bytes > bytesMax ? `files take ${bytes} bytes, the disk limit is ${bytesMax}` : null;
};

type Variables = Readonly<Record<string, string>>;

/** What a program finds in its environment: what every sandbox has, what tripwires add, what was asked for. */
export const envOf = ({ canaries, env }: Pick<SandboxSpec, 'canaries' | 'env'>): Variables => ({
  ...baseEnv,
  ...canaries?.env,
  ...env,
});

const envRefusal = (env: Variables): string | null => {
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `environment variable name ${JSON.stringify(name)} is not valid`;
    if (value.includes('\0')) return `environment variable ${name} must not hold a zero byte`;
  }
  return null;
};

/** Why a program cannot be run, or null. `env` is all of its environment. */
export const programRefusal = (
  { argv, stdin, env }: Pick<SandboxSpec, 'argv' | 'stdin' | 'env'>,
  stdinBytesMax: number,
): string | null => {
  if (argv.length === 0 || argv[0] === '') return 'argv must name a program';
  if (argv.length > ARGUMENTS_MAX) return `argv has more than ${ARGUMENTS_MAX} entries`;
  if (argv.some((argument) => argument.includes('\0'))) return 'argv must not hold a zero byte';
  if ((stdin?.byteLength ?? 0) > stdinBytesMax) return 'standard input is larger than the disk limit';
  return envRefusal(env);
};

const givenFilesRefusal = ({ files, canaries, limits }: SessionSpec): string | null =>
  filesRefusal(files, limits.diskBytesMax) ?? filesRefusal(canaries?.files ?? [], OPERATOR_BYTES_MAX / 2);

/** Why a spec cannot be run, or null. The same paths are refused again inside the sandbox. */
export const specRefusal = (spec: SandboxSpec): string | null =>
  programRefusal({ ...spec, env: envOf(spec) }, spec.limits.diskBytesMax) ?? givenFilesRefusal(spec);

/** Init's own descriptors, and those of all calls at once. */
const SESSION_FILES_OPEN_MIN = 128;

/** Why a session cannot be opened with a spec, or null. */
export const sessionRefusal = (spec: SessionSpec): string | null => {
  const { filesOpenMax } = spec.limits;
  if (filesOpenMax < SESSION_FILES_OPEN_MIN) {
    return `filesOpenMax is ${filesOpenMax}, and a session needs at least ${SESSION_FILES_OPEN_MIN}`;
  }
  return envRefusal(envOf(spec)) ?? givenFilesRefusal(spec);
};

export const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const blob = (value: string | Uint8Array): Buffer[] => {
  const bytes =
    typeof value === 'string'
      ? Buffer.from(value, 'utf8')
      : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return [number(bytes.byteLength), bytes];
};
const blobs = (values: readonly string[]): Buffer[] => [number(values.length), ...values.flatMap(blob)];

/**
 * What init reads from its standard input, in the order of `main()` in init.py. Numbers are 64-bit big-endian; a blob is
 * its length and its bytes; a list is its count and its items. This comes first and makes it tell what it finds;
 * an empty nonce spares it that.
 */
export const encodeProbe = (nonce: string): Buffer => Buffer.concat(blob(nonce));

export interface Launch {
  readonly argv: readonly string[];
  /** All of it. */
  readonly env: Variables;
  /** Absolute. */
  readonly cwd: string;
  readonly hasStdin: boolean;
  /** Its output goes through pipes of its own instead of through init's. */
  readonly apart: boolean;
}

/** What a process that init has waiting needs to become a program. */
export const encodeLaunch = (launch: Launch, { pidsMax, filesOpenMax, fileBytesMax }: SandboxLimits): Buffer =>
  Buffer.concat([
    ...blobs(launch.argv),
    ...blobs(Object.entries(launch.env).map(([name, value]) => `${name}=${value}`)),
    ...blob(launch.cwd),
    // Linux counts by user, and init is of the same one.
    number(pidsMax + 1),
    number(filesOpenMax),
    number(fileBytesMax),
    number(CORE_BYTES_MAX),
    number(launch.hasStdin ? 1 : 0),
    number(launch.apart ? 1 : 0),
  ]);

/** @param launch empty for a session, whose text follows */
const encodeStart = (spec: SessionSpec, nonce: string, launch: Uint8Array, stdin: Uint8Array | null): Buffer => {
  const { limits } = spec;
  const file = (path: string, mode: number, content: Uint8Array): Buffer[] => [
    ...blob(path),
    number(mode),
    ...blob(content),
  ];
  const canaries = spec.canaries?.files ?? [];
  return Buffer.concat([
    ...blob(nonce),
    ...blob(launch),
    number(limits.pidsMax),
    number(limits.fileBytesMax),
    number(limits.wallTimeMsMax + OVERDUE_MS),
    ...blob(stdin ?? new Uint8Array()),
    number(spec.files.length),
    ...spec.files.flatMap(({ path, content }) => file(path, FILE_MODE, content)),
    number(canaries.length),
    ...canaries.flatMap(({ path, mode, content }) => file(path, mode, content)),
  ]);
};

/** What makes a probed init run a program. */
export const encodeProgram = (spec: SandboxSpec, nonce: string): Buffer => {
  const { argv, stdin, limits } = spec;
  const launch = { argv, env: envOf(spec), cwd: WORK_FOLDER, hasStdin: stdin !== null, apart: false };
  return encodeStart(spec, nonce, encodeLaunch(launch, limits), stdin);
};

/** What makes a probed init keep a session: frames (session/frames.ts) come after it. */
export const encodeSession = (spec: SessionSpec, nonce: string): Buffer =>
  Buffer.concat([encodeStart(spec, nonce, new Uint8Array(), null), ...blob(SESSION)]);
