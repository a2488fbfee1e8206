import { describe, expect, it } from 'vitest';
import { explainIssues, fieldOf } from './explain.ts';
import { jsonSchemaProblems } from './json-schema.ts';
import { messagesOf } from './prompt.ts';
import { budgetOf, epochsOf, suiteSchema } from './suite.ts';
import type { Suite } from './suite.ts';

const ask = { id: 'one', input: 'How many?', target: '42' };
const draft = (given: object = {}, sample: object = ask): object => ({
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name: 'test', version: '1.0.0', title: 'Test' },
  dataset: { samples: [sample] },
  solver: { kind: 'generate' },
  scorers: [{ kind: 'includes' }],
  ...given,
});
const problems = (given: object, sample: object = ask): string[] => {
  const suite = draft(given, sample);
  const parsed = suiteSchema.safeParse(suite);
  const own = parsed.success ? [] : explainIssues(suiteSchema, parsed.error.issues, suite);
  return [...own, ...jsonSchemaProblems(suite)].map(({ path, message }) => `${fieldOf(path)}: ${message}`);
};
const suiteOf = (given: object, sample: object = ask): Suite => suiteSchema.parse(draft(given, sample));

const tool = {
  name: 'send_mail',
  description: 'Sends a mail.',
  parameters: { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] },
  program: { language: 'python', source: 'print(1)' },
};
const agent = (given: object): object => ({ solver: { kind: 'agent', ...given } });

describe('a suite for models', () => {
  it('is good with a prompt, or with messages, and has defaults', () => {
    expect(problems({})).toEqual([]);
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'How many?' },
    ];
    expect(problems({}, { ...ask, input: { messages } })).toEqual([]);
    expect(suiteOf({ solver: { kind: 'agent' } }).solver).toMatchObject({
      tools: ['bash', 'python', 'read_file', 'write_file', 'submit'],
      limits: { turns: 50 },
      approval: [],
      resume: 'retry',
    });
  });

  it.each([
    ['generate', {}],
    ['chat', { turns: ['And then?'] }],
    ['agent-program', { name: 'tiny', command: ['python3'] }],
  ])('is attempted again or left when its executor died, and not gone on with: %s', (kind, more) => {
    expect(suiteOf({ solver: { kind, ...more } }).solver).toMatchObject({ resume: 'retry' });
    expect(suiteOf({ solver: { kind, ...more, resume: 'lost' } }).solver).toMatchObject({ resume: 'lost' });
    expect(problems({ solver: { kind, ...more, resume: 'transcript' } })).toEqual([
      'solver.resume: must be one of retry, lost, not the string transcript',
    ]);
  });

  it.each([
    [7, 'dataset.samples[0].input: must be a text or a map of fields, not the number 7'],
    [undefined, 'dataset.samples[0].input: is missing'],
    [{ messages: [] }, 'dataset.samples[0].input.messages: must not be empty'],
    [
      { messages: [{ role: 'tool', content: 'x' }] },
      'dataset.samples[0].input.messages[0].role: must be one of system, user, assistant, not the string tool',
    ],
    [{ mesages: [] }, 'dataset.samples[0].input.messages: is missing'],
  ])('names what is wrong with the input %j', (input, message) => {
    expect(problems({}, { ...ask, input })).toContain(message);
  });

  it('holds what its solver takes: no program for a model, no prompt for a program', () => {
    const program = { ...ask, input: { language: 'python', source: 'print(42)' } };
    expect(problems({}, program)).toEqual([
      'dataset.samples[0].input: is a program, and the solver "generate" asks a model: give its prompt as text, or { messages }, and programs as files',
    ]);
    expect(problems({ solver: { kind: 'program' } }, { ...ask, choices: ['a', 'b'] })).toEqual([
      'dataset.samples[0].input: is for a model, and the solver "program" runs programs: give { language, source }, or name the solver generate, chat, agent or agent-program',
      'dataset.samples[0].choices: are shown to a model, and the solver "program" asks none',
    ]);
  });

  it('asks no model for an exit code', () => {
    expect(problems({ scorers: [{ kind: 'exit-code' }] })).toEqual([
      'scorers[0].kind: asks for a program\'s exit code, and the solver "generate" runs none',
    ]);
  });
});

describe('a chat', () => {
  it('has turns or a user, and not both', () => {
    const message = 'solver: needs either turns, what is said one after the other, or user, whom a model plays';
    const user = { model: 'sonnet', instructions: 'You are an operator.' };
    expect(problems({ solver: { kind: 'chat' } })).toEqual([message]);
    expect(problems({ solver: { kind: 'chat', turns: ['And then?'], user } })).toEqual([message]);
    expect(problems({ solver: { kind: 'chat', turns: ['And then?'] } })).toEqual([]);
    expect(problems({ solver: { kind: 'chat', user } })).toEqual([]);
    expect(problems({ solver: { kind: 'chat', user: { ...user, until: '(' } } })[0]).toMatch(
      /^solver\.user\.until: is not a regular expression/,
    );
  });
});

describe('an agent program', () => {
  const program = { kind: 'agent-program', name: 'tiny', command: ['python3', 'agent.py'], files: { 'agent.py': 'x' } };
  const of = (given: object = {}): object => ({ solver: { ...program, ...given } });

  it('has a name, a command and files, limits of its own, and may be asked for its exit code', () => {
    expect(suiteOf(of()).solver).toEqual({ ...program, limits: { turns: 50, time: '10m' }, resume: 'retry' });
    expect(problems({ ...of(), scorers: [{ kind: 'exit-code' }] }, { ...ask, expectation: { exitCode: 3 } })).toEqual(
      [],
    );
    expect(problems(of(), { ...ask, choices: ['a', 'b'], files: { 'notes.txt': 'x' } })).toEqual([]);
  });

  it.each([
    [{ name: undefined }, ask, 'solver.name: is missing'],
    [{ name: 'Tiny Agent' }, ask, 'solver.name: must be lower-case letters, digits, hyphens and dots'],
    [{ command: [] }, ask, 'solver.command: must not be empty'],
    [{ command: [''] }, ask, 'solver.command: must begin with the name of a program'],
    [{ command: ['a\0b'] }, ask, 'solver.command[0]: must not hold a zero byte'],
    [{ system: 'Be kind.' }, ask, 'solver.system: is not a field of this format'],
    [{ limits: { messages: 3 } }, ask, 'solver.limits.messages: is not a field of this format'],
    [{ files: { '../x': 'x' } }, ask, 'solver.files["../x"]: '],
    [{ files: { a: 'x', 'a/b': 'x' } }, ask, 'solver.files.a: is a file here and a folder elsewhere in this program'],
    [{ files: { 'answer.txt': 'x' } }, ask, 'solver.files["answer.txt"]: is where the agent program leaves its answer'],
    [
      {},
      { ...ask, files: { 'answer.txt': 'x' } },
      'dataset.samples[0].files["answer.txt"]: is where the agent program',
    ],
    [
      {},
      { ...ask, files: { 'agent.py': 'x' } },
      'dataset.samples[0].files["agent.py"]: is a file or folder of the agent',
    ],
    [
      { files: { 'lib/a.py': 'x' } },
      { ...ask, files: { lib: 'x' } },
      'dataset.samples[0].files.lib: is a file or folder of the agent program',
    ],
    [
      { files: { lib: 'x' } },
      { ...ask, files: { 'lib/a.py': 'x' } },
      'dataset.samples[0].files["lib/a.py"]: is a file or folder of the agent program',
    ],
    [
      {},
      { ...ask, input: { messages: [{ role: 'user', content: 'x' }] } },
      'dataset.samples[0].input: is a conversation, and an agent program is given its task on standard input',
    ],
    [
      {},
      { ...ask, input: { language: 'python', source: 'print(42)' } },
      'dataset.samples[0].input: is a program, and the solver "agent-program" asks a model',
    ],
  ])('names what is wrong with it %#', (given, sample, message) => {
    const told = problems(of(given), sample);
    expect(
      told.some((line) => line.startsWith(message)),
      told.join('\n'),
    ).toBe(true);
  });
});

describe('an agent', () => {
  it('may have tools of the suite, beside those of the platform', () => {
    expect(problems(agent({ tools: ['bash', tool] }))).toEqual([]);
  });

  it.each([
    [
      ['bsh'],
      "solver.tools[0]: must be one of bash, python, read_file, write_file, submit, or a tool of the suite's own: { name, description, parameters, program }",
    ],
    [['bash', 'bash'], 'solver.tools[1]: "bash" is there already: names must be unique'],
    [[{ ...tool, name: 'bash' }], 'solver.tools[0].name: "bash" is a tool of the platform\'s: choose another name'],
    [
      [{ ...tool, name: 'send mail' }],
      'solver.tools[0].name: must begin with a letter and hold letters, digits, _ and -',
    ],
    [[{ ...tool, program: undefined }], 'solver.tools[0].program: is missing'],
    [
      [{ ...tool, parameters: { type: 'array' } }],
      'solver.tools[0].parameters: must be a schema of an object, with type: object: providers take no other',
    ],
    [
      [{ ...tool, parameters: { type: 'object', properties: { to: { type: 'strin' } } } }],
      'solver.tools[0].parameters: is no JSON Schema that can be used',
    ],
    [
      [{ ...tool, parameters: { type: 'object', properties: { to: { pattern: '(?=a)' } } } }],
      'solver.tools[0].parameters: is no JSON Schema that can be used',
    ],
    [
      [{ ...tool, parameters: { type: 'object', $ref: 'https://example.org/schema' } }],
      'solver.tools[0].parameters: is no JSON Schema that can be used',
    ],
  ])('names what is wrong with the tools %#', (tools, message) => {
    expect(
      problems(agent({ tools })).some((line) => line.startsWith(message)),
      problems(agent({ tools })).join(),
    ).toBe(true);
  });

  it.each([
    [{ tool: 'bsh', action: 'ask' }, 'solver.approval[0].tool: no tool of this suite has this name'],
    [
      { tool: '*', action: 'aks' },
      'solver.approval[0].action: must be one of auto, ask, deny, not the string aks; did you mean ask?',
    ],
    [{ tool: '*', action: 'ask', pattern: '(' }, 'solver.approval[0].pattern: is not a regular expression'],
    [{ tool: '*', action: 'deny', timeout: '5m' }, 'solver.approval[0].timeout: is for the action ask'],
    [{ tool: '*', action: 'ask', timeout: '5' }, 'solver.approval[0].timeout: must be a duration with its unit'],
  ])('names what is wrong with the approval %j', (rule, message) => {
    expect(problems(agent({ approval: [rule] }))[0]).toContain(message);
  });
});

describe('scorers of answers', () => {
  it.each([
    [[{ kind: 'choice' }], { choices: ['a', 'b'], target: 'B' }, []],
    [
      [{ kind: 'choice' }],
      { target: 'B' },
      ['dataset.samples[0].choices: is missing, and the scorer choice compares with it'],
    ],
    [
      [{ kind: 'choice' }],
      { choices: ['a', 'b'], target: 'C' },
      ['dataset.samples[0].target: must name choices by their letters from A to B, such as B or A,C'],
    ],
    [
      [{ kind: 'numeric' }],
      { target: 'many' },
      ['dataset.samples[0].target: must be a number such as 42 or 1.5e3: the scorer numeric compares with it'],
    ],
    [
      [{ kind: 'numeric' }],
      { target: undefined },
      ['dataset.samples[0].target: is missing, and a scorer of this suite compares with it'],
    ],
    [[{ kind: 'json' }], {}, ['scorers[0]: needs a schema, or matchTarget: true']],
    [
      [{ kind: 'json', matchTarget: true }],
      { target: '{' },
      ['dataset.samples[0].target: must be JSON: a scorer json compares with it'],
    ],
    [[{ kind: 'kernel' }], {}, ['scorers[0]: needs either rules, by their ids, or a condition of its own']],
    [[{ kind: 'kernel', condition: 'true' }], {}, ['scorers[0].on: is missing: what is the condition asked of']],
    [[{ kind: 'kernel', rules: ['engine-socket'] }], {}, []],
    [[{ kind: 'model-graded', rubric: 'Is it kind?' }], {}, ['scorers[0].model: is missing']],
    [[{ kind: 'model-graded', rubric: 'Is it kind?', model: 'sonnet' }], {}, []],
    [[{ kind: 'program', source: 'print(1)' }], {}, []],
    [[{ kind: 'program' }], {}, ['scorers[0].source: is missing']],
  ])('%j on %j: %j', (scorers, sample, expected) => {
    expect(problems({ scorers }, { ...ask, ...sample })).toEqual(expected);
  });

  it('names a kind that is near', () => {
    expect(problems({ scorers: [{ kind: 'numerc' }] })[0]).toMatch(
      /^scorers\[0\]\.kind: must be one of .*did you mean numeric\?$/,
    );
  });
});

describe('epochs and budgets', () => {
  it('are a number, or a count with how their scores become one', () => {
    expect(epochsOf(suiteOf({ epochs: 3 }))).toEqual({ count: 3, reducer: 'mean' });
    expect(epochsOf(suiteOf({ epochs: { count: 5, reducer: 'pass@3' } }))).toEqual({ count: 5, reducer: 'pass@3' });
    expect(problems({ epochs: { count: 2, reducer: 'pass@3' } })).toEqual([
      'epochs.reducer: asks for 3 epochs, and there are 2: raise count',
    ]);
    expect(problems({ epochs: { count: 2, reducer: 'pass@' } })[0]).toContain('epochs.reducer: must be mean, median');
    expect(problems({ epochs: 'two' })).toEqual([
      'epochs: must be a whole number from 1 to 100, or { count, reducer }',
    ]);
  });

  it('come in whole millionths of a dollar and milliseconds', () => {
    expect(budgetOf(suiteOf({ limits: { tokens: 1_000, cost: 0.1 + 0.2, time: '2h' } }))).toEqual({
      tokensMax: 1_000,
      costMicroUsdMax: 300_000,
      callsMax: null,
      timeMsMax: 7_200_000,
    });
  });
});

describe('messagesOf', () => {
  const sampleOf = (sample: object) =>
    suiteOf({}, { ...ask, ...sample }).dataset.samples[0] as Suite['dataset']['samples'][number];

  it('begins with the system prompt of the solver', () => {
    expect(messagesOf(sampleOf({}), 'Be brief.')).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'How many?' },
    ]);
  });

  it('shows choices behind the last thing a user says, and how to answer', () => {
    const messages = [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello!' },
      { role: 'user', content: 'Which?' },
    ];
    const shown = messagesOf(sampleOf({ input: { messages }, choices: ['red', 'blue'], target: 'B' }), undefined);
    expect(shown[1]).toEqual({ role: 'assistant', content: 'Hello!', reasoning: null, toolCalls: [] });
    expect(shown[2]?.content).toBe(
      'Which?\n\nA) red\nB) blue\n\nThe last line of your answer is "ANSWER: $LETTER", where LETTER is one of A,B.',
    );
    const several = messagesOf(sampleOf({ choices: ['red', 'blue', 'green'], target: 'A,C' }), undefined);
    expect(several[0]?.content).toContain('ANSWER: $LETTERS');
  });
});
