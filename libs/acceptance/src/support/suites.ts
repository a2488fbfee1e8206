import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SubmitRequest } from '@crucible/api';
import { afterAll } from 'vitest';

type SuiteInput = Extract<SubmitRequest['suite'], { apiVersion: unknown }>;
export type SampleInput = SuiteInput['dataset']['samples'][number];

export interface SuiteWish {
  readonly name?: string;
  readonly title?: string;
  readonly concurrency?: number;
  readonly epochs?: number;
  readonly sandbox?: NonNullable<SuiteInput['sandbox']>;
}

/** A Python program as a sample; it passes when it ends with 0. */
export const sample = (id: string, source: string, more: Partial<SampleInput> = {}): SampleInput => ({
  id,
  input: { language: 'python', source },
  ...more,
});

/** `count` programs that sleep and say which one they are. */
export const sleepers = (count: number, seconds: number): SampleInput[] =>
  Array.from({ length: count }, (_, index) =>
    sample(
      `sleeper-${index}`,
      `import time\nprint("begin ${index}", flush=True)\ntime.sleep(${seconds})\nprint("end ${index}")\n`,
      { target: `end ${index}` },
    ),
  );

/** A suite whose samples must end with exit code 0. */
export const suiteOf = (samples: SampleInput[], wish: SuiteWish = {}): SuiteInput => ({
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name: wish.name ?? 'acceptance', version: '1.0.0', title: wish.title ?? 'Acceptance' },
  sandbox: { memory: '96MiB', pids: 16, disk: '8MiB', wallTime: '30s', ...wish.sandbox },
  dataset: { samples },
  scorers: [{ kind: 'exit-code' }],
  epochs: wish.epochs ?? 1,
  limits: { concurrency: wish.concurrency ?? 4 },
});

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A new folder that is removed when the spec file is through. */
export const scratch = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-acceptance-'));
  folders.push(folder);
  return folder;
};

/** Writes a suite for the command line, as JSON, which is YAML; or any text. Returns the file's path. */
export const writeSuite = (suite: unknown): string => {
  const path = join(scratch(), 'suite.yaml');
  writeFileSync(path, typeof suite === 'string' ? suite : JSON.stringify(suite, null, 2));
  return path;
};
