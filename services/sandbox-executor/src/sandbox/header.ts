import { randomBytes } from 'node:crypto';
import type { SandboxSpec } from './port.ts';
import { OPERATOR_BYTES_MAX, baseEnv } from './host-config.ts';

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
const FILES_MAX = 10_000;
const PATH_CHARS_MAX = 1_024;

const pathRefusal = (path: string): string | null => {
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

const envOf = (spec: SandboxSpec): Readonly<Record<string, string>> => ({
  ...baseEnv,
  ...spec.canaries?.env,
  ...spec.env,
});

/** Why a spec cannot be run, or null. The same paths are refused again inside the sandbox. */
export const specRefusal = (spec: SandboxSpec): string | null => {
  if (spec.argv.length === 0 || spec.argv[0] === '') return 'argv must name a program';
  if (spec.argv.length > ARGUMENTS_MAX) return `argv has more than ${ARGUMENTS_MAX} entries`;
  if (spec.argv.some((argument) => argument.includes('\0'))) return 'argv must not hold a zero byte';
  for (const [name, value] of Object.entries(envOf(spec))) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `environment variable name ${JSON.stringify(name)} is not valid`;
    if (value.includes('\0')) return `environment variable ${name} must not hold a zero byte`;
  }
  if ((spec.stdin?.byteLength ?? 0) > spec.limits.diskBytesMax) return 'standard input is larger than the disk limit';
  return (
    filesRefusal(spec.files, spec.limits.diskBytesMax) ??
    filesRefusal(spec.canaries?.files ?? [], OPERATOR_BYTES_MAX / 2)
  );
};

const number = (value: number): Buffer => {
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

/** What the process that init has waiting needs to become the program. */
const encodeLaunch = (spec: SandboxSpec): Buffer => {
  const { pidsMax, filesOpenMax, fileBytesMax } = spec.limits;
  return Buffer.concat([
    ...blobs(spec.argv),
    ...blobs(Object.entries(envOf(spec)).map(([name, value]) => `${name}=${value}`)),
    // Linux counts by user, and init is of the same one.
    number(pidsMax + 1),
    number(filesOpenMax),
    number(fileBytesMax),
    number(CORE_BYTES_MAX),
    number(spec.stdin === null ? 0 : 1),
  ]);
};

/** What makes a probed init run a program. */
export const encodeProgram = (spec: SandboxSpec, nonce: string): Buffer => {
  const { limits, stdin } = spec;
  const file = (path: string, mode: number, content: Uint8Array): Buffer[] => [
    ...blob(path),
    number(mode),
    ...blob(content),
  ];
  const canaries = spec.canaries?.files ?? [];
  return Buffer.concat([
    ...blob(nonce),
    ...blob(encodeLaunch(spec)),
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
