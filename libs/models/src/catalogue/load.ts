import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { displayableLine } from '@crucible/events';
import { nowhere, parseYaml } from '@crucible/placed-text';
import type { Place, Placed, YamlKind } from '@crucible/placed-text';
import { scriptedPersonas } from '../scripted/personas.ts';
import { entryOf, scriptedModels } from './catalogue.ts';
import type { KeyRing, ModelEntry } from './catalogue.ts';
import { explainIssues, fieldOf } from './explain.ts';
import type { FieldProblem, Path } from './explain.ts';
import { fileSchema, keySchema } from './format.ts';
import { keyName, readKey } from './keys.ts';
import type { Environment, Secret } from './keys.ts';

const FILE_BYTES_MAX = 256 * 1024;
const modelsText: YamlKind = {
  what: 'a file of models',
  anchorsMax: 20,
  insteadOfAnchors: 'write the values out',
};

/** One mistake in a file of models, or one thing about it that is not as it should be. */
export interface ModelsProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as `models[2].key`; empty where no field is meant. */
  readonly field: string;
  readonly message: string;
}

export type ModelsLoaded =
  | {
      readonly ok: true;
      /** Those of the file, then the scripted ones. */
      readonly models: readonly ModelEntry[];
      /** Empty when no environment was given. */
      readonly keys: KeyRing;
      /** Environment variables in which the entries' keys are. */
      readonly keyVariables: readonly string[];
      readonly warnings: readonly ModelsProblem[];
    }
  | { readonly ok: false; readonly problems: readonly ModelsProblem[] };

/** `FILE:LINE:COLUMN: field: message`, as editors understand it. */
export const modelsProblemLine = ({ file, line, column, field, message }: ModelsProblem): string =>
  `${displayableLine(file, 300)}${line > 0 ? `:${line}:${column}` : ''}: ${field === '' ? '' : `${field}: `}${message}`;

type Loose = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);

const listedIn = (value: unknown): readonly unknown[] =>
  isMap(value) && Array.isArray(value['models']) ? (value['models'] as readonly unknown[]) : [];

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);

const urlProblem = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return 'must be an address that begins with http:// or https://, such as http://localhost:8000/v1';
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return 'must hold nothing but the address: no user, password, query or fragment; a key is named under key';
  return undefined;
};

const needsOf = (entry: Loose): { readonly field: string; readonly message: string }[] => {
  const { provider, baseUrl, key, model } = entry;
  const found: { field: string; message: string }[] = [];
  if (provider === 'openai-compatible' && baseUrl === undefined)
    found.push({
      field: 'baseUrl',
      message: 'is missing: openai-compatible needs the address of the server, such as http://localhost:8000/v1',
    });
  if ((provider === 'openai' || provider === 'anthropic') && key === undefined)
    found.push({
      field: 'key',
      message: `is missing: ${provider} needs one, such as { env: ${provider.toUpperCase()}_API_KEY }`,
    });
  if (provider === 'scripted') {
    const personas: readonly unknown[] = scriptedPersonas;
    if (model !== undefined && !personas.includes(model))
      found.push({
        field: 'model',
        message: `must be one of ${scriptedPersonas.join(', ')}: those are what is scripted`,
      });
    for (const field of ['baseUrl', 'key'])
      if (entry[field] !== undefined) found.push({ field, message: 'has no meaning for provider scripted: remove it' });
  }
  if (typeof baseUrl === 'string') {
    const message = urlProblem(baseUrl);
    if (message !== undefined) found.push({ field: 'baseUrl', message });
  }
  return found;
};

/** What no schema of one field can say. Looks at what was written, so that it is told beside other mistakes. */
const crossChecks = (value: unknown): FieldProblem[] => {
  const first = new Map<string, number>();
  return listedIn(value).flatMap((entry, index): FieldProblem[] => {
    if (!isMap(entry)) return [];
    const path = (field: string): Path => ['models', index, field];
    const problems = needsOf(entry).map(({ field, message }) => ({ path: path(field), message }));
    const { name } = entry;
    if (typeof name !== 'string') return problems;
    const shown = displayableLine(name, 100);
    const before = first.get(name);
    if (before === undefined) first.set(name, index);
    else problems.push({ path: path('name'), message: `${shown} is already the name of models[${before}]` });
    if (name.startsWith('scripted/'))
      problems.push({
        path: path('name'),
        message: 'begins with scripted/, which is for the shipped models: choose another',
      });
    return problems;
  });
};

const readText = async (file: string): Promise<{ readonly text: string } | { readonly message: string }> => {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await handle.stat();
      if (!info.isFile()) return { message: 'is not a file' };
      if (info.size > FILE_BYTES_MAX) return { message: `has more than ${FILE_BYTES_MAX} bytes` };
      return { text: new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile()) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof TypeError) return { message: 'is not UTF-8 text: save it as UTF-8' };
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return { message: code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})` };
  }
};

/** Unencrypted to another machine: whoever is between reads the key. */
const clearWarning = ({ baseUrl, key }: ModelEntry): string | undefined => {
  if (baseUrl === null || key === null) return undefined;
  const { protocol, hostname } = new URL(baseUrl);
  return protocol === 'http:' && !isLoopback(hostname)
    ? 'begins with http://: the key is sent unencrypted; use https://'
    : undefined;
};

interface Found {
  readonly keys: Map<string, Secret>;
  readonly problems: FieldProblem[];
  readonly warnings: FieldProblem[];
}

/** Reads what was written, also beside other mistakes: a start that fails tells all there is to mend. */
const readKeys = async (
  value: unknown,
  environment: Environment,
  file: string,
  only: string | undefined,
): Promise<Found> => {
  const found: Found = { keys: new Map(), problems: [], warnings: [] };
  for (const [index, entry] of listedIn(value).entries()) {
    const { key: written, name } = isMap(entry) ? entry : {};
    const key = keySchema.safeParse(written);
    if (!key.success || (only !== undefined && name !== only)) continue;
    const path = ['models', index, 'key'];
    const read = await readKey(key.data, environment, (name) => resolve(dirname(file), name));
    if (!read.ok) found.problems.push({ path, message: displayableLine(read.message, 500) });
    else {
      found.keys.set(keyName(key.data), read.secret);
      if (read.warning !== null) found.warnings.push({ path, message: displayableLine(read.warning, 500) });
    }
  }
  return found;
};

const told = (file: string, text: Placed, problems: readonly FieldProblem[]): ModelsProblem[] => {
  const unique = new Map(problems.map((problem) => [JSON.stringify([problem.path, problem.message]), problem]));
  // A field that is said to be missing, and what it would have to be, are one mistake: the longer text says more.
  const kept = [...unique.values()].filter(
    ({ path, message }) =>
      message !== 'is missing' ||
      ![...unique.values()].some((other) => other.message !== message && fieldOf(other.path) === fieldOf(path)),
  );
  return kept
    .map(({ path, message }) => ({ file, ...text.placeOf(path), field: fieldOf(path), message }))
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
};

const whole = (file: string, message: string, place: Place = nowhere): ModelsProblem => ({
  file,
  ...place,
  field: '',
  message,
});

/**
 * Every model there is: those of a file, and the scripted ones. Never throws for a bad file: the answer is every mistake
 * at once.
 * @param file its path; null when there is none
 * @param environment where keys are; without it none is read, for those who need only the models
 * @param only reads the key of this model and of no other
 */
export const loadModels = async (
  file: string | null,
  environment?: Environment,
  only?: string,
): Promise<ModelsLoaded> => {
  if (file === null) return { ok: true, models: scriptedModels, keys: new Map(), keyVariables: [], warnings: [] };
  const read = await readText(file);
  if (!('text' in read)) return { ok: false, problems: [whole(file, read.message)] };
  const text = parseYaml(read.text, modelsText);
  if (text.problems.length > 0)
    return { ok: false, problems: text.problems.map(({ place, message }) => whole(file, message, place)) };
  const parsed = fileSchema.safeParse(text.value);
  const found: Found =
    environment === undefined
      ? { keys: new Map(), problems: [], warnings: [] }
      : await readKeys(text.value, environment, file, only);
  const problems = [
    ...(parsed.success ? [] : explainIssues(parsed.error.issues, text.value)),
    ...crossChecks(text.value),
    ...found.problems,
  ];
  if (!parsed.success || problems.length > 0) return { ok: false, problems: told(file, text, problems) };
  const entries = parsed.data.models.map(entryOf);
  const clear = entries.flatMap((entry, index): FieldProblem[] => {
    const message = clearWarning(entry);
    return message === undefined ? [] : [{ path: ['models', index, 'baseUrl'], message }];
  });
  return {
    ok: true,
    models: [...entries, ...scriptedModels],
    keys: found.keys,
    keyVariables: [...new Set(entries.flatMap(({ key }) => (key !== null && 'env' in key ? [key.env] : [])))],
    warnings: told(file, text, [...clear, ...found.warnings]),
  };
};
