/** What is kept of one trial's processes and files. A guest that makes more loses the oldest from memory, never more of ours. */
const PROCESSES_MAX = 4_096;
const WRITTEN_MAX = 4_096;

export interface Ancestry {
  /** Ancestors up to the trial's program. */
  readonly depth: number;
  /** Programs of the trial's own making among itself and its ancestors. */
  readonly generation: number;
}

interface Run {
  readonly path: string;
  readonly args: readonly string[];
}

const ROOT: Ancestry = { depth: 0, generation: 0 };
const INIT = 1;

const trim = (kept: { size: number; keys(): Iterator<unknown>; delete(key: never): unknown }, max: number): void => {
  if (kept.size > max) kept.delete(kept.keys().next().value as never);
};

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Who descends from whom in one trial, which files the trial wrote, and which file is its own program. */
export class Lineage {
  readonly #processes = new Map<number, Ancestry>();
  readonly #written = new Set<string>();
  readonly #given = new Set<string>();
  #work = '/work';
  /** Its own program as a path; empty where it is none of the trial's files; null until it is run. */
  #program: string | null = null;
  #programPid = 0;
  #programRuns = false;

  startedIn(folder: string): void {
    if (folder.startsWith('/')) this.#work = folder;
  }

  of(pid: number): Ancestry {
    return this.#processes.get(pid) ?? ROOT;
  }

  spawned(parent: number, child: number): void {
    if (parent === child) return;
    const { depth, generation } = this.of(parent);
    this.#put(child, parent === INIT ? ROOT : { depth: depth + 1, generation });
  }

  /** A file was opened for writing with success: by init it was given to the trial, by others the trial wrote it. */
  wrote(by: 'init' | 'trial', path: string): void {
    const files = by === 'init' ? this.#given : this.#written;
    files.add(path);
    trim(files, WRITTEN_MAX);
  }

  isOwnProgram(path: string): boolean {
    return path !== '' && path === this.#program;
  }

  /** What is known of a program about to run (`runs` false) or just running. The first one is the trial's own. */
  program(pid: number, run: Run, runs: boolean): { readonly written: boolean; readonly ownProgram: boolean } {
    const files = [run.path, ...run.args.slice(1).map((arg) => this.#resolved(arg))];
    if (this.#isFirst(pid, files, run, runs)) return { written: false, ownProgram: false };
    return {
      written: files.some((file) => this.#written.has(file)),
      ownProgram: files.some((file) => this.isOwnProgram(file)),
    };
  }

  /** A name without a folder is tried in one folder after another, so the first run may be told several times. */
  #isFirst(pid: number, files: readonly string[], { path, args }: Run, runs: boolean): boolean {
    if (this.#program === null) {
      const inWork = path.startsWith(`${this.#work}/`) ? path : '';
      this.#program = files.slice(1).find((file) => this.#given.has(file)) ?? this.#script(args) ?? inWork;
      this.#programPid = pid;
    } else if (pid !== this.#programPid || this.#programRuns) return false;
    this.#programRuns = runs;
    return true;
  }

  /** A program of the trial's own making runs in this process from now on. */
  multiplied(pid: number): void {
    const { depth, generation } = this.of(pid);
    this.#put(pid, { depth, generation: generation + 1 });
  }

  #put(pid: number, ancestry: Ancestry): void {
    this.#processes.delete(pid);
    this.#processes.set(pid, ancestry);
    trim(this.#processes, PROCESSES_MAX);
  }

  #script(args: readonly string[]): string | null {
    const first = args[1];
    return first !== undefined && /^[^-].*\.\w+$/.test(baseName(first)) ? this.#resolved(first) : null;
  }

  #resolved(arg: string): string {
    return arg.startsWith('/') ? arg : `${this.#work}/${arg.replace(/^(?:\.\/)+/, '')}`;
  }
}
