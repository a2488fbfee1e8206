import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { displayableLine } from '@crucible/events';
import { platformMaxima } from '@crucible/suite';
import { z } from 'zod';
import { misuse } from './failure.ts';

/** One problem of HumanEval, as its authors publish it (Chen et al. 2021, arXiv 2107.03374). */
const problemSchema = z.object({
  task_id: z.string().min(1).max(100),
  prompt: z.string().min(1),
  canonical_solution: z.string(),
  test: z.string().min(1),
  entry_point: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a function'),
});
export type HumanEvalProblem = z.infer<typeof problemSchema>;

/** Bounds on a file of problems, unpacked: a small archive can hold very much. */
export const importBounds = {
  bytesMax: platformMaxima.suiteBytes,
  lineBytesMax: 1024 ** 2,
  problemsMax: platformMaxima.samples,
} as const;

/** A sample of a suite: the prompt completed by its canonical solution, then its tests, which raise when it is wrong. */
export const sampleOf = ({ task_id, prompt, canonical_solution, test, entry_point }: HumanEvalProblem): object => ({
  id: task_id,
  input: { language: 'python', source: `${prompt}${canonical_solution}\n${test}\n\ncheck(${entry_point})\n` },
  metadata: { entry_point },
});

/** @throws UsageFailure that names the line and what is wrong with it */
export const parseProblem = (line: string, lineNumber: number): HumanEvalProblem => {
  const refuse = (why: string): Error =>
    misuse(`line ${lineNumber} is not a problem of HumanEval: ${displayableLine(why, 200)}`);
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw refuse('it is not JSON');
  }
  const parsed = problemSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refuse(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'is wrong'}`);
};

async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > importBounds.bytesMax)
      throw misuse(`the file holds more than ${importBounds.bytesMax} bytes when unpacked`);
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > importBounds.lineBytesMax)
      throw misuse(`a line is longer than ${importBounds.lineBytesMax} bytes: this is not a JSONL file`);
  }
  yield rest.toString('utf8');
}

const explainRead = (path: string, error: unknown): unknown => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const shown = displayableLine(path, 200);
  if (code === 'ENOENT') return misuse(`there is no file ${shown}`);
  if (code === 'EISDIR') return misuse(`${shown} is a folder: name the HumanEval.jsonl.gz in it`);
  if (code.startsWith('Z_')) return misuse(`${shown} is damaged: it cannot be unpacked (${code})`);
  return error;
};

/** Reads `.jsonl.gz` or plain `.jsonl`, told apart by the name; bounded, one line in memory at a time. */
export async function* readProblems(path: string): AsyncGenerator<HumanEvalProblem> {
  const file = createReadStream(path);
  const gzip = path.endsWith('.gz');
  const text = gzip ? file.pipe(createGunzip()) : file;
  // A pipe hands on data, not failures.
  if (text !== file) file.on('error', (error) => text.destroy(error));
  let lineNumber = 0;
  const ids = new Set<string>();
  try {
    for await (const line of lines(text)) {
      lineNumber += 1;
      if (line.trim() === '') continue;
      const problem = parseProblem(line, lineNumber);
      if (ids.has(problem.task_id))
        throw misuse(`line ${lineNumber} repeats the task_id of an earlier line: ids must be unique`);
      ids.add(problem.task_id);
      if (ids.size > importBounds.problemsMax)
        throw misuse(`the file has more than ${importBounds.problemsMax} problems`);
      yield problem;
    }
  } catch (error) {
    throw explainRead(path, error);
  } finally {
    file.destroy();
    text.destroy();
  }
  if (ids.size === 0) throw misuse(`${displayableLine(path, 200)} holds no problems`);
}

/** The suite file that goes with the samples. */
export const suiteYaml = (samples: number): string => `# Written by: ./crucible import humaneval
# ${samples} problems, each completed by its canonical solution and followed by its own tests. What is scored is whether
# the tests pass, so a whole platform in order scores ${samples}/${samples}.

apiVersion: crucible/v1
kind: Suite

metadata:
  name: humaneval
  version: 1.0.0
  title: HumanEval, canonical solutions
  description: >
    Hand-written programming problems with tests (Chen et al. 2021, arXiv 2107.03374), solved by their authors.
    A test of the platform rather than of a model.
  licence: MIT
  source: HumanEval (Chen et al. 2021, arXiv 2107.03374)

sandbox:
  image: python
  memory: 256MiB
  pids: 16
  disk: 16MiB
  wallTime: 30s
  output: 64KiB

limits:
  concurrency: 8

dataset:
  file: samples.jsonl

scorers:
  - kind: exit-code
`;
