import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { PlatformFailure } from './failure.ts';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** More than this of a command's output is of no use to anyone; the end is kept, because that is where errors are. */
const outputCharactersMax = 1_000_000;
const bounded = (text: string, more: string): string => (text + more).slice(-outputCharactersMax);

/** Runs a program to its end without a shell. Code 127: not found; 124: it outlasted `timeoutMs` and was killed. */
export const run = (argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> =>
  new Promise((resolve) => {
    const [program = '', ...rest] = argv;
    const child = spawn(program, rest, { cwd: options.cwd, env: options.env ?? process.env, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? 600_000);
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = bounded(stdout, text)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = bounded(stderr, text)));
    child.stdin.on('error', () => undefined).end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, stdout, stderr: error.message });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: timedOut ? 124 : (code ?? 1), stdout, stderr });
    });
  });

/** The first and the last lines: some programs say what is wrong first, some at the end. */
const shorten = (text: string): string => {
  const lines = text.split('\n');
  return lines.length <= 12 ? text : [...lines.slice(0, 6), '…', ...lines.slice(-5)].join('\n');
};

/** As `run`, but anything other than success is a `PlatformFailure` with the first and last lines the program said. */
export const mustRun = async (
  what: string,
  argv: readonly string[],
  options: CommandOptions = {},
  remedy?: string,
): Promise<string> => {
  const result = await run(argv, options);
  if (result.code === 0) return result.stdout;
  const said = shorten(result.stderr.trim() || result.stdout.trim());
  const how = result.code === 124 ? 'took too long' : `failed (exit code ${result.code})`;
  throw new PlatformFailure(`${what} ${how}:\n${said}`, remedy);
};

/** Absolute path of a program on `path`, looked up here because `which` is not everywhere. */
export const findProgram = (name: string, path: string): string | undefined => {
  for (const dir of path.split(':')) {
    const candidate = join(dir || '.', name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // not here
    }
  }
  return undefined;
};

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until the answer is defined. Undefined when `timeoutMs` has passed. */
export const waitFor = async <T>(
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number,
  everyMs = 50,
): Promise<T | undefined> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() >= deadline) return undefined;
    await sleep(everyMs);
  }
};
