import { closeSync, existsSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readSettings } from '../config.ts';
import { UsageFailure } from '../exit.ts';
import { sleep } from '../platform/command.ts';
import { locateHome } from '../platform/home.ts';
import { printJson } from '../terminal.ts';

const readBytesMax = 4 * 1024 * 1024;
const linesMax = 10_000;
const followEveryMs = 200;

/** Text with nothing in it that a terminal would obey: a log may quote what hostile programs said. */
export const harmless = (text: string): string =>
  text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );

const readRange = (path: string, from: number, to: number): string => {
  const buffer = Buffer.alloc(Math.max(0, to - from));
  const file = openSync(path, 'r');
  try {
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, from)).toString('utf8');
  } finally {
    closeSync(file);
  }
};

interface Source {
  readonly name: string;
  readonly path: string;
}

const sources = (asked: string | undefined): Source[] => {
  const home = locateHome(readSettings().home);
  const files = existsSync(home.logs) ? readdirSync(home.logs).filter((file) => file.endsWith('.log')) : [];
  const all = files.sort().map((file) => ({ name: file.slice(0, -4), path: join(home.logs, file) }));
  if (asked === undefined && all.length > 0) return all;
  const found = all.filter(({ name }) => name === asked);
  if (found.length > 0) return found;
  const known = all.map(({ name }) => name).join(', ');
  throw new UsageFailure(
    known ? `no log of ${asked}; there are: ${known}` : 'there are no logs yet: nothing was started',
  );
};

interface LogsOptions {
  readonly follow?: true;
  readonly lines: number;
  readonly json?: true;
}

const printer = (options: LogsOptions, named: boolean) => (source: Source, lines: readonly string[]) => {
  for (const line of lines) {
    if (options.json) printJson({ service: source.name, line });
    else process.stdout.write(`${named ? `${source.name.padEnd(16)} ` : ''}${harmless(line)}\n`);
  }
};

const tail = (path: string, size: number, count: number): string[] => {
  if (count === 0) return [];
  return readRange(path, Math.max(0, size - readBytesMax), size)
    .replace(/\n$/, '')
    .split('\n')
    .slice(-count);
};

const logs = async (asked: string | undefined, options: LogsOptions): Promise<void> => {
  const all = sources(asked);
  const print = printer(options, asked === undefined);
  const read = new Map<string, number>();
  for (const source of all) {
    const size = statSync(source.path).size;
    read.set(source.path, size);
    if (size > 0) print(source, tail(source.path, size, options.lines));
  }
  while (options.follow) {
    await sleep(followEveryMs);
    for (const source of sources(asked)) {
      const size = statSync(source.path, { throwIfNoEntry: false })?.size ?? 0;
      const before = read.get(source.path) ?? 0;
      // A shorter file was cut off or begun anew.
      const from = size < before ? 0 : Math.max(before, size - readBytesMax);
      const text = size > from ? readRange(source.path, from, size) : '';
      const end = text.lastIndexOf('\n') + 1;
      if (end > 0) print(source, text.slice(0, end - 1).split('\n'));
      read.set(source.path, from + Buffer.byteLength(text.slice(0, end)));
    }
  }
};

const parseLines = (text: string): number => {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0 || count > linesMax)
    throw new UsageFailure(`-n takes a number from 0 to ${linesMax}`);
  return count;
};

export const register = (program: Command): void => {
  program
    .command('logs [service]')
    .description(
      'print what components wrote: gateway, scheduler, sandbox-executor, audit, notifier, nats, postgres, engine, keeper',
    )
    .option('-f, --follow', 'go on printing what is added')
    .option('-n, --lines <count>', 'how many of the last lines', parseLines, 50)
    .option('--json', 'one JSON object a line: service and line')
    .addHelpText(
      'after',
      `
Examples:
  $ ./crucible logs                       the last 50 lines of each
  $ ./crucible logs scheduler -n 200
  $ ./crucible logs sandbox-executor --follow`,
    )
    .action(logs);
};
