import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mustRun, run, waitFor } from './command.ts';
import { engineInfo, removeContainers } from './engine-api.ts';
import { ownSocket } from './engine.ts';
import type { Home } from './home.ts';
import { rootPrefix } from './privilege.ts';
import { runningProcess, stopProcess } from './process.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts';

/** Programs an engine leaves behind when it is killed. Their arguments name the engine's folder: that makes them ours. */
const leftBehind = new Set(['dockerd', 'containerd', 'containerd-shim', 'containerd-shim-runc-v2', 'runsc']);

const programOf = (pid: string): string => {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, '');
  } catch {
    return '';
  }
};

/** Living processes of the kinds above that were started with a path below `dir` among their arguments. */
export const processesUnder = (dir: string): ProcessIdentity[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const ours = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
          .split('\0')
          .some((word) => word.includes(`${dir}/`));
        const identity = ours && leftBehind.has(programOf(pid)) ? identityOf(Number(pid)) : undefined;
        return identity ? [identity] : [];
      } catch {
        return [];
      }
    });

const octal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)));

/** Mount points below a folder (or on it), innermost first. */
export const mountsUnder = (dir: string, mountinfo: string): string[] =>
  mountinfo
    .split('\n')
    .map((line) => octal(line.split(' ')[4] ?? ''))
    .filter((point) => point === dir || point.startsWith(`${dir}/`))
    .sort((a, b) => b.length - a.length);

/** Kills what a crashed engine left behind and undoes its mounts, so that its folders can be used or removed. */
export const reapEngine = async (dirs: readonly string[]): Promise<number> => {
  if (process.platform !== 'linux') return 0;
  const prefix = await rootPrefix();
  if (prefix === undefined) return 0;
  const orphans = dirs.flatMap(processesUnder);
  for (const { pid } of orphans) await run([...prefix, 'kill', '-KILL', String(pid)], { timeoutMs: 10_000 });
  await waitFor(() => (orphans.some(isAlive) ? undefined : true), 5_000, 20);
  for (const dir of dirs) {
    for (const point of mountsUnder(dir, readFileSync('/proc/self/mountinfo', 'utf8'))) {
      await run([...prefix, 'umount', '-l', point], { timeoutMs: 10_000 });
    }
  }
  return orphans.length;
};

/** Ends our engine: its containers, then itself, then whatever a crash left over. Does nothing where nothing is. */
export const stopOwnEngine = async (home: Home): Promise<{ wasRunning: boolean }> => {
  const socket = ownSocket(home);
  if (runningProcess(home, 'engine') && (await engineInfo(socket))) {
    await removeContainers(socket).catch(() => undefined);
  }
  const { wasRunning } = await stopProcess(home, 'engine');
  await reapEngine([home.engine, join(socket, '..')]);
  return { wasRunning };
};

/** Removes a folder, with root's help where the engine made it root's. Refuses while anything is mounted below it. */
export const removeTree = async (dir: string): Promise<void> => {
  const prefix = (await rootPrefix()) ?? [];
  const mounted = process.platform === 'linux' ? mountsUnder(dir, readFileSync('/proc/self/mountinfo', 'utf8')) : [];
  if (mounted.length > 0) throw new Error(`${mounted[0]} is still mounted`);
  await mustRun(`removing ${dir}`, [...prefix, 'rm', '-rf', '--one-file-system', '--', dir], { timeoutMs: 120_000 });
};
