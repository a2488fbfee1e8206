import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { explainIssues, fieldOf } from './explain.ts';
import { approvalRuleSchema, conversationMaxima } from './format-solver.ts';
import type { ApprovalRule } from './format-solver.ts';
import { parseYaml } from './parse-yaml.ts';
import { compilePattern } from './pattern.ts';

/** Of each team, and under `*` of every team, the rules on tool calls that hold whatever a suite says. */
export type ApprovalPolicies = ReadonlyMap<string, readonly ApprovalRule[]>;

const FILE_BYTES_MAX = 256 * 1024;
const TEAMS_MAX = 500;

const fileSchema = z.strictObject({
  teams: z
    .record(z.string().min(1).max(100), z.array(approvalRuleSchema).max(conversationMaxima.approvalRules))
    .refine((teams) => Object.keys(teams).length <= TEAMS_MAX, `has more than ${TEAMS_MAX} teams`),
});

export type PoliciesParsed =
  | { readonly ok: true; readonly policies: ApprovalPolicies }
  /** Lines a person can act on, each with its place in the file. */
  | { readonly ok: false; readonly problems: readonly string[] };

type Path = readonly (string | number)[];

/** What the schema does not see: patterns that are none, and a time to wait where nobody is waited for. */
const problemsIn = (rules: readonly ApprovalRule[], of: string): { readonly path: Path; readonly message: string }[] =>
  rules.flatMap(({ pattern, action, timeout }, index) => {
    const compiled = pattern === undefined ? undefined : compilePattern(pattern);
    const path = ['teams', of, index];
    return [
      ...(compiled?.ok === false ? [{ path: [...path, 'pattern'], message: compiled.problem }] : []),
      ...(timeout !== undefined && action !== 'ask'
        ? [{ path: [...path, 'timeout'], message: 'is for the action ask: nobody is waited for otherwise' }]
        : []),
    ];
  });

/** An operator's policies from their YAML text. */
export const parsePolicies = (text: string): PoliciesParsed => {
  const { value, problems, placeOf } = parseYaml(text);
  const at = ({ line }: { readonly line: number }): string => `line ${line}`;
  if (problems.length > 0)
    return { ok: false, problems: problems.map(({ place, message }) => `${at(place)}: ${message}`) };
  const parsed = fileSchema.safeParse(value);
  const wrong = parsed.success
    ? Object.entries(parsed.data.teams).flatMap(([team, rules]) => problemsIn(rules, team))
    : explainIssues(fileSchema, parsed.error.issues, value);
  if (!parsed.success || wrong.length > 0)
    return {
      ok: false,
      problems: wrong.map(({ path, message }) => `${at(placeOf(path))}: ${fieldOf(path)} ${message}`),
    };
  return { ok: true, policies: new Map(Object.entries(parsed.data.teams)) };
};

/** What holds for calls of one team: its own rules, and those of every team. */
export const policiesOf = (policies: ApprovalPolicies, team: string): readonly (readonly ApprovalRule[])[] =>
  ['*', team].flatMap((name) => {
    const rules = policies.get(name);
    return rules === undefined ? [] : [rules];
  });

/** @throws Error saying what is wrong with the file and where; a file that is not there is an error, too */
export const readPoliciesFile = async (path: string): Promise<ApprovalPolicies> => {
  const bytes = await readFile(path);
  if (bytes.byteLength > FILE_BYTES_MAX) throw new Error(`${path} is of more than ${FILE_BYTES_MAX} bytes`);
  const parsed = parsePolicies(bytes.toString('utf8'));
  if (!parsed.ok) throw new Error(`${path} is not a file of approval policies:\n${parsed.problems.join('\n')}`);
  return parsed.policies;
};
