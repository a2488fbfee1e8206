import { z } from 'zod';
import { ruleProblems } from './cross-checks-model.ts';
import { approvalRuleSchema, conversationMaxima } from './format-solver.ts';
import type { ApprovalRule } from './format-solver.ts';
import { parseOperatorText, readOperatorFile } from './operator-file.ts';
import type { OperatorParsed } from './operator-file.ts';

/** Of each team, and under `*` of every team, the rules on tool calls that hold whatever a suite says. */
export type ApprovalPolicies = ReadonlyMap<string, readonly ApprovalRule[]>;

const FILE_BYTES_MAX = 256 * 1024;
const TEAMS_MAX = 500;

const fileSchema = z.strictObject({
  teams: z
    .record(z.string().min(1).max(100), z.array(approvalRuleSchema).max(conversationMaxima.approvalRules))
    .refine((teams) => Object.keys(teams).length <= TEAMS_MAX, `has more than ${TEAMS_MAX} teams`),
});

/** An operator's policies from their YAML text. */
export const parsePolicies = (text: string): OperatorParsed<ApprovalPolicies> => {
  const parsed = parseOperatorText(fileSchema, text, ({ teams }) =>
    Object.entries(teams).flatMap(([team, rules]) =>
      rules.flatMap((rule, index) => ruleProblems(rule, ['teams', team, index])),
    ),
  );
  return parsed.ok ? { ok: true, data: new Map(Object.entries(parsed.data.teams)) } : parsed;
};

/** What holds for calls of one team: its own rules, and those of every team. */
export const policiesOf = (policies: ApprovalPolicies, team: string): readonly (readonly ApprovalRule[])[] =>
  ['*', team].flatMap((name) => {
    const rules = policies.get(name);
    return rules === undefined ? [] : [rules];
  });

/** @throws Error saying what is wrong with the file and where; a file that is not there is an error, too */
export const readPoliciesFile = async (path: string): Promise<ApprovalPolicies> => {
  const parsed = parsePolicies(await readOperatorFile(path, FILE_BYTES_MAX));
  if (!parsed.ok) throw new Error(`${path} is not a file of approval policies:\n${parsed.problems.join('\n')}`);
  return parsed.data;
};
