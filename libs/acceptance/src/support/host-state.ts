import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { engineObjects } from './engine.ts';
import { platform } from './facts.ts';
import { hostFacts } from './host.ts';

const ENTRIES_MAX = 50_000;
const NOBODY = 65_534;

/** Folders in which a program that got out would stay: compared by every entry's kind, mode, owner, size and change. */
const WATCHED = [
  '/etc',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/local/lib/python3',
  '/var/spool/cron',
  '/root/.ssh',
];
/** What the system itself is of, as deep as what a program would put there to be run by others. */
const SYSTEM = ['/usr/bin', '/usr/sbin', '/lib', '/opt', '/boot'];
const WATCHED_FILES = ['/root/.bashrc', '/root/.profile', '/root/.bash_profile', '/etc/shadow', '/etc/passwd'];
/** Folders that everyone writes to: only what belongs to the user of sandboxes counts. */
const SHARED = ['/tmp', '/var/tmp', '/dev/shm', '/run', '/dev/mqueue'];
const KERNEL = [
  'kernel/core_pattern',
  'kernel/modprobe',
  'kernel/hostname',
  'kernel/randomize_va_space',
  'kernel/unprivileged_bpf_disabled',
  'kernel/yama/ptrace_scope',
  'fs/suid_dumpable',
  'fs/binfmt_misc/status',
  'vm/overcommit_memory',
  'net/ipv4/ip_forward',
];

const quietly = <T>(read: () => T, otherwise: T): T => {
  try {
    return read();
  } catch {
    return otherwise;
  }
};

const textOf = (path: string): string => quietly(() => readFileSync(path, 'utf8'), '');

/** One line for what a path is, without its content: a write shows in its times, which no guest can set back. */
const lineOf = (path: string): string => {
  const about = quietly(() => lstatSync(path), undefined);
  if (about === undefined) return `${path} absent`;
  return `${path} ${about.mode.toString(8)} ${about.uid}:${about.gid} ${about.size} ${about.mtimeMs} ${about.ctimeMs}`;
};

const walk = (folder: string, depthMax: number, found: string[] = []): string[] => {
  for (const entry of quietly(() => readdirSync(folder, { withFileTypes: true }), [])) {
    if (found.length >= ENTRIES_MAX) break;
    const path = join(folder, entry.name);
    found.push(path);
    if (entry.isDirectory() && depthMax > 1) walk(path, depthMax - 1, found);
  }
  return found;
};

const fingerprint = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex');

/** Every entry of the folders that `hostState` has fingerprints of, a line each: to tell which of them a difference is. */
export const watchedEntries = (): string[] => [
  ...WATCHED.flatMap((folder) => walk(folder, 6).map(lineOf)),
  ...SYSTEM.flatMap((folder) => walk(folder, 2).map(lineOf)),
];

const ofNobody = (): string[] =>
  SHARED.flatMap((folder) => walk(folder, 1)).filter(
    (path) => quietly(() => lstatSync(path).uid, undefined) === NOBODY,
  );

/** What the platform was set up with; its data, its logs and its running state change all the time. */
const setUp = (home: string): string[] =>
  ['secrets', 'engine/daemon.json', 'engine/trace.json'].flatMap((name) => [
    lineOf(join(home, name)),
    ...walk(join(home, name), 2).map(lineOf),
  ]);

/** A host as it is seen from outside of every sandbox, in a form in which two states can be compared. */
export const hostState = async (): Promise<Readonly<Record<string, unknown>>> => {
  const { home, dockerSocket } = platform();
  return {
    ...(await hostFacts()),
    files: [
      ...WATCHED.map((folder) => `${lineOf(folder)} ${fingerprint(walk(folder, 6).map(lineOf))}`),
      ...SYSTEM.map((folder) => `${lineOf(folder)} ${fingerprint(walk(folder, 2).map(lineOf))}`),
      ...WATCHED_FILES.map(lineOf),
    ],
    filesOfNobody: ofNobody().sort(),
    setUp: setUp(home).sort(),
    kernel: KERNEL.map((name) => `${name} ${textOf(`/proc/sys/${name}`).trim()}`),
    modules: textOf('/proc/modules')
      .split('\n')
      .map((line) => line.split(' ', 1)[0] ?? '')
      .sort(),
    namedNetworks: walk('/run/netns', 1).sort(),
    engine: await engineObjects(dockerSocket),
  };
};

const named = (text: string, ids: ReadonlySet<string>): boolean =>
  (text.match(/[0-9a-f]{64}/g) ?? []).some((id) => ids.has(id));

const processesOf = (ids: ReadonlySet<string>): string[] =>
  quietly(() => readdirSync('/proc'), [])
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => named(textOf(`/proc/${pid}/cgroup`) + textOf(`/proc/${pid}/cmdline`), ids))
    .map((pid) => `process ${pid} ${textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 80)}`);

const placesOf = (ids: ReadonlySet<string>, ...folders: readonly [string, number][]): string[] =>
  folders.flatMap(([folder, depth]) => walk(folder, depth).filter((path) => named(path, ids)));

const socketsOf = (ids: ReadonlySet<string>): string[] =>
  textOf('/proc/net/unix')
    .split('\n')
    .filter((line) => named(line, ids));

const namespacesOf = (pids: readonly string[]): string[] =>
  pids.map((pid) => quietly(() => readlinkSync(`/proc/${pid}/ns/net`), ''));

/** Everything on the host that still names one of these sandboxes: processes, control groups, mounts, places, sockets. */
export const tracesOf = (sandboxIds: readonly string[]): string[] => {
  const ids = new Set(sandboxIds);
  const { home } = platform();
  const processes = processesOf(ids);
  return [
    ...processes,
    ...namespacesOf(processes.map((line) => line.split(' ')[1] ?? '')),
    ...textOf('/proc/self/mountinfo')
      .split('\n')
      .filter((line) => named(line, ids)),
    ...placesOf(ids, ['/sys/fs/cgroup', 4], [join(home, 'engine/data/containers'), 1], ['/run/docker/netns', 1]),
    ...socketsOf(ids),
  ];
};
