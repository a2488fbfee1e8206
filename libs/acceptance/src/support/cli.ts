import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { environmentWith, repository } from './config.ts';
import { platform } from './facts.ts';
import { waitFor } from './wait.ts';

export interface Ended {
  /** Exit code; 128 and the signal's number when it was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The JSON lines printed so far. */
  lines(): JsonLine[];
}

export type JsonLine = Readonly<Record<string, unknown>>;

/** Every line as the JSON object it must be. @throws Error that quotes the first line that is none */
export const jsonLines = (text: string): JsonLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as JsonLine;
      } catch {
        throw new Error(`not JSON: ${JSON.stringify(line.slice(0, 300))}`);
      }
    });

/** For who was told to end to put away what it has started, a whole platform at the most. */
const END_MS_MAX = 60_000;

export interface CliOptions {
  /** Variables over the shared platform's home. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Starts `./crucible` as a person would, without a terminal, on the shared platform's home. */
export const startCrucible = (argv: readonly string[], options: CliOptions = {}): Running => {
  const child = spawn(join(repository, 'crucible'), argv, {
    cwd: repository,
    env: environmentWith({ CRUCIBLE_HOME: platform().home, ...options.env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let timer = setTimeout(() => {
    child.kill('SIGTERM');
    timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
  }, options.timeoutMs ?? 120_000);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 137, stdout, stderr });
    });
  });
  return { child, ended, lines: () => jsonLines(stdout.slice(0, stdout.lastIndexOf('\n') + 1)) };
};

export const crucible = (argv: readonly string[], options: CliOptions = {}): Promise<Ended> =>
  startCrucible(argv, options).ended;

/** A verb that must succeed and print one JSON object. */
export const crucibleJson = async <T>(argv: readonly string[], options: CliOptions = {}): Promise<T> => {
  const { code, stdout, stderr } = await crucible([...argv, '--json'], options);
  if (code !== 0) throw new Error(`crucible ${argv.join(' ')} ended with ${code}: ${stderr || stdout}`);
  return JSON.parse(stdout) as T;
};

export interface ComponentStatus {
  readonly name: string;
  readonly state: 'ready' | 'not-ready' | 'dead' | 'down';
  readonly pid: number | null;
  readonly port: number | null;
}
export interface Status {
  readonly state: 'up' | 'degraded' | 'down';
  readonly url: string | null;
  readonly components: readonly ComponentStatus[];
}

/** What `status --json` says; its exit code is no failure here. */
export const status = async (options: CliOptions = {}): Promise<Status> =>
  JSON.parse((await crucible(['status', '--json'], options)).stdout) as Status;

/** Process ids by component, of those that run. */
export const pids = async (options: CliOptions = {}): Promise<Record<string, number>> => {
  const { components } = await status(options);
  return Object.fromEntries(components.flatMap(({ name, pid }) => (pid === null ? [] : [[name, pid]])));
};

/** @throws Error when the component did not run: a signal to 0 in its place would end whoever asked */
export const pidIn = (running: Readonly<Record<string, number>>, name: string): number => {
  const pid = running[name];
  if (pid === undefined) throw new Error(`${name} does not run`);
  return pid;
};

/** Process id of a component as it runs now. @throws Error when it does not run */
export const pidOf = async (name: string): Promise<number> => pidIn(await pids(), name);

export const allReady = (timeoutMs = 60_000): Promise<Status> => {
  const env = { CRUCIBLE_HOME: platform().home };
  const look = async (): Promise<Status | false> => {
    const found = await status({ env });
    return found.state === 'up' && found;
  };
  return waitFor('every component to be ready', look, timeoutMs, 300);
};
