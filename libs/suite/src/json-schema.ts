import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FieldProblem } from './explain.ts';
import { conversationMaxima } from './format-solver.ts';
import { compilePattern } from './pattern.ts';

/** Whether a value fits a schema, and if not, the first few faults in words. */
export type Fit = { readonly fits: true } | { readonly fits: false; readonly faults: readonly string[] };
export type SchemaCompiled =
  { readonly ok: true; readonly check: (value: unknown) => Fit } | { readonly ok: false; readonly problem: string };

const FAULTS_MAX = 5;
const PROBLEM_CHARS_MAX = 300;

/** Patterns of a schema are tried on what a model wrote: they are RE2, which cannot be made to run for ever. */
const linear = (source: string): { test: (text: string) => boolean; toString: () => string } => {
  const compiled = compilePattern(source);
  if (!compiled.ok) throw new Error(`pattern ${JSON.stringify(source.slice(0, 100))} ${compiled.problem}`);
  // Ajv keeps patterns by this name: two with one name would be one pattern.
  return { test: (text) => compiled.pattern.matches(text), toString: () => source };
};
// Ajv writes the name of its engine into the code it makes; ours is handed to it as a value.
const engine = Object.assign(linear, { code: 'linear' });

const options = {
  strict: true,
  strictTypes: false,
  strictRequired: false,
  allErrors: false,
  validateFormats: false,
  ownProperties: true,
  code: { regExp: engine },
} as const;

/** Knows no schema but the draft's own: making that one ready takes longer than any of a suite's, so it is done once. */
let draft: Ajv2020 | undefined;

/**
 * Compiles a JSON Schema, draft 2020-12. Strict: a keyword that is not known is a mistake, and so is a reference outside.
 * Code is made of it, so this is for Node and not for a page under a content security policy.
 */
export const compileSchema = (schema: unknown): SchemaCompiled => {
  const bytes = Buffer.byteLength(JSON.stringify(schema) ?? '');
  if (bytes > conversationMaxima.toolSchemaBytes)
    return { ok: false, problem: `has ${bytes} bytes, at most ${conversationMaxima.toolSchemaBytes}` };
  try {
    draft ??= new Ajv2020(options);
    draft.validateSchema(schema as object, true);
    // One of its own for each: no schema can refer to another's parts, or take its name.
    const ajv = new Ajv2020({ ...options, validateSchema: false });
    const validate = ajv.compile(schema as object);
    if ('$async' in validate) return { ok: false, problem: 'must not be $async' };
    return {
      ok: true,
      check: (value) => {
        if (validate(value)) return { fits: true };
        const faults = (validate.errors ?? []).slice(0, FAULTS_MAX);
        return { fits: false, faults: faults.map((fault) => `${fault.instancePath || 'it'} ${fault.message ?? ''}`) };
      },
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message : 'cannot be used';
    return { ok: false, problem: `is no JSON Schema that can be used: ${problem}`.slice(0, PROBLEM_CHARS_MAX) };
  }
};

type Loose = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.slice(0, 100) : []);

const problemOf = (schema: unknown, path: FieldProblem['path']): FieldProblem[] => {
  if (!isMap(schema)) return [];
  const compiled = compileSchema(schema);
  return compiled.ok ? [] : [{ path, message: compiled.problem }];
};

/** Schemas of a suite that cannot be used, of its tools and of its scorers. Reads anything, as `crossChecks` does. */
export const jsonSchemaProblems = (draft: unknown): FieldProblem[] => {
  if (!isMap(draft)) return [];
  const tools = listOf(isMap(draft['solver']) ? draft['solver']['tools'] : undefined);
  return [
    ...tools.flatMap((tool, index) =>
      isMap(tool) ? problemOf(tool['parameters'], ['solver', 'tools', index, 'parameters']) : [],
    ),
    ...listOf(draft['scorers']).flatMap((scorer, index) =>
      isMap(scorer) && scorer['kind'] === 'json' ? problemOf(scorer['schema'], ['scorers', index, 'schema']) : [],
    ),
  ];
};
