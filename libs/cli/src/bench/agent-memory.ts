import { readFileSync } from 'node:fs';

const KIB = 1024;

const kibIn = (path: string, field: string): number => {
  try {
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  } catch {
    // Gone meanwhile.
    return 0;
  }
};

/** Resident memory of one process. */
export const residentMib = (pid: number): number => kibIn(`/proc/${pid}/status`, 'VmRSS') / KIB;

/** Memory of processes, what they share counted in parts. */
export const shareMib = (pids: readonly string[]): number =>
  pids.reduce((sum, pid) => sum + kibIn(`/proc/${pid}/smaps_rollup`, 'Pss'), 0) / KIB;
