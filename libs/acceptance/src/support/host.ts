import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { aboutContainer, containersAt, containersOfTrials } from './engine.ts';
import type { Container } from './engine.ts';
import { platform } from './facts.ts';
import { history } from './history.ts';
import { sleep } from './wait.ts';

/** User of every sandbox, and of nothing else that comes and goes. */
const NOBODY = 65_534;
const CONTROL_GROUPS = '/sys/fs/cgroup';
/** Where the engine makes the control groups of containers. */
const OF_ENGINE = 'docker';
/** Between two looks at what listens: what was open for a moment only is no port of this host. */
const LASTING_MS = 500;

const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const processes = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

const linkOr = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

/** Processes that name our home among their arguments or variables: everything we run, and every sandbox. */
const ours = (home: string): string[] =>
  processes().filter(
    (pid) =>
      Number(pid) !== process.pid &&
      (readOr(`/proc/${pid}/cmdline`).includes(home) ||
        readOr(`/proc/${pid}/environ`).includes(`CRUCIBLE_HOME=${home}\0`)),
  );

const programOf = (pid: string): string => {
  const [program = '', ...rest] = readOr(`/proc/${pid}/cmdline`).split('\0');
  const entry = rest.find((word) => /\/src\/.*main\.ts$/.test(word));
  return entry?.replace(/^.*\/(services|libs)\//, '') ?? program.replace(/^.*\//, '').split(' ', 1)[0] ?? '';
};

const socketsOf = (pid: string): string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .map((fd) => linkOr(`/proc/${pid}/fd/${fd}`))
      .filter((link) => link.startsWith('socket:'));
  } catch {
    return [];
  }
};

/** Every port of this host that somebody listens on, whoever it is, with the program: TCP that listens, UDP that is bound. */
const listening = (): string[] => {
  const owners = new Map(processes().flatMap((pid) => socketsOf(pid).map((link) => [link, pid] as const)));
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
    readOr(`/proc/net/${table}`)
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const field = line.trim().split(/\s+/);
        if (field[3] !== (table.startsWith('udp') ? '07' : '0A')) return [];
        const owner = owners.get(`socket:[${field[9]}]`);
        return [`${table} ${field[1]} ${owner === undefined ? 'nobody to be seen' : programOf(owner)}`];
      }),
  );
};

const lastingPorts = async (): Promise<string[]> => {
  const before = new Set(listening());
  await sleep(LASTING_MS);
  return listening().filter((line) => before.has(line));
};

/** Everything that runs as the user of sandboxes does, in whatever container or in none. */
const ofNobody = (isOther: (text: string) => boolean): string[] =>
  processes()
    .filter((pid) => new RegExp(`^Uid:.*\\b${NOBODY}\\b`, 'm').test(readOr(`/proc/${pid}/status`)))
    .filter((pid) => !isOther(readOr(`/proc/${pid}/cgroup`) + readOr(`/proc/${pid}/cmdline`)))
    .map((pid) => `${programOf(pid)} ${readOr(`/proc/${pid}/comm`).trim()} in ${readOr(`/proc/${pid}/cgroup`).trim()}`);

const foldersIn = (folder: string): string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(folder, entry.name)] : [],
    );
  } catch {
    return [];
  }
};

/**
 * The control groups at the top of every hierarchy and all that the engine has below its own; and what the kernel is told
 * to run when one of them empties. What others of this host make below theirs comes and goes.
 */
const controlGroups = (): string[] => {
  const isUnified = existsSync(join(CONTROL_GROUPS, 'cgroup.controllers'));
  const hierarchies = isUnified ? [CONTROL_GROUPS] : foldersIn(CONTROL_GROUPS);
  const below = (folder: string): string[] => foldersIn(folder).flatMap((path) => [path, ...below(path)]);
  return hierarchies.flatMap((root) => [
    ...foldersIn(root),
    ...below(join(root, OF_ENGINE)),
    ...['release_agent', 'notify_on_release'].map((name) => `${root} ${name} ${readOr(join(root, name)).trim()}`),
  ]);
};

/** Says of a line whether it names a container that no trial began in: one that waits, or was made for a proof. */
const namesNoTrial = async (): Promise<(text: string) => boolean> => {
  const begun = new Set(
    (await history()).flatMap(({ event }) =>
      event.type === 'crucible.trial.started.v2' ? (event.data.sandboxId ?? []) : [],
    ),
  );
  return (text) => (text.match(/[0-9a-f]{64}/g) ?? []).some((id) => !begun.has(id));
};

/** What the host has of sandboxes that were made ahead and wait: their ids, mounts and network namespaces, as text. */
const aboutWaiting = async (socket: string, trials: readonly Container[]): Promise<string> => {
  const waiting = (await containersAt(socket)).filter(({ Id }) => !trials.some((trial) => trial.Id === Id));
  return (await Promise.all(waiting.map(({ Id }) => aboutContainer(socket, Id)))).join('\n');
};

/** Whether a line about the host names a container, or is a place, of those in the text. */
const isIn = (text: string, line: string): boolean =>
  text.includes(JSON.stringify(line)) || (line.match(/[0-9a-f]{64}/g) ?? []).some((id) => text.includes(id));

/**
 * What a platform at rest is on its host: nothing that a trial did may change any of it. Sandboxes that wait for trials to
 * come are left out: there are now more of them, now fewer.
 */
export const hostFacts = async (): Promise<Readonly<Record<string, readonly string[]>>> => {
  const { home, dockerSocket } = platform();
  const trials = await containersOfTrials();
  const waiting = await aboutWaiting(dockerSocket, trials);
  const isOther = await namesNoTrial();
  const mine = ours(home).filter((pid) => !isIn(waiting, readOr(`/proc/${pid}/cmdline`)));
  return {
    processes: mine.map(programOf).sort(),
    mounts: readOr('/proc/self/mountinfo')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => point.startsWith(home) && !isIn(waiting, point))
      .sort(),
    networkNamespaces: [
      ...new Set(mine.map((pid) => linkOr(`/proc/${pid}/ns/net`)).filter((name) => name !== '')),
    ].sort(),
    listening: (await lastingPorts()).sort(),
    processesOfNobody: ofNobody(isOther).sort(),
    controlGroups: controlGroups()
      .filter((line) => !isOther(line))
      .sort(),
    containers: trials.map(({ Id }) => Id),
  };
};
