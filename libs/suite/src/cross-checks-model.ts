import type { FieldProblem } from './explain.ts';
import { builtinTools } from './format-solver.ts';
import { compilePattern } from './pattern.ts';
import { lettersOf, numberOf } from './score-text.ts';

type Loose = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const targetsOf = (sample: Loose): readonly unknown[] =>
  Array.isArray(sample['target'])
    ? (sample['target'] as unknown[])
    : sample['target'] === undefined
      ? []
      : [sample['target']];

/** The platform's own image, which suites have that name no other. */
const OWN_IMAGE = 'python';

/** Scorers that ask of what a program did; the others ask of an answer. */
const PROGRAMS_ONLY = 'exit-code';
const runsProgram = (solver: string): boolean => solver === 'program' || solver === 'agent-program';

const checkInput = (sample: Loose, solver: string, path: Path): FieldProblem[] => {
  const { input } = sample;
  if (input === undefined) return [];
  const isProgram = isMap(input) && !('messages' in input);
  const problems: FieldProblem[] = [];
  if (solver === 'program' && !isProgram) {
    const message = `is for a model, and the solver "program" runs programs: give { language, source }, or name the solver generate, chat, agent or agent-program`;
    problems.push({ path: [...path, 'input'], message });
  }
  if (solver !== 'program' && isProgram) {
    const message = `is a program, and the solver "${solver}" asks a model: give its prompt as text, or { messages }, and programs as files`;
    problems.push({ path: [...path, 'input'], message });
  }
  if (solver === 'agent-program' && isMap(input) && 'messages' in input) {
    const message = 'is a conversation, and an agent program is given its task on standard input: give it as one text';
    problems.push({ path: [...path, 'input'], message });
  }
  if (solver === 'program' && sample['choices'] !== undefined)
    problems.push({ path: [...path, 'choices'], message: 'are shown to a model, and the solver "program" asks none' });
  return problems;
};

const checkChoices = (sample: Loose, path: Path): FieldProblem[] => {
  const { choices } = sample;
  if (!Array.isArray(choices))
    return [{ path: [...path, 'choices'], message: 'is missing, and the scorer choice compares with it' }];
  return targetsOf(sample).flatMap((target) => {
    const letters = typeof target === 'string' ? lettersOf(target, choices.length) : undefined;
    if (letters !== undefined || typeof target !== 'string') return [];
    const last = String.fromCharCode(64 + Math.min(26, choices.length));
    const message = `must name choices by their letters from A to ${last}, such as B or A,C`;
    return [{ path: [...path, 'target'], message }];
  });
};

const checkTarget = (sample: Loose, scorers: readonly Loose[], path: Path): FieldProblem[] => {
  const has = (kind: string): boolean => scorers.some((scorer) => scorer['kind'] === kind);
  const problems: FieldProblem[] = [];
  if (
    has('numeric') &&
    targetsOf(sample).some((target) => typeof target === 'string' && numberOf(target) === undefined)
  )
    problems.push({
      path: [...path, 'target'],
      message: 'must be a number such as 42 or 1.5e3: the scorer numeric compares with it',
    });
  if (scorers.some((scorer) => scorer['kind'] === 'json' && scorer['matchTarget'] === true))
    for (const target of targetsOf(sample)) {
      if (typeof target !== 'string' || isJson(target)) continue;
      problems.push({ path: [...path, 'target'], message: 'must be JSON: a scorer json compares with it' });
    }
  return problems;
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** What a sample of a suite may hold depends on its solver and scorers. */
export const checkModelSample = (
  sample: Loose,
  solver: string,
  scorers: readonly Loose[],
  path: Path,
): FieldProblem[] => [
  ...checkInput(sample, solver, path),
  ...(scorers.some(({ kind }) => kind === 'choice') ? checkChoices(sample, path) : []),
  ...checkTarget(sample, scorers, path),
];

const patternProblem = (source: unknown, path: Path): FieldProblem[] => {
  const compiled = typeof source === 'string' ? compilePattern(source) : undefined;
  return compiled?.ok === false ? [{ path, message: compiled.problem }] : [];
};

const checkTools = (solver: Loose): FieldProblem[] => {
  const seen = new Set<string>();
  return listOf(solver['tools']).flatMap((tool, index): FieldProblem[] => {
    const own = isMap(tool);
    const name = own ? tool['name'] : tool;
    if (typeof name !== 'string') return [];
    const path = ['solver', 'tools', index, ...(own ? ['name'] : [])];
    const problems: FieldProblem[] = [];
    if (seen.has(name))
      problems.push({ path, message: `"${name.slice(0, 64)}" is there already: names must be unique` });
    else if (own && (builtinTools as readonly string[]).includes(name))
      problems.push({ path, message: `"${name}" is a tool of the platform's: choose another name` });
    seen.add(name);
    const type = own && isMap(tool['parameters']) ? tool['parameters']['type'] : undefined;
    if (own && isMap(tool['parameters']) && type !== 'object')
      problems.push({
        path: ['solver', 'tools', index, 'parameters'],
        message: 'must be a schema of an object, with type: object: providers take no other',
      });
    return problems;
  });
};

/** What the schema of a rule on tool calls does not see: a pattern that is none, a time to wait where nobody is waited for. */
export const ruleProblems = (rule: Loose, path: Path): FieldProblem[] => [
  ...patternProblem(rule['pattern'], [...path, 'pattern']),
  ...(rule['timeout'] !== undefined && rule['action'] !== 'ask'
    ? [{ path: [...path, 'timeout'], message: 'is for the action ask: nobody is waited for otherwise' }]
    : []),
];

const checkApproval = (solver: Loose): FieldProblem[] => {
  const names = new Set(
    listOf(solver['tools'] ?? [...builtinTools]).map((tool) => (isMap(tool) ? tool['name'] : tool)),
  );
  return listOf(solver['approval']).flatMap((rule, index) => {
    if (!isMap(rule)) return [];
    const path = ['solver', 'approval', index];
    const { tool } = rule;
    const unknown = typeof tool === 'string' && tool !== '*' && !names.has(tool);
    return [
      ...(unknown
        ? [
            {
              path: [...path, 'tool'],
              message: `no tool of this suite has this name: there is ${[...names].join(', ')}, and * for all`,
            },
          ]
        : []),
      ...ruleProblems(rule, path),
    ];
  });
};

/** Our own image is no agent: somebody has to say what is to be run in it. */
const checkCommand = (solver: Loose, sandbox: unknown): FieldProblem[] => {
  const image = isMap(sandbox) ? (sandbox['image'] ?? OWN_IMAGE) : OWN_IMAGE;
  if (solver['kind'] !== 'agent-program' || solver['command'] !== undefined || image !== OWN_IMAGE) return [];
  const message = `is missing: the image "${OWN_IMAGE}" holds no agent. Say what to run, or name an image that is one as sandbox.image`;
  return [{ path: ['solver', 'command'], message }];
};

const checkSolver = (solver: Loose): FieldProblem[] => {
  if (solver['kind'] === 'chat') {
    const both = (solver['turns'] === undefined) === (solver['user'] === undefined);
    const message = 'needs either turns, what is said one after the other, or user, whom a model plays';
    const user = isMap(solver['user']) ? solver['user'] : {};
    return [
      ...(both ? [{ path: ['solver'], message }] : []),
      ...patternProblem(user['until'], ['solver', 'user', 'until']),
    ];
  }
  return solver['kind'] === 'agent' ? [...checkTools(solver), ...checkApproval(solver)] : [];
};

const checkScorer = (scorer: Loose, solver: string, index: number): FieldProblem[] => {
  const path = ['scorers', index];
  switch (scorer['kind']) {
    case PROGRAMS_ONLY:
      if (runsProgram(solver)) return [];
      return [
        { path: [...path, 'kind'], message: `asks for a program's exit code, and the solver "${solver}" runs none` },
      ];
    case 'kernel': {
      const own = scorer['condition'] !== undefined;
      if (own === (scorer['rules'] !== undefined))
        return [{ path, message: 'needs either rules, by their ids, or a condition of its own' }];
      return own === (scorer['on'] !== undefined)
        ? []
        : [
            {
              path: [...path, 'on'],
              message: own
                ? 'is missing: what is the condition asked of'
                : 'goes with a condition; rules say it themselves',
            },
          ];
    }
    case 'json':
      if (scorer['schema'] !== undefined || scorer['matchTarget'] === true) return [];
      return [{ path, message: 'needs a schema, or matchTarget: true' }];
    default:
      return [];
  }
};

const checkEpochs = (epochs: unknown): FieldProblem[] => {
  if (!isMap(epochs) || typeof epochs['reducer'] !== 'string' || typeof epochs['count'] !== 'number') return [];
  const k = Number(/\d+$/.exec(epochs['reducer'])?.[0] ?? 0);
  if (k <= epochs['count']) return [];
  return [
    { path: ['epochs', 'reducer'], message: `asks for ${k} epochs, and there are ${epochs['count']}: raise count` },
  ];
};

/** What only the whole suite can tell about models: solver, scorers and epochs, each against the others. */
export const checkModelSuite = (draft: Loose, solver: string): FieldProblem[] => [
  ...(isMap(draft['solver'])
    ? [...checkSolver(draft['solver']), ...checkCommand(draft['solver'], draft['sandbox'])]
    : []),
  ...listOf(draft['scorers']).flatMap((scorer, index) => (isMap(scorer) ? checkScorer(scorer, solver, index) : [])),
  ...checkEpochs(draft['epochs']),
];
