import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, run, waitFor } from './command.ts';
import { engineInfo, isGvisor, runContainer, type EngineInfo } from './engine-api.ts';
import {
  daemonConfiguration,
  fitsSockets,
  provesGvisor,
  traceConfiguration,
  unwatchedRuntime,
  watchedRuntime,
  type TracePoint,
} from './engine-config.ts';
import { PlatformFailure, messageOf } from './failure.ts';
import type { Gvisor } from './gvisor.ts';
import { rememberOutside, writeAtomically, type Home } from './home.ts';
import { rootPrefix } from './privilege.ts';
import {
  ensureProcess,
  logTail,
  privateDirectory,
  runningProcess,
  signalProcess,
  stopProcess,
  type ProcessSpec,
} from './process.ts';

/** An engine that runs sandboxes in gVisor. */
export interface Engine {
  readonly socket: string;
  /** Runtime for trials: it reports to `traceSocket` where there is one. */
  readonly runtime: string;
  /** The same isolation without the report; absent on a foreign engine. */
  readonly unwatchedRuntime: string;
  readonly traceSocket: string | undefined;
  /** Where an engine of our own keeps what it runs; absent on a foreign engine. */
  readonly root?: string;
  /** `own`: started by us, everything in it is ours. `foreign`: somebody's, we touch nothing but our containers. */
  readonly kind: 'own' | 'foreign';
  readonly description: string;
}

export const pointsFile = (repository: string): string =>
  join(repository, 'services/sandbox-executor/src/kernel-watch/points.json');

/** The trace points the executor understands; undefined when it has none. */
const readPoints = (repository: string): TracePoint[] | undefined => {
  const file = pointsFile(repository);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as TracePoint[]) : undefined;
};

/** Where sockets go: below the home, or in a short folder when the home's path leaves no room for their names. */
const socketFolder = (home: Home): string => {
  const inside = join(home.engine, 'run');
  if (fitsSockets(inside)) return privateDirectory(inside);
  const outside = `/run/crucible/${home.hash}`;
  rememberOutside(home, outside);
  privateDirectory('/run/crucible', 0o711);
  return privateDirectory(outside);
};

export const ownSocket = (home: Home): string => join(socketFolder(home), 'docker.sock');

const engineSpec = (home: Home, dockerd: string, folder: string): ProcessSpec => ({
  name: 'engine',
  argv: [
    dockerd,
    '--config-file',
    join(home.engine, 'daemon.json'),
    '--data-root',
    join(home.engine, 'data'),
    '--exec-root',
    join(folder, 'exec'),
    '-p',
    join(folder, 'docker.pid'),
    '-H',
    `unix://${join(folder, 'docker.sock')}`,
    '--bridge=none',
    '--iptables=false',
    '--ip6tables=false',
  ],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  cwd: home.engine,
  stopSignal: 'SIGTERM',
  stopWaitMs: 20_000,
  privileged: true,
  ownPidFiles: [join(folder, 'docker.pid'), join(folder, 'exec', 'containerd', 'containerd.pid')],
});

const writeIfChanged = (path: string, text: string): boolean => {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  writeAtomically(path, text, 0o644);
  return true;
};

const hasRuntimes = (info: EngineInfo | undefined, gvisor: Gvisor): boolean =>
  [watchedRuntime, unwatchedRuntime].every((name) => info?.Runtimes[name]?.path === gvisor.path);

const awaitEngine = async (home: Home, socket: string): Promise<EngineInfo> => {
  const info = await waitFor(async () => {
    if (!runningProcess(home, 'engine')) return false;
    return existsSync(socket) ? engineInfo(socket) : undefined;
  }, 60_000);
  if (!info) {
    throw new PlatformFailure(
      `the container engine did not start:\n${logTail(home, 'engine')}`,
      'see the whole of it with ./crucible logs engine',
    );
  }
  return info;
};

/**
 * Fails early where no engine of our own can ever run, before anything slow is begun.
 * @throws PlatformFailure with what to do instead.
 */
export const requireOwnEnginePossible = async (): Promise<void> => {
  if (process.platform !== 'linux') {
    throw new PlatformFailure(`sandboxes need Linux, and this is ${process.platform}`, 'see ./crucible doctor');
  }
  if ((await rootPrefix()) === undefined) {
    throw new PlatformFailure(
      'a container engine of our own needs root',
      'run ./crucible as root, or allow your user sudo without a password (see ./crucible doctor)',
    );
  }
};

/**
 * Runs an engine of our own: own socket, data and pid file, no network, gVisor only.
 * @throws PlatformFailure without `dockerd`, without root, or with the end of its log when it does not answer in 60 s.
 */
export const ensureOwnEngine = async (
  home: Home,
  options: { repository: string; gvisor: Gvisor; path: string },
): Promise<Engine & { started: boolean }> => {
  const { gvisor } = options;
  const dockerd = findProgram('dockerd', options.path);
  if (!dockerd) throw new PlatformFailure('dockerd is not installed', 'apt-get install docker.io');
  const folder = socketFolder(home);
  const socket = join(folder, 'docker.sock');
  const traceSocket = join(folder, 'trace.sock');
  const points = readPoints(options.repository);
  const trace = points === undefined ? undefined : join(home.engine, 'trace.json');
  if (points !== undefined && trace !== undefined) writeIfChanged(trace, traceConfiguration(points, traceSocket));
  const gid = process.getgid?.() ?? 0;
  const changed = writeIfChanged(join(home.engine, 'daemon.json'), daemonConfiguration({ gvisor, trace, gid }));
  let { started } = await ensureProcess(home, engineSpec(home, dockerd, folder));
  let info = await awaitEngine(home, socket);
  if (changed && !started) {
    // Runtimes are read again on this signal; anything else that changed asks for a new start.
    await signalProcess(home, 'engine', 'SIGHUP');
    const reread = await waitFor(async () => hasRuntimes(await engineInfo(socket), gvisor) || undefined, 2_000);
    if (!reread) {
      await stopProcess(home, 'engine');
      started = (await ensureProcess(home, engineSpec(home, dockerd, folder))).started;
      info = await awaitEngine(home, socket);
    }
  }
  return {
    socket,
    runtime: trace === undefined ? unwatchedRuntime : watchedRuntime,
    unwatchedRuntime,
    traceSocket: trace === undefined ? undefined : traceSocket,
    root: join(folder, 'exec'),
    kind: 'own',
    description: `Docker ${info.ServerVersion}, runsc ${gvisor.version} (${gvisor.platform})`,
    started,
  };
};

/**
 * An engine of the user's that already has gVisor, taken as it is; undefined when there is none. A home that has an
 * engine of its own keeps it unless another is asked for: it gives more evidence.
 */
export const findForeignEngine = async (home: Home, dockerHost: string | undefined): Promise<Engine | undefined> => {
  if (dockerHost === undefined && existsSync(join(home.engine, 'daemon.json'))) return undefined;
  const socket = dockerHost === undefined ? '/var/run/docker.sock' : /^unix:\/\/(\/.+)$/.exec(dockerHost)?.[1];
  if (socket === undefined || !existsSync(socket)) return undefined;
  const info = await engineInfo(socket);
  const runtime = Object.entries(info?.Runtimes ?? {}).find(([name, found]) => isGvisor(name, found))?.[0];
  if (info === undefined || runtime === undefined) return undefined;
  return {
    socket,
    runtime,
    unwatchedRuntime: runtime,
    traceSocket: undefined,
    kind: 'foreign',
    description: `Docker ${info.ServerVersion} at ${socket}, its runtime ${runtime}`,
  };
};

const hostKernel = async (): Promise<string> =>
  existsSync('/proc/version') ? readFileSync('/proc/version', 'utf8') : (await run(['uname', '-v'])).stdout;

/**
 * Starts one container and looks whether the kernel it sees is gVisor's.
 * @throws PlatformFailure when it is not, or when that cannot be shown: nothing hostile runs on a guess.
 */
export const proveIsolation = async (engine: Engine, image: string, homeHash: string): Promise<void> => {
  const remedy =
    engine.kind === 'own'
      ? 'see ./crucible logs engine, and ./crucible doctor'
      : `the runtime ${engine.runtime} of the engine at ${engine.socket} must be gVisor's runsc`;
  let output: string;
  try {
    const ran = await runContainer(engine.socket, {
      image,
      runtime: engine.unwatchedRuntime,
      command: ['/bin/sh', '-c', 'cat /proc/version; dmesg'],
      labels: { 'crucible.home': homeHash },
      timeoutMs: 30_000,
    });
    output = ran.output;
  } catch (error) {
    throw new PlatformFailure(`a sandbox could not be started: ${messageOf(error)}`, remedy);
  }
  if (!provesGvisor(output, await hostKernel())) {
    const seen = output.replace(/[^\x20-\x7e\n]/g, '?').slice(0, 300);
    throw new PlatformFailure(`what runs sandboxes is not gVisor; a program in one saw:\n${seen}`, remedy);
  }
};
