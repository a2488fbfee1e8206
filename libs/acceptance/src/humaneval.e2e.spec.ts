import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { say, WireServer } from '@crucible/models/testing';
import { describe, expect, it } from 'vitest';
import { trialsOf } from './support/api.ts';
import { crucible, crucibleJson, jsonLines } from './support/cli.ts';
import { dataHint, findData } from './support/config.ts';
import { platform } from './support/facts.ts';
import { differences, faultsOf, history } from './support/history.ts';
import { scratch } from './support/suites.ts';

const FILE = 'HumanEval.jsonl.gz';
const file = findData(FILE);

describe('HumanEval', () => {
  it('scores 164 of 164 with its canonical solutions', async ({ skip }) => {
    if (file === undefined) return skip(`${FILE} is ${dataHint}`);
    const folder = `${scratch()}/humaneval`;
    expect(await crucibleJson(['import', 'humaneval', file, '--out', folder])).toMatchObject({ samples: 164 });
    const { code, stdout, stderr } = await crucible(['run', folder, '--no-start', '--json'], { timeoutMs: 240_000 });
    const result = jsonLines(stdout).at(-1);
    expect(result, stderr).toMatchObject({ status: 'completed', score: 1 });
    expect(result?.['trials']).toEqual({ total: 164, passed: 164, failed: 0, errored: 0 });
    expect(code).toBe(0);
    const id = String(result?.['evaluationId']);
    const trials = await trialsOf(id);
    expect(
      trials.filter(({ verdict }) => verdict !== 'contained').map(({ sampleId, findings }) => [sampleId, findings]),
    ).toEqual([]);
    const entries = await history();
    expect(faultsOf(entries, id)).toEqual([]);
    expect(await differences(entries, [id])).toEqual([]);
  });

  it('asks a model for each problem, and gives it what its own code comes to', async ({ skip }) => {
    if (file === undefined) return skip(`${FILE} is ${dataHint}`);
    const problems = gunzipSync(await readFile(file))
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .slice(0, 12)
      .map((line) => JSON.parse(line) as Record<'task_id' | 'prompt' | 'canonical_solution' | 'entry_point', string>);
    const [lazy, sly] = problems.map(({ task_id }) => task_id);
    const folder = `${scratch()}/humaneval-model`;
    await crucibleJson(['import', 'humaneval', file, '--as', 'model', '--out', folder]);
    const wire = await WireServer.start(platform().modelPort);
    try {
      wire.script(({ body }) => {
        const asked = JSON.stringify(body.messages);
        const problem = problems.find(({ entry_point }) => asked.includes(`def ${entry_point}(`));
        if (problem === undefined || problem.task_id === lazy) return say('I would rather not.');
        const code = problem.task_id === sly ? `import os\nos._exit(0)\n` : problem.prompt + problem.canonical_solution;
        return say(`Here it is:\n\`\`\`python\n${code}\`\`\`\n`);
      });
      const argv = ['run', folder, '--model', 'wire/slow', '--limit', '12', '--no-start', '--json'];
      const { stdout, stderr } = await crucible(argv, { timeoutMs: 240_000 });
      const result = jsonLines(stdout).at(-1);
      expect(result, stderr).toMatchObject({ trials: { total: 12, passed: 10, failed: 2, errored: 0 } });
      const trials = await trialsOf(String(result?.['evaluationId']));
      const failed = trials.filter(({ outcome }) => outcome === 'failed').map(({ sampleId }) => sampleId);
      expect(failed.toSorted()).toEqual([lazy, sly].toSorted());
    } finally {
      await wire.stop();
    }
  });
});
