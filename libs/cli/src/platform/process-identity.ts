import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One process for ever: a pid is reused, a pid with its start time and the boot it belongs to is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot on Linux, the printed start time elsewhere. */
  readonly started: string;
  readonly boot: string;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

export const bootId = (): string => read('/proc/sys/kernel/random/boot_id')?.trim() ?? '-';

/** Fields of /proc/PID/stat after the command name, which may itself hold spaces and parentheses. */
export const statFields = (stat: string): { state: string; started: string } | undefined => {
  const rest = stat
    .slice(stat.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/);
  const [state, started] = [rest[0], rest[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
};

const startedWithoutProc = (pid: number): string | undefined => {
  try {
    const printed = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' });
    return printed.trim().replace(/\s+/g, '_') || undefined;
  } catch {
    return undefined;
  }
};

/** Start time of a living process; undefined when there is none or only its unreaped remains are left. */
export const startedOf = (pid: number): string | undefined => {
  if (process.platform !== 'linux') return startedWithoutProc(pid);
  const fields = statFields(read(`/proc/${pid}/stat`) ?? '');
  return fields === undefined || fields.state === 'Z' || fields.state === 'X' ? undefined : fields.started;
};

export const identityOf = (pid: number): ProcessIdentity | undefined => {
  const started = startedOf(pid);
  return started === undefined ? undefined : { pid, started, boot: bootId() };
};

export const isAlive = (identity: ProcessIdentity): boolean =>
  identity.boot === bootId() && startedOf(identity.pid) === identity.started;

/** The one line a pid file holds: `PID STARTED BOOT`. */
export const formatIdentity = (identity: ProcessIdentity): string =>
  `${identity.pid} ${identity.started} ${identity.boot}\n`;

export const parseIdentity = (line: string): ProcessIdentity | undefined => {
  const match = /^(\d{1,10}) (\S{1,64}) (\S{1,64})\n$/.exec(line);
  const pid = Number(match?.[1]);
  return match && pid > 1 ? { pid, started: match[2]!, boot: match[3]! } : undefined;
};

export const readIdentity = (pidFile: string): ProcessIdentity | undefined => parseIdentity(read(pidFile) ?? '');

/** Milliseconds a process has been running, from its start in ticks since boot. Undefined where /proc is missing. */
export const uptimeMsOf = (identity: ProcessIdentity): number | undefined => {
  const seconds = Number(read('/proc/uptime')?.split(' ')[0]);
  const ticks = Number(identity.started);
  // 100 ticks a second is the value Linux gives to user space on every architecture we run on.
  return Number.isFinite(seconds) && Number.isFinite(ticks) ? Math.max(0, seconds * 1000 - ticks * 10) : undefined;
};
