import type { HumanEvalProblem } from './humaneval.ts';

/** Where a trial's sandbox holds what its problem is judged by. A model that has no tools cannot reach it. */
const FOLDER = 'humaneval';

const ASK = `Complete this Python function. Answer with one code block that holds the whole function, and whatever it needs.

`;

/** A sample for a model: the prompt is asked, the tests wait for the scorer. */
export const modelSampleOf = ({ task_id, prompt, test, entry_point }: HumanEvalProblem): object => ({
  id: task_id,
  input: `${ASK}\`\`\`python\n${prompt}\`\`\``,
  files: {
    [`${FOLDER}/prompt.py`]: prompt,
    [`${FOLDER}/test.py`]: test,
    [`${FOLDER}/entry_point`]: entry_point,
  },
  metadata: { entry_point },
});

/** Name and text of the program that judges an answer, beside the suite. */
export const scoringProgram = {
  file: 'score.py',
  text: `"""Gives 1 when the function that a model wrote passes the tests of its problem."""
import json
import re
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS_MAX = 20
LINE_BYTES_MAX = 200

folder = Path("files/${FOLDER}")
prompt = (folder / "prompt.py").read_text()
test = (folder / "test.py").read_text()
entry_point = (folder / "entry_point").read_text()
answer = Path("answer.txt").read_bytes().decode("utf-8", "replace")

blocks = re.findall(r"\`\`\`(?:python|py)?[^\\S\\n]*\\n(.*?)\`\`\`", answer, re.S)
code = max(blocks, key=len) if blocks else answer
# Behind the prompt: what was imported and defined there is there, and a whole function takes the place of the unfinished one.
whole = re.search(rf"^(async\\s+)?def\\s+{entry_point}\\b", code, re.M) is not None
# A program that leaves before its tests are through does not know the word that ends them.
word = secrets.token_hex(16)
program = "\\n".join([prompt, code] if whole else [prompt.rstrip("\\n"), code])
program += f"\\n\\n{test}\\n\\ncheck({entry_point})\\nprint()\\nprint(__import__('sys').stdin.readline().strip())\\n"


def judge():
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "candidate.py"
        path.write_text(program)
        with open(Path(scratch) / "out", "w+b") as out:
            try:
                end = subprocess.run(
                    [sys.executable, "-I", str(path)],
                    input=word.encode(),
                    stdout=out,
                    stderr=subprocess.DEVNULL,
                    cwd=scratch,
                    timeout=SECONDS_MAX,
                )
            except subprocess.TimeoutExpired:
                return 0, f"not through after {SECONDS_MAX} s"
            out.seek(max(0, out.seek(0, 2) - LINE_BYTES_MAX))
            lines = out.read().decode("utf-8", "replace").split()
        if end.returncode == 0 and lines and lines[-1] == word:
            return 1, "the tests pass"
        return 0, f"the tests do not pass (exit code {end.returncode})"


value, explanation = judge()
print(json.dumps({"value": value, "explanation": explanation}))
`,
} as const;

/** The suite file that goes with the samples. */
export const modelSuiteText = (samples: number): string => `# Written by: ./crucible import humaneval --as model
# ${samples} problems. A model completes each function; its code is run against the problem's tests in a sandbox of its own.
#
#   ./crucible run humaneval --model NAME --epochs 5

apiVersion: crucible/v1
kind: Suite

metadata:
  name: humaneval-model
  version: 1.0.0
  title: HumanEval
  description: >
    Hand-written programming problems with tests (Chen et al. 2021, arXiv 2107.03374), solved by the model under test.
  licence: MIT
  source: HumanEval (Chen et al. 2021, arXiv 2107.03374)

solver:
  kind: generate
  limits: { turns: 1, time: 10m }

sandbox:
  image: python
  memory: 256MiB
  pids: 32
  disk: 16MiB
  output: 256KiB

limits:
  concurrency: 8

epochs: 1

dataset:
  file: samples.jsonl

scorers:
  - kind: program
    language: python
    source: { file: ${scoringProgram.file} }
    timeout: 40s
`;
