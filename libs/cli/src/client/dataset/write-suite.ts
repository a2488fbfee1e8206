import { mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { displayableLine } from '@crucible/events';
import type { Suite } from '@crucible/suite';
import { loadSuite, problemLine } from '@crucible/suite/load';
import { misuse } from '../failure.ts';

const SAMPLES = 'samples.jsonl';
const SUITE = 'suite.yaml';

/** What is to be written into a folder. */
export interface SuiteDraft {
  readonly samples: AsyncIterable<object> | Iterable<object>;
  /** @param samples how many there are */
  readonly suiteYaml: (samples: number) => string;
  /** Files beside the suite, by their names. */
  readonly beside?: Readonly<Record<string, string>>;
}
export interface SuiteWritten {
  readonly suite: Suite;
  readonly samples: number;
}

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
const writeSamples = async (samples: SuiteDraft['samples'], path: string): Promise<number> => {
  const out = await open(path, 'w');
  let count = 0;
  try {
    for await (const sample of samples) {
      count += 1;
      await out.write(`${JSON.stringify(sample)}\n`);
    }
    return count;
  } finally {
    await out.close();
  }
};

/** @throws UsageFailure when the folder cannot be used, or what was written is no suite */
export const writeSuite = async (folder: string, force: boolean, draft: SuiteDraft): Promise<SuiteWritten> => {
  const made = await prepareFolder(folder, force);
  const partial = join(folder, `.${SAMPLES}.${process.pid}.new`);
  let samples: number;
  try {
    samples = await writeSamples(draft.samples, partial);
    await rename(partial, join(folder, SAMPLES));
  } catch (error) {
    await rm(partial, { force: true });
    if (made) await rmdir(folder);
    throw error;
  }
  for (const [name, text] of Object.entries(draft.beside ?? {})) await writeFile(join(folder, name), text);
  await writeFile(join(folder, SUITE), draft.suiteYaml(samples));
  const loaded = await loadSuite(folder);
  if (loaded.ok) return { suite: loaded.suite, samples };
  throw misuse(`the file gives a suite with mistakes:\n  ${loaded.problems.map(problemLine).join('\n  ')}`);
};
