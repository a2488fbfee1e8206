import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSuite } from '@crucible/suite/load';
import type { Suite } from '@crucible/suite';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { register } from '../../commands/import.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dataset-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const imported = async (verb: string, name: string, content: string, ...more: readonly string[]): Promise<Suite> => {
  const file = join(folder, name);
  await writeFile(file, content);
  const program = new Command().exitOverride();
  register(program);
  await program.parseAsync(['import', verb, file, '--out', join(folder, 'out'), '--json', ...more], { from: 'user' });
  const loaded = await loadSuite(join(folder, 'out'));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.suite;
};

describe('a dataset of Inspect', () => {
  it('comes from CSV, with fields over several lines', async () => {
    const suite = await imported(
      'inspect-dataset',
      'Animals, mostly.csv',
      'id,input,target,metadata\r\na,"Which one says ""moo""?\nOne word.",cow,"{""level"": 1}"\r\n,Which one barks?,dog,\r\n',
    );
    expect(suite.metadata.name).toBe('animals-mostly');
    expect(suite.scorers).toMatchObject([{ kind: 'includes' }]);
    expect(suite.dataset.samples).toEqual([
      { id: 'a', input: 'Which one says "moo"?\nOne word.', target: 'cow', metadata: { level: 1 } },
      { id: '2', input: 'Which one barks?', target: 'dog' },
    ]);
  });

  it('comes from JSON, with messages, choices and files', async () => {
    const suite = await imported(
      'inspect-dataset',
      'mixed.json',
      JSON.stringify([
        {
          id: 7,
          input: [
            { role: 'system', content: 'Be short.' },
            { role: 'user', content: [{ type: 'text', text: 'Which?' }] },
          ],
          choices: ['one', 'two'],
          target: 'B',
          files: { './a.txt': 'text', 'b.bin': 'data:application/octet-stream;base64,AAEC' },
          metadata: { tags: ['x'] },
        },
      ]),
    );
    expect(suite.scorers).toMatchObject([{ kind: 'choice' }]);
    expect(suite.dataset.samples[0]).toMatchObject({
      id: '7',
      input: { messages: [{ role: 'system' }, { role: 'user', content: 'Which?' }] },
      choices: ['one', 'two'],
      files: { 'a.txt': 'text', 'b.bin': { base64: 'AAEC' } },
      metadata: { tags: '["x"]' },
    });
  });

  it.each([
    ['a.csv', 'input,target\n"open,x\n', 'line 2 begins a field in quotes that does not end'],
    ['a.csv', 'input,target\none\n', 'line 2 has 1 fields, and the first line 2'],
    ['a.csv', 'input,input\na,b\n', 'names the column input twice'],
    ['a.json', '{"input": "x"}', 'no list of samples'],
    ['a.json', '[{"target": "x"}]', 'entry 1: input: is missing'],
    ['a.json', '[{"input": "x", "target": "y", "setup": "rm -rf /"}]', 'entry 1: setup: is not supported'],
    ['a.json', '[{"input": "x", "target": "y", "files": {"../x": "y"}}]', 'entry 1: files'],
    [
      'a.jsonl',
      '{"id": 1, "input": "x", "target": "y"}\n{"id": "1", "input": "z", "target": "y"}',
      'line 2: id: 1 is already that of line 1',
    ],
    ['a.jsonl', '{"input": "x"}\n[]', 'line 2 is no JSON object'],
    ['a.jsonl', '', 'holds no samples'],
    ['a.txt', 'x', 'must be named as what it is'],
    [
      'a.json',
      '[{"input": "x", "target": "A", "choices": ["p", "q"]}, {"input": "y", "target": "z"}]',
      '1 of 2 samples have choices',
    ],
    ['a.json', '[{"input": "x"}]', 'a suite with mistakes'],
  ])('is refused with its place: %s %s', async (name, content, message) => {
    await expect(imported('inspect-dataset', name, content)).rejects.toThrow(message);
  });
});

describe('any JSONL', () => {
  it('has its fields named', async () => {
    const suite = await imported(
      'jsonl',
      'sums.jsonl',
      '{"question": "1 + 1?", "answer": 2, "key": "first"}\n\n{"question": "2 + 2?", "answer": 4, "key": "second"}\n',
      ...['--input-field', 'question', '--target-field', 'answer', '--id-field', 'key', '--scorer', 'numeric'],
    );
    expect(suite.scorers).toMatchObject([{ kind: 'numeric' }]);
    expect(suite.dataset.samples.map(({ id, target }) => [id, target])).toEqual([
      ['first', '2'],
      ['second', '4'],
    ]);
  });

  it('says which option is wrong', async () => {
    const line = '{"input": "x", "target": "y"}';
    await expect(imported('jsonl', 'a.jsonl', line, '--scorer', 'guess')).rejects.toThrow('--scorer: must be one of');
    await expect(imported('jsonl', 'a.jsonl', line, '--solver', 'program')).rejects.toThrow(
      'must be generate or agent',
    );
  });
});

describe('HumanEval for models', () => {
  const problem = {
    task_id: 'HumanEval/0',
    prompt: 'from typing import List\n\n\ndef total(xs: List[int]) -> int:\n    """ Sum. """\n',
    canonical_solution: '    return sum(xs)\n',
    test: 'def check(candidate):\n    assert candidate([1, 2]) == 3\n',
    entry_point: 'total',
  };

  /** Runs the scoring program as the platform does: beside the answer and the final files. */
  const scored = async (answer: string): Promise<unknown> => {
    const place = join(folder, 'scoring');
    await mkdir(join(place, 'files/humaneval'), { recursive: true });
    const suite = await imported('humaneval', 'a.jsonl', JSON.stringify(problem), '--as', 'model', '--force');
    for (const [path, content] of Object.entries(suite.dataset.samples[0]?.files ?? {}))
      await writeFile(join(place, 'files', path), content as string);
    await writeFile(join(place, 'answer.txt'), answer);
    const program = await readFile(join(folder, 'out/score.py'), 'utf8');
    await writeFile(join(place, 'score.py'), program);
    const { stdout, stderr } = spawnSync('python3', ['-I', 'score.py'], { cwd: place, encoding: 'utf8' });
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  };

  it('asks for the function, and keeps its tests from the model', async () => {
    const suite = await imported('humaneval', 'a.jsonl', JSON.stringify(problem), '--as', 'model');
    expect(suite.solver.kind).toBe('generate');
    const [sample] = suite.dataset.samples;
    expect(sample?.input).toContain('def total');
    expect(sample?.input).not.toContain('assert');
  });

  it.each([
    ['a whole function in a block', 'Here:\n```python\ndef total(xs):\n    return sum(xs)\n```\nDone.', 1],
    ['a body alone', '    return sum(xs)\n', 1],
    ['a whole function without a block', 'def total(xs: List[int]) -> int:\n    return sum(xs)', 1],
    ['a wrong function', '```python\ndef total(xs):\n    return 0\n```', 0],
    ['a program that leaves early', '```python\nimport os\nos._exit(0)\n```', 0],
    ['a forged word', '```python\nprint(\'{"value": 1}\')\nraise SystemExit(0)\n```', 0],
    ['no Python', 'I would rather not.', 0],
    ['nothing', '', 0],
  ])('judges %s', async (_, answer, value) => {
    expect(await scored(answer)).toMatchObject({ value });
  });

  it('refuses another form', async () => {
    await expect(imported('humaneval', 'a.jsonl', JSON.stringify(problem), '--as', 'poem')).rejects.toThrow(
      '--as poem: must be one of program, model',
    );
  });
});
