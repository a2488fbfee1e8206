import type { FieldProblem } from './explain.ts';

type Loose = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
const namesOf = (files: unknown): string[] => (isMap(files) ? Object.keys(files) : []);

/** Names the platform itself puts a sample's source under. */
const mainFile: Readonly<Record<string, string>> = { python: 'main.py', shell: 'main.sh' };
/** Where an agent program leaves its answer: what lay there before would be taken for one. */
export const ANSWER_FILE = 'answer.txt';

const foldersOf = (names: readonly string[]): Set<string> =>
  new Set(
    names.flatMap((name) => {
      const parts = name.split('/');
      return parts.slice(0, -1).map((_, depth) => parts.slice(0, depth + 1).join('/'));
    }),
  );

const isAgent = (solver: unknown): solver is Loose => isMap(solver) && solver['kind'] === 'agent-program';

const checkAnswer = (names: readonly string[], path: Path): FieldProblem[] =>
  names
    .filter((name) => name === ANSWER_FILE || name.startsWith(`${ANSWER_FILE}/`))
    .map((name) => ({
      path: [...path, name],
      message: `is where the agent program leaves its answer: choose another name`,
    }));

/** Files of an agent program, among themselves. */
export const checkAgentFiles = (solver: unknown): FieldProblem[] => {
  if (!isAgent(solver)) return [];
  const names = namesOf(solver['files']);
  const folders = foldersOf(names);
  const path = ['solver', 'files'];
  const both = names.filter((name) => folders.has(name));
  return [
    ...both.map((name) => ({
      path: [...path, name],
      message: 'is a file here and a folder elsewhere in this program',
    })),
    ...checkAnswer(names, path),
  ];
};

/** Files of a sample, among themselves and beside those of the agent program that is run on it. */
export const checkFiles = (sample: Loose, solver: unknown, path: Path): FieldProblem[] => {
  const input = isMap(sample['input']) ? sample['input'] : {};
  const main = mainFile[String(input['language'])];
  const names = namesOf(sample['files']);
  const own = isAgent(solver) ? namesOf(solver['files']) : [];
  const taken = new Set(own);
  const folders = foldersOf(names);
  const ownFolders = foldersOf(own);
  const within = [...path, 'files'];
  const problems = names.flatMap((name): FieldProblem[] => {
    if (name === main || (main !== undefined && name.startsWith(`${main}/`)))
      return [{ path: [...within, name], message: 'is where the program itself is put: choose another name' }];
    if (taken.has(name) || ownFolders.has(name) || [...foldersOf([name])].some((folder) => taken.has(folder)))
      return [{ path: [...within, name], message: 'is a file or folder of the agent program (solver.files)' }];
    return folders.has(name)
      ? [{ path: [...within, name], message: 'is a file here and a folder elsewhere in this sample' }]
      : [];
  });
  return [...problems, ...(isAgent(solver) ? checkAnswer(names, within) : [])];
};
