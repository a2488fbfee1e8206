import { existsSync, readFileSync, watch } from 'node:fs';

/** What the host's kernel counted for one sandbox. Null where it cannot be read (engine elsewhere, other layout). */
export interface HostCounts {
  readonly memoryBytesPeak: number | null;
  readonly memoryMaxMet: boolean;
  readonly cpuThrottledMs: number;
}

/** What is used at a moment. */
export interface HostUsage {
  readonly cpuUs: number | null;
  readonly memoryBytes: number | null;
}

/** The bounds the host's kernel holds a sandbox to: null where there is no such file, Infinity where there is no bound. */
export interface HostBounds {
  readonly memoryBytesMax: number | null;
  /** Memory and swap together. */
  readonly memoryAndSwapBytesMax: number | null;
  readonly tasksMax: number | null;
  readonly cpuMillis: number | null;
}

const ROOT = '/sys/fs/cgroup';
const noCounts: HostCounts = { memoryBytesPeak: null, memoryMaxMet: false, cpuThrottledMs: 0 };

/** Where an engine puts a container: with the cgroupfs driver and with systemd's, in a controller of version 1 or in version 2. */
const foldersOf = (containerId: string, controller: string): string[] =>
  [`docker/${containerId}`, `system.slice/docker-${containerId}.scope`].flatMap((place) => [
    `${ROOT}/${controller}/${place}`,
    `${ROOT}/${place}`,
  ]);

const read = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
};

const firstRead = (...files: string[]): string | null => {
  for (const file of files) {
    const text = read(file);
    if (text !== null) return text;
  }
  return null;
};

/** Value of `name value` in a flat keyed file; 0 when it is not there. */
const keyed = (text: string | null, name: string): number => {
  const found = new RegExp(`^${name} (\\d{1,19})$`, 'm').exec(text ?? '');
  return found === null ? 0 : Number(found[1]);
};

const integer = (text: string | null): number | null =>
  text !== null && /^\d{1,19}\n?$/.test(text) ? Number(text) : null;

/** A bound as a controller of either version writes it: a number, or a word for none. Version 1 has a huge number for none. */
const bound = (text: string | null): number | null => {
  if (text === null) return null;
  const value = /^(max|-1)$/.test(text.trim()) ? Infinity : (integer(text) ?? NaN);
  return value > Number.MAX_SAFE_INTEGER ? Infinity : value;
};

/** Cores in thousandths: version 2 has quota and period in one file, version 1 in two. */
const cpuBound = (both: string | null, quota: string | null, period: string | null): number | null => {
  const [used = quota, of = period] = both?.trim().split(' ') ?? [];
  const most = bound(used);
  return most === null || most === Infinity ? most : Math.round((most * 1_000) / (bound(of) ?? NaN));
};

/** The cgroup of a running container. Reads are of files in kernel memory, so they are done at once. */
export class SandboxCgroup {
  readonly #memory: string | undefined;
  readonly #cpu: string | undefined;
  readonly #cpuAccount: string | undefined;
  readonly #tasks: string | undefined;
  readonly #stopWatching: () => void;
  #tasksRefused = false;

  constructor(containerId: string) {
    const place = (controller: string) => foldersOf(containerId, controller).find((folder) => existsSync(folder));
    this.#memory = place('memory');
    this.#cpu = place('cpu');
    this.#cpuAccount = place('cpuacct');
    this.#tasks = place('pids');
    this.#stopWatching = this.#watchTasks(this.#tasks);
  }

  /** Whether the kernel refused this sandbox a thread at its limit. The count dies with the sandbox, hence the watch. */
  get tasksRefused(): boolean {
    return this.#tasksRefused;
  }

  /** How often the kernel has ended something at the memory limit; 0 where it cannot be read. */
  memoryKills(): number {
    const text = this.#in(this.#memory, 'memory.oom_control', 'memory.events');
    return keyed(text, 'oom_kill');
  }

  read(): HostCounts {
    if (this.#memory === undefined) return noCounts;
    const peak = firstRead(`${this.#memory}/memory.max_usage_in_bytes`, `${this.#memory}/memory.peak`);
    const cpu = this.#cpu === undefined ? null : read(`${this.#cpu}/cpu.stat`);
    return {
      memoryBytesPeak: integer(peak),
      memoryMaxMet:
        keyed(read(`${this.#memory}/memory.oom_control`), 'oom_kill') > 0 ||
        keyed(read(`${this.#memory}/memory.events`), 'oom') > 0,
      cpuThrottledMs: keyed(cpu, 'throttled_time') / 1e6 + keyed(cpu, 'throttled_usec') / 1e3,
    };
  }

  usage(): HostUsage {
    const nanoseconds = integer(this.#in(this.#cpuAccount, 'cpuacct.usage'));
    const flat = this.#in(this.#cpu, 'cpu.stat');
    const told = flat !== null && /^usage_usec /m.test(flat) ? keyed(flat, 'usage_usec') : null;
    return {
      cpuUs: nanoseconds === null ? told : Math.round(nanoseconds / 1_000),
      memoryBytes: integer(this.#in(this.#memory, 'memory.usage_in_bytes', 'memory.current')),
    };
  }

  bounds(): HostBounds {
    const memory = bound(this.#in(this.#memory, 'memory.limit_in_bytes', 'memory.max'));
    // Version 2 bounds swap by itself, version 1 together with memory.
    const swap = bound(this.#in(this.#memory, 'memory.swap.max'));
    return {
      memoryBytesMax: memory,
      memoryAndSwapBytesMax:
        swap === null || memory === null ? bound(this.#in(this.#memory, 'memory.memsw.limit_in_bytes')) : memory + swap,
      tasksMax: bound(this.#in(this.#tasks, 'pids.max')),
      cpuMillis: cpuBound(
        this.#in(this.#cpu, 'cpu.max'),
        this.#in(this.#cpu, 'cpu.cfs_quota_us'),
        this.#in(this.#cpu, 'cpu.cfs_period_us'),
      ),
    };
  }

  /** Ids of the host's processes in it. */
  processes(): number[] {
    const text = this.#in(this.#memory, 'cgroup.procs') ?? '';
    return text.split('\n').filter(Boolean).map(Number);
  }

  close(): void {
    this.#stopWatching();
  }

  #in(folder: string | undefined, ...files: string[]): string | null {
    return folder === undefined ? null : firstRead(...files.map((file) => `${folder}/${file}`));
  }

  #watchTasks(folder: string | undefined): () => void {
    if (folder === undefined) return () => undefined;
    try {
      const watcher = watch(`${folder}/pids.events`, { persistent: false }, (event) => {
        // Removal of the folder is told as another kind of event.
        if (event === 'change') this.#tasksRefused = true;
      });
      watcher.on('error', () => watcher.close());
      return () => watcher.close();
    } catch {
      return () => undefined;
    }
  }
}
