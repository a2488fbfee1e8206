import { describe, expect, it } from 'vitest';
import { trialsOf } from './support/api.ts';
import { crucible, crucibleJson, jsonLines } from './support/cli.ts';
import { dataHint, findData } from './support/config.ts';
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
});
