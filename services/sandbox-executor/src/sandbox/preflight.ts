import type { SandboxProfile } from '@crucible/domain';
import { displayableLine } from '@crucible/events';
import type { Preflight, SandboxLimits } from '@crucible/events';
import {
  OPERATOR_BYTES_MAX,
  OPERATOR_FOLDER,
  SHM_BYTES_MAX,
  SHM_FOLDER,
  TMP_FOLDER,
  WORK_FOLDER,
  cpuMillisOf,
  hostMemoryBytesMax,
  hostTasksMax,
  initEnvNames,
} from './host-config.ts';
import type { HostFindings } from './host-findings.ts';
import type { GuestFindings } from './record.ts';

export type Check = Preflight['checks'][number];

/** What a sandbox was asked to be. */
export interface Asked {
  readonly profile: SandboxProfile;
  readonly limits: SandboxLimits;
  /** Cores of the machine. */
  readonly cpusMax: number;
}

/** Everything found out about one sandbox: what the engine says, what init sees inside, what the host sees outside. */
export interface Findings {
  /** Names of settings the engine did not apply as asked. */
  readonly engineMisses: readonly string[];
  readonly guest: GuestFindings;
  readonly host: HostFindings;
}

const SEEN_CHARS_MAX = 300;
const PAGE_BYTES = 4_096;
const EROFS = '30';
const UNTOLD = 'not told';
/** One that has gVisor's humour in it is gVisor's; nobody else's kernel log begins so. */
const GVISOR_LOG = /Starting gVisor\.\.\./;

const check = (name: string, held: boolean, seen: string): Check => ({
  name,
  held,
  seen: displayableLine(seen === '' ? 'nothing' : seen, SEEN_CHARS_MAX),
});

const wordsOf = (text: string): string[] => text.split(/\s+/).filter(Boolean);
/** `name=value` pairs as init writes them. */
const pairsOf = (text: string | undefined): ReadonlyMap<string, string> =>
  new Map(
    wordsOf(text ?? '').map((pair): [string, string] => {
      const equals = pair.lastIndexOf('=');
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
/** Value of `Name:  value` in a status file. */
const statusOf = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim();
const linksOf = (dev: string): string[] =>
  dev.split('\n').flatMap((line) => (line.includes(':') ? [line.slice(0, line.indexOf(':')).trim()] : []));
/** Routes of a table with a headline; lines without content are what gVisor pads with. */
const routesOf = (table: string): string[] =>
  table
    .split('\n')
    .slice(1)
    .filter((line) => line.trim() !== '');

const kernel = ({ profile }: Asked, { guest, host }: Findings): Check[] => {
  const version = (guest.get('kernel') ?? '').trim();
  const log = GVISOR_LOG.test(guest.get('log') ?? '');
  const own = version !== '' && version !== host.version.trim();
  const { sentry } = host;
  const platform = sentry?.argv.find((argument) => argument.startsWith('--platform='))?.slice('--platform='.length);
  const allowed: readonly string[] = profile.kernelPlatforms;
  return [
    check('kernel', log && own, log ? `gVisor, ${version}` : `not gVisor's: ${version}`),
    check(
      'kernel from outside',
      sentry !== null,
      sentry === null
        ? 'no process of gVisor holds this container'
        : `process ${sentry.processId} is ${sentry.argv[0]}`,
    ),
    check('kernel platform', platform !== undefined && allowed.includes(platform), platform ?? UNTOLD),
    check('seccomp', sentry !== null && statusOf(sentry.status, 'Seccomp') === '2', seccompSeen(sentry?.status)),
  ];
};

const seccompSeen = (status: string | undefined): string => {
  const mode = statusOf(status ?? '', 'Seccomp');
  return mode === undefined ? UNTOLD : `mode ${mode} on gVisor's process`;
};

const network = (_: Asked, { guest, host }: Findings): Check[] => {
  const inside = guest.get('interfaces');
  const outside = host.sentry === null ? undefined : linksOf(host.sentry.links);
  const onlyLoopback = (names: readonly string[] | undefined): boolean =>
    names !== undefined && names.every((name) => name === 'lo');
  const tables = [guest.get('routes'), host.sentry?.routes ?? undefined];
  const routes = tables.flatMap((table) => routesOf(table ?? ''));
  const routes6 = (guest.get('routes6') ?? UNTOLD).trim();
  const told = tables.every((table) => table !== undefined && !table.startsWith('errno'));
  return [
    check(
      'interfaces',
      inside !== undefined && onlyLoopback(wordsOf(inside)) && onlyLoopback(outside) && (outside?.length ?? 0) > 0,
      `inside ${inside === '' ? 'none' : (inside ?? UNTOLD)}, outside ${outside?.join(' ') ?? UNTOLD}`,
    ),
    check(
      'routes',
      told && routes.length === 0 && routes6 === '',
      told ? [...routes, routes6].join('; ').replace(/^; $/, '') || 'none' : UNTOLD,
    ),
  ];
};

interface Mount {
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

const mountsOf = (text: string): Mount[] =>
  text.split('\n').flatMap((line) => {
    const [, target, type, options] = line.split(' ');
    return target === undefined || type === undefined || options === undefined
      ? []
      : [{ target, type, options: options.split(',') }];
  });

/** Where gVisor passes a file of the host on, through its gofer: the root and the three files every engine makes itself. */
const PASSED_ON = new Set(['/', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf']);
const FILES_OF_HOST = new Set(['9p', 'gofer', 'lisafs', 'overlay', 'bind']);
/** What gVisor holds in its own memory. */
const OWN: ReadonlyMap<string, RegExp> = new Map([
  ['tmpfs', /^\/(?:dev|dev\/shm|dev\/mqueue|tmp|work|home\/operator|sys\/fs\/cgroup)$/],
  ['proc', /^\/proc$/],
  ['sysfs', /^\/sys$/],
  ['devpts', /^\/dev\/pts$/],
  ['devtmpfs', /^\/dev$/],
  ['mqueue', /^\/dev\/mqueue$/],
  ['cgroup', /^\/sys\/fs\/cgroup\/[a-z_,]+$/],
]);

const isKnown = ({ target, type }: Mount): boolean =>
  FILES_OF_HOST.has(type) ? PASSED_ON.has(target) : (OWN.get(type)?.test(target) ?? false);

const files = (_: Asked, { guest }: Findings): Check[] => {
  const mounts = mountsOf(guest.get('mounts') ?? '');
  const unknown = mounts.filter((mount) => !isKnown(mount));
  const roots = mounts.filter(({ target }) => target === '/');
  const rootReadOnly = roots.length > 0 && roots.every(({ options }) => options.includes('ro'));
  const writes = [...pairsOf(guest.get('writes'))];
  const refused = writes.length > 0 && writes.every(([, errno]) => errno === EROFS);
  const sockets = guest.get('sockets');
  const attempts = writes.map(([folder, errno]) => `${folder} ${errno === EROFS ? 'refused' : `gave ${errno}`}`);
  return [
    check(
      'root read-only',
      rootReadOnly && refused,
      `mounted ${rootReadOnly ? 'read-only' : 'writable'}; ${attempts.join(', ')}`,
    ),
    check(
      'mounts',
      mounts.length > 0 && unknown.length === 0,
      unknown.length === 0
        ? `${mounts.length}, none of the host`
        : unknown.map(({ type, target }) => `${type} on ${target}`).join(', '),
    ),
    check('engine socket', sockets === '', sockets === '' ? 'absent' : (sockets ?? UNTOLD)),
  ];
};

const CAPABILITY_SETS = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
/** gVisor has no ambient capabilities and does not list the set. */
const LISTED_ALWAYS = CAPABILITY_SETS.slice(0, 4);

const privileges = ({ profile }: Asked, { guest }: Findings): Check[] => {
  const status = guest.get('status') ?? '';
  const sets = CAPABILITY_SETS.flatMap((set) => {
    const value = statusOf(status, set);
    return value === undefined ? [] : [{ set, value }];
  });
  const listed = LISTED_ALWAYS.every((set) => sets.some((each) => each.set === set));
  const granted = sets.filter(({ value }) => !/^0+$/.test(value));
  const own = pairsOf(guest.get('privileges'));
  const ids = wordsOf(guest.get('ids') ?? '');
  const environment = wordsOf(guest.get('environment') ?? '');
  const expected: readonly string[] = initEnvNames;
  const capabilities = granted.map(({ set, value }) => `${set} ${value}`).join(', ');
  return [
    check('capabilities', listed && granted.length === 0, listed ? capabilities || 'none in any set' : UNTOLD),
    check('no-new-privileges', own.get('new') === '0', own.get('new') === '0' ? 'set' : 'not set'),
    check(
      'user',
      // Real, effective and saved, of user and of group; then the other groups.
      ids.length >= 6 && ids.every((id) => id === String(profile.userId)),
      ids.join(' '),
    ),
    check('init', own.get('dumpable') === '0', own.get('dumpable') === '0' ? 'closed to the guest' : 'can be read'),
    check(
      'environment',
      environment.length > 0 && environment.every((name) => expected.includes(name)),
      environment.join(' '),
    ),
  ];
};

const shown = (value: number | null): string =>
  value === null ? UNTOLD : Number.isFinite(value) ? String(value) : 'unbounded';
/** Engines and kernels round to whole pages. */
const samePages = (found: number | null, asked: number): boolean =>
  found !== null && found > 0 && Math.abs(found - asked) < PAGE_BYTES;

const bounds = ({ limits, cpusMax }: Asked, { host }: Findings): Check[] => {
  const { memoryBytesMax, memoryAndSwapBytesMax, tasksMax, cpuMillis } = host.bounds;
  const memory = hostMemoryBytesMax(limits);
  const noSwap = memoryAndSwapBytesMax === null && memoryBytesMax !== null && !host.swap;
  const cpuAsked = cpuMillisOf(limits, cpusMax);
  return [
    check('memory', samePages(memoryBytesMax, memory), `${shown(memoryBytesMax)} bytes`),
    check(
      'swap',
      noSwap || samePages(memoryAndSwapBytesMax, memory),
      noSwap ? 'the host has none' : `${shown(memoryAndSwapBytesMax)} bytes with memory`,
    ),
    check('tasks', tasksMax === hostTasksMax(limits), `${shown(tasksMax)} of the host`),
    check('cpu', cpuMillis === cpuAsked, `${shown(cpuMillis)} thousandths of a core`),
  ];
};

const sizes = ({ limits }: Asked, { guest }: Findings): Check[] => {
  const found = pairsOf(guest.get('sizes'));
  const rlimits = pairsOf(guest.get('limits'));
  const size = (name: string, folder: string, asked: number): Check => {
    const bytes = Number(found.get(folder) ?? NaN);
    return check(name, samePages(bytes, asked), `${folder} ${Number.isNaN(bytes) ? UNTOLD : `${bytes} bytes`}`);
  };
  const limit = (name: string, rlimit: string, asked: number): Check => {
    const value = rlimits.get(rlimit);
    return check(name, value === String(asked), value === '-1' ? 'unbounded' : (value ?? UNTOLD));
  };
  return [
    size('work folder', WORK_FOLDER, limits.diskBytesMax),
    size('tmp', TMP_FOLDER, limits.tmpBytesMax),
    size('shared memory', SHM_FOLDER, SHM_BYTES_MAX),
    size('operator folder', OPERATOR_FOLDER, OPERATOR_BYTES_MAX),
    limit('open files', 'RLIMIT_NOFILE', limits.filesOpenMax),
    limit('file size', 'RLIMIT_FSIZE', limits.fileBytesMax),
    limit('core files', 'RLIMIT_CORE', 0),
  ];
};

/**
 * Judges what was found against what was asked for, check by check. Pure. What was not told did not hold: a probe that
 * says less must not prove more.
 */
export const judgeFindings = (asked: Asked, findings: Findings): Check[] => {
  const { engineMisses } = findings;
  const engine = engineMisses.length === 0 ? 'as asked' : engineMisses.join(', ');
  return [
    ...kernel(asked, findings),
    ...network(asked, findings),
    ...files(asked, findings),
    ...privileges(asked, findings),
    ...bounds(asked, findings),
    ...sizes(asked, findings),
    check('engine configuration', engineMisses.length === 0, engine),
  ];
};
