import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Paths by the id of the container that they were made for. */
export type Remains = ReadonlyMap<string, readonly string[]>;

const HEX_64 = '[0-9a-f]{64}';
const CONTAINER_ID = new RegExp(`^${HEX_64}$`);
/** What gVisor keeps of a container that it runs: its state, a lock over that, and the socket of its kernel. */
const STATE_FILE = new RegExp(`^(?:(${HEX_64})_sandbox:\\1\\.(?:state|lock)|runsc-(${HEX_64})\\.sock)$`);
/** A container's cgroup by plain files and by systemd. */
const CGROUP = new RegExp(`^(?:docker-)?(${HEX_64})(?:\\.scope)?$`);
const CGROUPS = '/sys/fs/cgroup';
const CGROUP_DEPTH_MAX = 4;

/** Where an engine keeps what runs when nobody says otherwise. */
const SHARED_ENGINE_ROOT = '/run/docker';
/** Containerd's shims listen here, whichever engine they are of, under a digest of their engine and container. */
const SHIM_SOCKETS = '/run/containerd/s';

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};
const foldersIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((each) =>
      each.isDirectory() ? join(folder, each.name) : [],
    );
  } catch {
    return [];
  }
};

const gathered = (found: Iterable<readonly [id: string, path: string]>): Remains => {
  const paths = new Map<string, string[]>();
  for (const [id, path] of found) paths.set(id, [...(paths.get(id) ?? []), path]);
  return paths;
};

/** What gVisor and the engine's pipes left on disk below an engine's folder, for whatever container. */
export const stateFiles = (engineRoot = SHARED_ENGINE_ROOT): Remains => {
  const runtimes = foldersIn(engineRoot).filter((folder) => basename(folder).startsWith('runtime'));
  const states = runtimes
    .flatMap((folder) => [folder, ...foldersIn(folder)])
    .flatMap((folder) => namesIn(folder).map((name) => [STATE_FILE.exec(name), join(folder, name)] as const))
    .flatMap(([match, path]) => (match === null ? [] : [[match[1] ?? match[2] ?? '', path] as const]));
  const pipes = foldersIn(join(engineRoot, 'containerd'))
    .filter((folder) => CONTAINER_ID.test(basename(folder)))
    .flatMap((folder) =>
      [...namesIn(folder).map((name) => join(folder, name)), folder].map((path) => [basename(folder), path] as const),
    );
  return gathered([...states, ...pipes]);
};

/** Every cgroup that some engine made for a container: in each controller of version 1, and in version 2. */
export const cgroupFolders = (root = CGROUPS): Remains =>
  gathered(
    [root, ...foldersIn(root)]
      .flatMap((hierarchy) => [join(hierarchy, 'docker'), join(hierarchy, 'system.slice')])
      .flatMap((folder) =>
        foldersIn(folder).flatMap((path) => {
          const id = CGROUP.exec(basename(path))?.[1];
          return id === undefined ? [] : [[id, path] as const];
        }),
      ),
  );

/** Sockets of a container's shim that nobody listens on any more. A shim that was killed leaves its own. */
export const shimSockets = (
  containerId: string,
  engineRoot: string | undefined,
  folder = SHIM_SOCKETS,
): readonly string[] => {
  const engines =
    engineRoot === undefined
      ? ['/run/containerd/containerd.sock', '/var/run/docker/containerd/containerd.sock']
      : [join(engineRoot, 'containerd', 'containerd.sock')];
  const paths = engines
    .map((address) =>
      createHash('sha256')
        .update(join(address, 'moby', containerId))
        .digest('hex'),
    )
    .map((digest) => join(folder, digest))
    .filter((path) => existsSync(path));
  if (paths.length === 0) return [];
  const bound = readFileSync('/proc/net/unix', 'utf8');
  return paths.filter((path) => !bound.includes(` ${path}\n`));
};

const failureOf = (act: () => void): string | null => {
  try {
    act();
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? null : (code ?? String(error));
  }
};

/** Removes files, pipes and sockets, and folders that are empty then. @returns why not all are gone, or null */
export const removeFiles = (paths: readonly string[]): string | null =>
  paths.map((path) => failureOf(() => (lstatSync(path).isDirectory() ? rmdirSync : unlinkSync)(path))).find(Boolean) ??
  null;

/** Innermost first. The kernel itself refuses to remove a cgroup in which there is a process. */
const removeCgroup = (folder: string, depth: number): string | null => {
  if (depth < CGROUP_DEPTH_MAX) for (const inner of foldersIn(folder)) removeCgroup(inner, depth + 1);
  return failureOf(() => rmdirSync(folder));
};

/** @returns why not all are gone, or null */
export const removeCgroups = (folders: readonly string[]): string | null =>
  folders.map((folder) => removeCgroup(folder, 0)).find(Boolean) ?? null;
