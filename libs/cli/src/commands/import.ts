import { mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { displayableLine } from '@crucible/events';
import { loadSuite, problemLine } from '@crucible/suite/load';
import type { Command } from 'commander';
import { misuse } from '../client/failure.ts';
import { readProblems, sampleOf, suiteYaml } from '../client/humaneval.ts';
import { printJson } from '../terminal.ts';

interface ImportOptions {
  readonly out: string;
  readonly force?: true;
  readonly json?: true;
}

const SAMPLES = 'samples.jsonl';
const SUITE = 'suite.yaml';

/** Returns whether the folder was made by this. */
const prepareFolder = async (folder: string, force: boolean): Promise<boolean> => {
  const shown = displayableLine(folder, 200);
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw misuse(`${shown} is not a folder that can be used (${error.code})`);
  });
  if (entries.length > 0 && !force) {
    throw misuse(
      `${shown} is not empty`,
      `choose another folder, or let ${SUITE} and ${SAMPLES} in it be replaced with --force`,
    );
  }
  const made = await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw misuse(`${shown} cannot be made (${error.code})`);
  });
  return made !== undefined;
};

/** Writes the samples beside their final name: a failed import leaves what was there before. */
const writeSamples = async (file: string, path: string): Promise<number> => {
  const out = await open(path, 'w');
  let samples = 0;
  try {
    for await (const problem of readProblems(file)) {
      samples += 1;
      await out.write(`${JSON.stringify(sampleOf(problem))}\n`);
    }
    return samples;
  } finally {
    await out.close();
  }
};

const importHumanEval = async (file: string, options: ImportOptions): Promise<void> => {
  const folder = options.out;
  const made = await prepareFolder(folder, options.force === true);
  const partial = join(folder, `.${SAMPLES}.${process.pid}.new`);
  let samples: number;
  try {
    samples = await writeSamples(file, partial);
    await rename(partial, join(folder, SAMPLES));
  } catch (error) {
    await rm(partial, { force: true });
    if (made) await rmdir(folder);
    throw error;
  }
  await writeFile(join(folder, SUITE), suiteYaml(samples));
  const loaded = await loadSuite(folder);
  if (!loaded.ok)
    throw misuse(`the file gives a suite with mistakes:\n  ${loaded.problems.map(problemLine).join('\n  ')}`);
  if (options.json) return printJson({ suite: loaded.suite.metadata.name, folder, samples });
  process.stdout.write(
    `${samples} samples written to ${displayableLine(folder, 200)}\n  ./crucible run ${displayableLine(folder, 200)}\n`,
  );
};

export const register = (program: Command): void => {
  const verb = program.command('import').description('write a suite from a published dataset');
  verb
    .command('humaneval')
    .description('HumanEval: 164 programming problems with their canonical solutions and tests')
    .argument('<file>', 'HumanEval.jsonl.gz, or unpacked')
    .requiredOption('--out <folder>', 'where to write suite.yaml and samples.jsonl')
    .option('--force', 'write into a folder that is not empty')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ ./crucible import humaneval HumanEval.jsonl.gz --out humaneval
  $ ./crucible run humaneval`,
    )
    .action(importHumanEval);
};
