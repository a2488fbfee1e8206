import { displayableLine } from '@crucible/events';
import { nowhere, parseYaml } from '@crucible/placed-text';
import type { Place, Placed, YamlKind } from '@crucible/placed-text';
import { crossChecks } from './cross-checks.ts';
import { explainIssues, fieldOf } from './explain.ts';
import type { FieldProblem } from './explain.ts';
import { platformMaxima } from './format.ts';
import { jsonSchemaProblems } from './json-schema.ts';
import { parseJsonLines } from './parse-jsonl.ts';
import { NOT_UTF8, locate, readInside, sizeOf, textOf } from './read-inside.ts';
import type { Folder } from './read-inside.ts';
import { suiteSchema, suiteShape } from './suite.ts';
import type { Suite } from './suite.ts';

export { jsonSchemaProblems } from './json-schema.ts';
export * from './policies-file.ts';
export * from './profiles-file.ts';

/** One mistake in a suite's files. `line` and `column` count from 1; 0 where the whole file is meant. */
export interface SuiteProblem {
  /** Path as the caller named it, with the file inside the suite's folder. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as `dataset.samples[3].input`; empty where no field is meant. */
  readonly field: string;
  readonly message: string;
}
export type LoadedSuite =
  { readonly ok: true; readonly suite: Suite } | { readonly ok: false; readonly problems: readonly SuiteProblem[] };

/** Bounds on what is read before it is understood. Samples in great number belong into a JSONL file. */
export const loadBounds = {
  yamlBytesMax: 4 * 1024 ** 2,
  datasetBytesMax: platformMaxima.suiteBytes,
  problemsMax: 100,
} as const;

const suiteText: YamlKind = {
  what: 'a suite',
  anchorsMax: 100,
  insteadOfAnchors: 'write the text out, or put the samples into a JSONL file',
  empty: 'is empty: a suite begins with "apiVersion: crucible/v1"',
};

type Loose = Record<string, unknown>;
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A document on its way to be a suite: what was read so far, where its parts stand, what is wrong with it. */
class Draft {
  readonly problems: SuiteProblem[] = [];
  readonly folder: Folder;

  constructor(folder: Folder) {
    this.folder = folder;
  }

  report(file: string, place: Place, field: string, message: string): void {
    if (this.problems.length >= loadBounds.problemsMax) return;
    this.problems.push({ file: this.folder.name(file), ...place, field, message: displayableLine(message, 600) });
  }

  /** Reads and parses one file of the folder; undefined when it could not be read, with the reason handed to `refuse`. */
  async parse(
    file: string,
    bytesMax: number,
    parser: (text: string) => Placed,
    refuse: (message: string) => void,
  ): Promise<Placed | undefined> {
    const read = await readInside(this.folder.path, file, bytesMax);
    const text = read.ok ? textOf(read.bytes) : undefined;
    if (text === undefined) {
      refuse(read.ok ? NOT_UTF8 : read.message);
      return undefined;
    }
    const placed = parser(text);
    placed.problems.forEach(({ place, message }) => this.report(file, place, '', message));
    return placed;
  }
}

/** A place in a sample that names a file beside the suite, and what may stand there instead. */
interface Reference {
  readonly holder: Loose;
  readonly key: string;
  readonly path: readonly (string | number)[];
  readonly file: string;
  /** A program is text; other files may be any bytes. */
  readonly textOnly: boolean;
}

type Path = readonly (string | number)[];
const found = (holder: Loose, key: string, path: Path, textOnly: boolean): Reference[] => {
  const content = holder[key];
  if (!isMap(content) || typeof content['file'] !== 'string') return [];
  return [{ holder, key, path: [...path, key, 'file'], file: content['file'], textOnly }];
};

const filesIn = (files: unknown, path: Path): Reference[] => {
  const names = isMap(files) ? Object.keys(files).slice(0, platformMaxima.filesPerSample + 1) : [];
  return names.flatMap((name) => found(files as Loose, name, path, false));
};

const referencesOf = (sample: unknown, index: number): Reference[] => {
  if (!isMap(sample)) return [];
  const path = ['dataset', 'samples', index];
  const { input, files } = sample;
  return [
    ...(isMap(input) ? found(input, 'source', [...path, 'input'], true) : []),
    ...filesIn(files, [...path, 'files']),
  ];
};

const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.slice(0, 100) : []);

/** Programs of the suite's own tools and scorers, and the files of its agent program. */
const programsOf = (root: Loose): Reference[] => {
  const solver = isMap(root['solver']) ? root['solver'] : {};
  const tools = listed(solver['tools']);
  return [
    ...filesIn(solver['files'], ['solver', 'files']),
    ...tools.flatMap((tool, index) =>
      isMap(tool) && isMap(tool['program'])
        ? found(tool['program'], 'source', ['solver', 'tools', index, 'program'], true)
        : [],
    ),
    ...listed(root['scorers']).flatMap((scorer, index) =>
      isMap(scorer) ? found(scorer, 'source', ['scorers', index], true) : [],
    ),
  ];
};

/** Puts in the place of every `{ file: … }` what that file holds. */
const inlineFiles = async (draft: Draft, references: readonly Reference[], at: Locator): Promise<void> => {
  let budget: number = platformMaxima.suiteBytes;
  for (const { holder, key, path, file: named, textOnly } of references) {
    const refuse = (why: string): void => {
      const { file, place } = at(path);
      draft.report(file, place, fieldOf(path), `${displayableLine(named, 100)} ${why}`);
      // A text in its place keeps the field from being reported a second time.
      holder[key] = 'unread';
    };
    const read = await readInside(draft.folder.path, named, platformMaxima.fileBytes);
    if (!read.ok) {
      refuse(read.message);
      continue;
    }
    if (read.bytes.length > budget) return refuse(`makes the suite larger than ${sizeOf(platformMaxima.suiteBytes)}`);
    budget -= read.bytes.length;
    const text = textOf(read.bytes);
    if (text === undefined && textOnly) refuse(NOT_UTF8);
    else holder[key] = text ?? { base64: Buffer.from(read.bytes).toString('base64') };
  }
};

type Locator = (path: readonly (string | number)[]) => { readonly file: string; readonly place: Place };

/** Where a field of the joined suite was written: in the suite file, or in the dataset beside it. */
const locator =
  (
    suite: Placed,
    suiteFile: string,
    dataset: { readonly file: string; readonly placed: Placed } | undefined,
  ): Locator =>
  (path) => {
    if (dataset !== undefined && path[0] === 'dataset' && path[1] === 'samples') {
      return { file: dataset.file, place: dataset.placed.placeOf(path.slice(2)) };
    }
    return { file: suiteFile, place: suite.placeOf(path) };
  };

const uniqueProblems = (problems: readonly FieldProblem[]): FieldProblem[] => {
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => {
    const key = JSON.stringify([path, message]);
    return seen.has(key) ? false : Boolean(seen.add(key));
  });
};

const byPlace = (a: SuiteProblem, b: SuiteProblem): number =>
  (a.file === b.file ? 0 : a.file < b.file ? -1 : 1) || a.line - b.line || a.column - b.column;

/**
 * Reads a suite from its folder (`suite.yaml` in it) or from its file, with the dataset and files beside it, which must be
 * inside the folder. The answer is the whole suite, or every mistake at once (at most 100). Never throws for bad input.
 */
export const loadSuite = async (path: string): Promise<LoadedSuite> => {
  const folder = await locate(path);
  if (typeof folder === 'string') {
    return {
      ok: false,
      problems: [{ file: displayableLine(path, 300), line: 0, column: 0, field: '', message: folder }],
    };
  }
  const draft = new Draft(folder);
  const suite = await draft.parse(
    folder.suiteFile,
    loadBounds.yamlBytesMax,
    (text) => parseYaml(text, suiteText),
    (message) => draft.report(folder.suiteFile, nowhere, '', message),
  );
  if (suite === undefined || draft.problems.length > 0) return { ok: false, problems: draft.problems };
  const root = suite.value;
  const listed = isMap(root) && isMap(root['dataset']) ? root['dataset'] : {};
  const dataset = await readDataset(draft, listed, suite);
  const usable = dataset !== 'unusable';
  const beside = usable ? dataset : undefined;
  const samplesBeside = usable ? beside?.placed.value : [];
  const joined = samplesBeside === undefined || !isMap(root) ? root : { ...root, dataset: { samples: samplesBeside } };
  const at = locator(suite, folder.suiteFile, beside);
  const samples = isMap(joined) && isMap(joined['dataset']) ? joined['dataset']['samples'] : undefined;
  const ofSamples = Array.isArray(samples) ? samples.slice(0, platformMaxima.samples).flatMap(referencesOf) : [];
  await inlineFiles(draft, [...(isMap(joined) ? programsOf(joined) : []), ...ofSamples], at);
  const shape = suiteShape.safeParse(joined);
  const problems = uniqueProblems([
    ...(shape.success ? [] : explainIssues(suiteShape, shape.error.issues, joined)),
    ...crossChecks(joined),
    ...jsonSchemaProblems(joined),
  ]);
  for (const problem of problems) {
    // A dataset that could not be read was reported as a whole; the rest of the suite is still judged.
    if (!usable && problem.path[0] === 'dataset') continue;
    const { file, place } = at(problem.path);
    draft.report(file, place, fieldOf(problem.path), problem.message);
  }
  if (shape.success && Buffer.byteLength(JSON.stringify(shape.data)) > platformMaxima.suiteBytes) {
    draft.report(
      folder.suiteFile,
      nowhere,
      '',
      `holds more than ${sizeOf(platformMaxima.suiteBytes)} with its samples and files`,
    );
  }
  return draft.problems.length > 0
    ? { ok: false, problems: draft.problems.toSorted(byPlace) }
    : { ok: true, suite: suiteSchema.parse(joined) };
};

type Dataset = { readonly file: string; readonly placed: Placed } | 'unusable' | undefined;

/** The samples of `dataset.file`; undefined when the samples are inline. */
const readDataset = async (draft: Draft, listed: Loose, suite: Placed): Promise<Dataset> => {
  const file = listed['file'];
  if (file === undefined) return undefined;
  const { suiteFile } = draft.folder;
  const stray = Object.keys(listed).find((key) => key !== 'file');
  if (stray !== undefined || typeof file !== 'string') {
    const message =
      typeof file === 'string'
        ? 'names a file and has other fields too: a dataset has either file or samples'
        : 'must be the path of a JSONL file';
    draft.report(suiteFile, suite.placeOf(['dataset', 'file']), 'dataset.file', message);
    return 'unusable';
  }
  const placed = await draft.parse(file, loadBounds.datasetBytesMax, parseJsonLines, (message) =>
    draft.report(
      suiteFile,
      suite.placeOf(['dataset', 'file']),
      'dataset.file',
      `${displayableLine(file, 100)} ${message}`,
    ),
  );
  return placed === undefined || draft.problems.length > 0 ? 'unusable' : { file, placed };
};

/** A problem as one line: `suites/x/suite.yaml:12:5: dataset.samples[0].input: is missing`. */
export const problemLine = ({ file, line, column, field, message }: SuiteProblem): string =>
  `${file}${line > 0 ? `:${line}:${column}` : ''}: ${field === '' ? '' : `${field}: `}${message}`;
