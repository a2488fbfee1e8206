import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SuiteSummary } from '@crucible/api';
import { OWN_IMAGE } from '@crucible/domain';
import { noBudget } from '@crucible/events';
import { budgetOf, epochsMinOf, epochsOf, namedModels } from '@crucible/suite';
import { loadSuite, problemLine } from '@crucible/suite/load';
import type { LoadedSuite } from '@crucible/suite/load';

const SUITES_MAX = 500;
/** A folder with more files than this is read again each time. */
const FILES_WATCHED_MAX = 2_000;

/** The suites in the platform's suites folder: one folder each, with a suite.yaml. Read again when a file changed. */
export class SuiteShelf {
  readonly #folder: string;
  readonly #known = new Map<string, { readonly seen: string; readonly loaded: LoadedSuite }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(): Promise<SuiteSummary[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch(() => []);
    const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    const summaries: SuiteSummary[] = [];
    for (const name of names.sort().slice(0, SUITES_MAX)) {
      const loaded = await this.load(name);
      if (loaded !== undefined) summaries.push(summaryOf(name, loaded));
    }
    return summaries;
  }

  /** The suite in the folder of that name; undefined when there is none. */
  async load(name: string): Promise<LoadedSuite | undefined> {
    if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) return undefined;
    const folder = join(this.#folder, name);
    const seen = await fingerprint(folder);
    if (seen === undefined) {
      this.#known.delete(name);
      return undefined;
    }
    const known = this.#known.get(name);
    if (known !== undefined && known.seen === seen) return known.loaded;
    const loaded = await loadSuite(folder);
    if (seen !== '') this.#known.set(name, { seen, loaded });
    return loaded;
  }
}

/** Path, size and times of every file below a suite's folder; undefined without a suite.yaml, empty when there are too many. */
const fingerprint = async (folder: string): Promise<string | undefined> => {
  if (!(await stat(join(folder, 'suite.yaml')).catch(() => undefined))?.isFile()) return undefined;
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  if (files.length > FILES_WATCHED_MAX) return '';
  const lines = await Promise.all(
    files.sort().map(async (file) => {
      const found = await stat(join(folder, file)).catch(() => undefined);
      return [file, found?.size, found?.mtimeMs, found?.ctimeMs, found?.ino].join('\0');
    }),
  );
  return lines.join('\n');
};

const summaryOf = (name: string, loaded: LoadedSuite): SuiteSummary => {
  if (!loaded.ok) {
    const invalid = loaded.problems.map(problemLine);
    const nothing = { solver: 'program' as const, image: OWN_IMAGE, capability: null, models: [], budget: noBudget };
    return {
      name,
      version: '',
      title: name,
      description: '',
      samples: 0,
      epochs: 0,
      epochsMin: 1,
      ...nothing,
      invalid,
    };
  }
  const { suite } = loaded;
  const { version, title, description, capability = null } = suite.metadata;
  return {
    name,
    version,
    title,
    description,
    samples: suite.dataset.samples.length,
    epochs: epochsOf(suite).count,
    epochsMin: epochsMinOf(suite),
    solver: suite.solver.kind,
    image: suite.sandbox.image,
    capability,
    models: [...new Set(namedModels(suite).map(({ model }) => model))],
    budget: budgetOf(suite),
    invalid: null,
  };
};
