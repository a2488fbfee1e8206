import { readFile } from 'node:fs/promises';
import { parseYaml } from '@crucible/placed-text';
import type { YamlKind } from '@crucible/placed-text';
import type { z } from 'zod';
import { explainIssues, fieldOf } from './explain.ts';
import type { FieldProblem } from './explain.ts';

const operatorText: YamlKind = {
  what: "an operator's file",
  anchorsMax: 20,
  insteadOfAnchors: 'write the values out',
  empty: 'is empty',
};

export type OperatorParsed<T> =
  | { readonly ok: true; readonly data: T }
  /** Lines a person can act on, each with its place in the file. */
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * What an operator wrote for the whole platform, from its YAML text.
 * @param beyond what the schema does not see
 */
export const parseOperatorText = <T>(
  schema: z.ZodType<T>,
  text: string,
  beyond: (data: T) => readonly FieldProblem[] = () => [],
): OperatorParsed<T> => {
  const { value, problems, placeOf } = parseYaml(text, operatorText);
  const line = (at: { readonly line: number }, told: string): string => `line ${at.line}: ${told}`;
  if (problems.length > 0) return { ok: false, problems: problems.map(({ place, message }) => line(place, message)) };
  const parsed = schema.safeParse(value);
  const wrong = parsed.success ? beyond(parsed.data) : explainIssues(schema, parsed.error.issues, value);
  if (parsed.success && wrong.length === 0) return { ok: true, data: parsed.data };
  return {
    ok: false,
    problems: wrong.map(({ path, message }) => line(placeOf(path), `${fieldOf(path)} ${message}`)),
  };
};

/** @throws Error saying that it is too large; a file that is not there is an error, too */
export const readOperatorFile = async (path: string, bytesMax: number): Promise<string> => {
  const bytes = await readFile(path);
  if (bytes.byteLength > bytesMax) throw new Error(`${path} has more than ${bytesMax} bytes`);
  return bytes.toString('utf8');
};
