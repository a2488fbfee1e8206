import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { openDeadLetters, openText } from '../client/dead-letters.ts';
import type { Settings } from '../config.ts';
import { findBrowser } from './browser.ts';
import { findProgram, run } from './command.ts';
import { imageExists } from './engine-api.ts';
import { findForeignEngine, type Engine } from './engine.ts';
import { messageOf, PlatformFailure } from './failure.ts';
import { knownRunsc } from './gvisor.ts';
import { locateHome, readState, type Home } from './home.ts';
import { readRecipe, wasImported } from './image.ts';
import { foreignNats } from './nats.ts';
import { currentPlatform } from './platform.ts';
import { distribution, installRemedy } from './packages.ts';
import { isFree, listenerOf } from './ports.ts';
import { foreignPostgres } from './postgres.ts';
import { hasPostgresPrograms } from './postgres-binaries.ts';
import { rootPrefix } from './privilege.ts';
import { runningProcess } from './process.ts';
import { mergeSettings, type Remembered } from './settings.ts';

/** One thing this machine needs. `warn`: it works, or `up` will see to it; `fail`: `up` cannot succeed before it is mended. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  readonly remedy?: string;
}

interface Examined {
  readonly settings: Settings;
  readonly home: Home;
  readonly remembered: Remembered;
  readonly path: string;
  readonly foreign: Engine | undefined;
  /** Whether `up` may install packages here. */
  readonly installs: boolean;
  readonly isRoot: boolean;
}

type Verdict = Omit<Finding, 'name'>;
type Check = (examined: Examined) => Verdict | Promise<Verdict>;

const ok = (found: string): Verdict => ({ state: 'ok', found });
const warn = (found: string, remedy: string): Verdict => ({ state: 'warn', found, remedy });
const fail = (found: string, remedy: string): Verdict => ({ state: 'fail', found, remedy });

/** A missing package: `up` brings it where it may, a person must elsewhere. */
const missing = (examined: Examined, name: string, otherwise?: string): Verdict =>
  examined.installs
    ? warn(`${name} is not installed`, 'nothing to do: ./crucible up installs it')
    : fail(`${name} is not installed`, otherwise ?? installRemedy([name]));

const gigabyte = 1024 ** 3;
const inGigabytes = (bytes: number): string => `${(bytes / gigabyte).toFixed(1)} GB`;

const checkNode: Check = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > 22 || (major === 22 && minor >= 17);
  return recent
    ? ok(`Node ${process.versions.node}`)
    : fail(`Node ${process.versions.node}`, 'install Node 22.17 or later');
};

const checkPackages: Check = ({ settings }) => {
  const stamp = join(settings.repository, 'node_modules/.crucible-installed');
  return existsSync(stamp)
    ? ok('installed as package-lock.json says')
    : warn('not installed by crucible', `run: cd ${settings.repository} && npm ci`);
};

const elsewhere =
  'use a Debian or Ubuntu machine (a virtual machine will do), where crucible installs all it needs; or install gVisor ' +
  '(runsc) into a Docker Engine of yours as a runtime named runsc and set DOCKER_HOST=unix://… to its socket';

const checkSystem: Check = ({ foreign, installs, isRoot }) => {
  const { title, usesApt } = distribution();
  const who = isRoot ? 'root' : installs ? 'sudo without a password' : 'no root';
  if (installs) return ok(`${title}, ${who}`);
  if (foreign) return ok(`${title}, ${who}; your engine is used`);
  if (process.platform !== 'linux') return fail(`${title}: sandboxes need Linux`, elsewhere);
  if (!usesApt) return fail(`${title}: crucible installs nothing by itself here`, elsewhere);
  return fail(`${title}, ${who}`, 'run ./crucible as root, or allow your user sudo without a password');
};

const checkNats: Check = async (examined) => {
  const { remembered, path } = examined;
  if (remembered.CRUCIBLE_NATS_URL !== undefined) {
    const { url } = await foreignNats(remembered.CRUCIBLE_NATS_URL);
    return ok(`yours at ${url}`);
  }
  const program = findProgram('nats-server', path);
  if (!program)
    return missing(examined, 'nats-server', 'install nats-server 2.9 or later into PATH, or set CRUCIBLE_NATS_URL');
  const { stdout, stderr } = await run([program, '--version'], { timeoutMs: 5_000 });
  return ok((stdout || stderr).trim());
};

const checkPostgres: Check = async ({ remembered }) => {
  if (remembered.CRUCIBLE_DATABASE_URL !== undefined) {
    await foreignPostgres(remembered.CRUCIBLE_DATABASE_URL);
    return ok('yours, at CRUCIBLE_DATABASE_URL');
  }
  return hasPostgresPrograms()
    ? ok('embedded')
    : fail(
        `no embedded Postgres for ${process.platform}-${process.arch}`,
        'set CRUCIBLE_DATABASE_URL to a Postgres of yours',
      );
};

const checkEngine: Check = async (examined) => {
  if (examined.foreign) return ok(`yours: ${examined.foreign.description}`);
  const dockerd = findProgram('dockerd', examined.path);
  if (!dockerd) return missing(examined, 'docker.io', elsewhere);
  if (!examined.installs && !examined.isRoot)
    return fail('an engine of our own needs root', 'run as root, or allow sudo without a password');
  const { stdout } = await run([dockerd, '--version'], { timeoutMs: 5_000 });
  return ok(stdout.trim());
};

const checkGvisor: Check = async (examined) => {
  if (examined.foreign) return ok(`runtime ${examined.foreign.runtime} of your engine`);
  const known = await knownRunsc(examined.home, examined.path);
  if (!known) return missing(examined, 'runsc', elsewhere);
  const found = `runsc ${known.version}, platform ${known.platform}`;
  if (known.platform === 'systrap') return ok(found);
  return warn(
    `${found}: old and slow, though safe`,
    'nothing to do: ./crucible up looks for a newer one in the backports',
  );
};

const checkImage: Check = async ({ settings, home, foreign }) => {
  const recipe = readRecipe(settings.repository, 'python');
  const socket = foreign?.socket ?? join(home.engine, 'run', 'docker.sock');
  const present = existsSync(socket) && (await imageExists(socket, recipe.reference).catch(() => false));
  if (present || wasImported(home, recipe)) return ok(recipe.reference);
  return warn(`${recipe.reference} is not built yet`, 'nothing to do: ./crucible up builds it');
};

const checkControlGroups: Check = () => {
  if (process.platform !== 'linux') return ok('not looked at here');
  const unified = '/sys/fs/cgroup/cgroup.controllers';
  const needed = ['memory', 'pids', 'cpu'];
  const present = existsSync(unified)
    ? readFileSync(unified, 'utf8').trim().split(' ')
    : needed.filter((name) => existsSync(`/sys/fs/cgroup/${name}`));
  const lacking = needed.filter((name) => !present.includes(name));
  if (lacking.length === 0) return ok(`memory, pids, cpu (${existsSync(unified) ? 'v2' : 'v1'})`);
  return fail(
    `no control of ${lacking.join(', ')}: sandboxes could not be bounded`,
    `enable the cgroup controllers ${lacking.join(', ')} (kernel command line: cgroup_enable=${lacking.join(',')})`,
  );
};

const checkPort: Check = async ({ home, remembered }) => {
  const port = Number(remembered.CRUCIBLE_PORT ?? 4700);
  if (runningProcess(home, 'gateway')) return ok(`${port}, ours`);
  if (await isFree(port, remembered.CRUCIBLE_BIND ?? '127.0.0.1')) return ok(`${port} is free`);
  const owner = listenerOf(port);
  return fail(
    `${port} is taken${owner ? ` by ${owner}` : ''}`,
    `set CRUCIBLE_PORT to another port, e.g. CRUCIBLE_PORT=${port + 1}`,
  );
};

const nearestExisting = (path: string): string => (existsSync(path) ? path : nearestExisting(dirname(path)));

const checkDisk: Check = ({ home }) => {
  const place = nearestExisting(home.root);
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const found = `${inGigabytes(free)} free at ${place}`;
  const remedy = 'free some space, or set CRUCIBLE_HOME to a folder on a larger disk';
  if (free < gigabyte) return fail(found, remedy);
  return free < 5 * gigabyte ? warn(`${found}; evidence of large runs needs more`, remedy) : ok(found);
};

const checkMemory: Check = () => {
  const total = totalmem();
  const found = inGigabytes(total);
  if (total < gigabyte) return fail(found, 'use a machine with at least 2 GB');
  return total < 3 * gigabyte ? warn(`${found}: few trials at once`, 'use a machine with 4 GB or more') : ok(found);
};

const checkBrowser: Check = ({ path, installs }) => {
  const browser = findBrowser(path);
  if (browser) return ok(browser);
  return warn(
    'no chromium (only the browser tests need one)',
    installs ? 'nothing to do: ./crucible test installs it' : installRemedy(['chromium']),
  );
};

const checkDeadLetters: Check = async ({ settings }) => {
  const info = currentPlatform(settings);
  const open = info === undefined ? null : await openDeadLetters(info);
  if (open === null) return ok('not looked at: the platform is not running');
  if (open === 0) return ok('none is open');
  return warn(
    openText(open),
    './crucible dead-letters shows them; ./crucible dead-letters redrive --all tries them again',
  );
};

const checks: Readonly<Record<string, Check>> = {
  node: checkNode,
  packages: checkPackages,
  system: checkSystem,
  'control groups': checkControlGroups,
  nats: checkNats,
  postgres: checkPostgres,
  engine: checkEngine,
  gvisor: checkGvisor,
  'sandbox image': checkImage,
  port: checkPort,
  disk: checkDisk,
  memory: checkMemory,
  browser: checkBrowser,
  'dead letters': checkDeadLetters,
};

/** Looks at everything `up` and `test` need. Changes nothing on the machine. */
export const examine = async (settings: Settings): Promise<Finding[]> => {
  const home = locateHome(settings.home);
  const prefix = await rootPrefix();
  const remembered = mergeSettings(readState(home).settings, settings.given) as Remembered;
  const examined: Examined = {
    settings,
    home,
    remembered,
    path: settings.inherited['PATH'] ?? '',
    foreign: await findForeignEngine(home, remembered.DOCKER_HOST),
    installs: distribution().usesApt && prefix !== undefined,
    isRoot: prefix?.length === 0,
  };
  return Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return { name, ...(await check(examined)) };
      } catch (error) {
        const remedy =
          (error instanceof PlatformFailure && error.remedy) || 'look into it, then run ./crucible doctor again';
        return { name, state: 'fail', found: messageOf(error), remedy };
      }
    }),
  );
};
