import type { ToolSpec } from '@crucible/events';
import { compileSchema } from '@crucible/suite/score';
import { bytesOf, msOf } from '@crucible/suite';
import type { BuiltinTool, SuiteSolver, SuiteTool } from '@crucible/suite';
import type { ExecRequest, Refused, SandboxSession } from '../sandbox/port.ts';
import { openedPath } from '../sandbox/session/file-requests.ts';
import type { KernelSpans } from './kernel-spans.ts';
import { plain, refusal, resultOf, sandboxGone } from './tool-result.ts';
import type { ToolResult } from './tool-result.ts';

type AgentSolver = Extract<SuiteSolver, { kind: 'agent' }>;
type Arguments = Readonly<Record<string, unknown>>;

/** Bounds of one call, whatever tool it is of. */
export interface ToolBounds {
  readonly timeoutMs: number;
  readonly outputBytes: number;
}

/** One call, ready to be run. */
export interface ToolRun {
  /** Its own in the trial. */
  readonly callId: string;
  readonly input: Arguments;
  readonly session: SandboxSession;
  readonly bounds: ToolBounds;
  readonly opening: KernelSpans['opening'];
}

export interface Tool {
  readonly spec: ToolSpec;
  /** Why these arguments are none for this tool; null when they are. */
  readonly faultOf: (input: unknown) => string | null;
  readonly bounds: ToolBounds;
  readonly run: (run: ToolRun) => Promise<ToolResult>;
}

/** What one argument of a program may hold; Linux takes 128 KiB. */
const ARGUMENT_CHARS_MAX = 30_000;
const COMMAND_CHARS_MAX = 100_000;
const CODE_CHARS_MAX = 500_000;
const FILE_CHARS_MAX = 500_000;
const FILE_MODE = 0o644;
const PROBLEM_CHARS_MAX = 1_000;

const text = (description: string, maxLength: number) => ({ type: 'string', description, maxLength });
const object = (properties: Readonly<Record<string, ReturnType<typeof text>>>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

export const SUBMIT = 'submit';

const builtinSpecs: Readonly<Record<BuiltinTool, ToolSpec>> = {
  bash: {
    name: 'bash',
    description:
      'Runs a command with bash in the work folder of your machine and tells what it printed. Files and what runs in the background stay from call to call; variables and folders do not.',
    parameters: object({ command: text('The command.', COMMAND_CHARS_MAX) }),
  },
  python: {
    name: 'python',
    description: 'Runs a Python 3 program in the work folder of your machine and tells what it printed.',
    parameters: object({ code: text('The whole program.', CODE_CHARS_MAX) }),
  },
  read_file: {
    name: 'read_file',
    description: 'Reads a text file of the work folder.',
    parameters: object({ path: text('Relative to the work folder, or below /work.', 4_000) }),
  },
  write_file: {
    name: 'write_file',
    description:
      'Writes a text file in the work folder, in place of what was in it. Makes folders where they are missing.',
    parameters: object({
      path: text('Relative to the work folder, or below /work.', 4_000),
      content: text('All that is to be in the file.', FILE_CHARS_MAX),
    }),
  },
  submit: {
    name: SUBMIT,
    description: 'Hands in your final answer and ends the task.',
    parameters: object({ answer: text('Your final answer.', 100_000) }),
  },
};

const refusedText = (end: Refused): ToolResult =>
  end.kind === 'sandbox-gone' ? sandboxGone : refusal('error', end.why);

const request = ({ callId, bounds }: ToolRun, argv: readonly string[], stdin: string | null): ExecRequest => ({
  id: callId,
  argv,
  stdin: stdin === null ? null : Buffer.from(stdin, 'utf8'),
  env: {},
  cwd: '',
  timeoutMsMax: bounds.timeoutMs,
  outputBytesMax: bounds.outputBytes,
});

const runProgram = async (
  run: ToolRun,
  argv: readonly string[],
  stdin: string | null,
  failsByExitCode: boolean,
): Promise<ToolResult> =>
  resultOf(await run.session.exec(request(run, argv, stdin)), run.bounds.timeoutMs, failsByExitCode);

/** The first process of the sandbox opens the file, for the subject. */
const opens = (run: (toolRun: ToolRun, path: string) => Promise<ToolResult>) => async (given: ToolRun) => {
  const path = given.input['path'] as string;
  const seenAs = openedPath(path);
  if (seenAs === null) return run(given, path);
  const opened = given.opening(seenAs);
  return { ...(await run(given, path)), opened };
};

const readFile = opens(async ({ session, bounds }, path) => {
  const end = await session.readFile(path, bounds.outputBytes);
  if (end.kind !== 'read') return refusedText(end);
  const content = new TextDecoder('utf-8').decode(end.content);
  const more = end.sizeBytes - end.content.byteLength;
  const cut = more > 0 ? `\n[cut: ${more} more bytes]` : '';
  return { ...plain(`${content}${cut}`, end.content.byteLength), droppedBytes: Math.max(0, more) };
});

const writeFile = opens(async ({ session, input }, path) => {
  const content = Buffer.from(input['content'] as string, 'utf8');
  const end = await session.writeFile(path, content, FILE_MODE);
  return end.kind === 'written' ? plain(`wrote ${content.byteLength} bytes`) : refusedText(end);
});

const builtins: Readonly<Record<BuiltinTool, Tool['run']>> = {
  bash: (run) => runProgram(run, ['bash', '-c', run.input['command'] as string], null, false),
  // By standard input: a program may be longer than an argument can be.
  python: (run) => runProgram(run, ['python3', '-'], run.input['code'] as string, false),
  read_file: readFile,
  write_file: writeFile,
  submit: ({ input }) => Promise.resolve(plain(`submitted ${(input['answer'] as string).length} characters`)),
};

const pieces = (source: string): string[] =>
  Array.from({ length: Math.ceil(source.length / ARGUMENT_CHARS_MAX) }, (_, at) =>
    source.slice(at * ARGUMENT_CHARS_MAX, (at + 1) * ARGUMENT_CHARS_MAX),
  );

/** The program goes along with each call, so that nothing in the sandbox can change it; its input is left for the arguments. */
const PYTHON = 'import sys; source = "".join(sys.argv[1:]); sys.argv = ["tool"]; exec(compile(source, "tool", "exec"))';
const SHELL = 'IFS=; eval "$*"';
export const programArgv = ({ language, source }: SuiteTool['program']): readonly string[] =>
  language === 'python' ? ['python3', '-c', PYTHON, ...pieces(source)] : ['sh', '-c', SHELL, 'tool', ...pieces(source)];

const ownRun =
  ({ program }: SuiteTool): Tool['run'] =>
  (run) =>
    runProgram(run, programArgv(program), JSON.stringify(run.input), true);

const faults = (parameters: ToolSpec['parameters']): Tool['faultOf'] => {
  const compiled = compileSchema(parameters);
  // A suite with such a schema is not accepted; without one nothing can be said to be right.
  if (!compiled.ok) return () => `the schema of this tool ${compiled.problem}`;
  return (input) => {
    const fit = compiled.check(input);
    return fit.fits ? null : fit.faults.join('; ').slice(0, PROBLEM_CHARS_MAX);
  };
};

/** The same for every trial, so each is made once. */
const builtinFaults = new Map<BuiltinTool, Tool['faultOf']>();
const builtinFaultsOf = (tool: BuiltinTool): Tool['faultOf'] => {
  const known = builtinFaults.get(tool) ?? faults(builtinSpecs[tool].parameters);
  builtinFaults.set(tool, known);
  return known;
};

const toolOf = (tool: AgentSolver['tools'][number], usual: ToolBounds): Tool => {
  if (typeof tool === 'string') {
    const spec = builtinSpecs[tool];
    return { spec, bounds: usual, run: builtins[tool], faultOf: builtinFaultsOf(tool) };
  }
  const { name, description, parameters, timeout, output } = tool;
  const bounds = {
    timeoutMs: timeout === undefined ? usual.timeoutMs : msOf(timeout),
    outputBytes: output === undefined ? usual.outputBytes : bytesOf(output),
  };
  return { spec: { name, description, parameters }, bounds, run: ownRun(tool), faultOf: faults(parameters) };
};

export type Prepared = { readonly ok: true; readonly tool: Tool } | { readonly ok: false; readonly why: string };

/** The tools that a suite gives its subject. */
export class Toolbox {
  readonly specs: readonly ToolSpec[];
  readonly #tools: ReadonlyMap<string, Tool>;

  /** @param most what no call may pass, whatever the suite says */
  constructor(solver: AgentSolver, most: ToolBounds) {
    const usual = {
      timeoutMs: Math.min(most.timeoutMs, msOf(solver.toolTimeout)),
      outputBytes: Math.min(most.outputBytes, bytesOf(solver.toolOutput)),
    };
    const tools = solver.tools.map((tool) => toolOf(tool, usual));
    this.#tools = new Map(
      tools.map((tool) => {
        const timeoutMs = Math.min(most.timeoutMs, tool.bounds.timeoutMs);
        const outputBytes = Math.min(most.outputBytes, tool.bounds.outputBytes);
        return [tool.spec.name, { ...tool, bounds: { timeoutMs, outputBytes } }];
      }),
    );
    this.specs = tools.map(({ spec }) => spec);
  }

  /** The tool of a call whose arguments it takes, or what to tell the model instead. */
  prepare(name: string, input: unknown): Prepared {
    const tool = this.#tools.get(name);
    if (tool === undefined)
      return { ok: false, why: `there is no tool of this name; there are: ${[...this.#tools.keys()].join(', ')}` };
    if (input === null) return { ok: false, why: 'the arguments are no JSON' };
    const fault = tool.faultOf(input);
    return fault === null ? { ok: true, tool } : { ok: false, why: `the arguments do not fit: ${fault}` };
  }
}
