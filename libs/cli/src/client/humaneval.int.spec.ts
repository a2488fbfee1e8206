import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { loadSuite } from '@crucible/suite/load';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { register } from '../commands/import.ts';

const repository = fileURLToPath(new URL('../../../../', import.meta.url));
const data = join(process.env['CRUCIBLE_TEST_DATA'] ?? join(repository, '../shared/data'), 'HumanEval.jsonl.gz');

const row = (nth: number): string =>
  JSON.stringify({
    task_id: `HumanEval/${nth}`,
    prompt: 'def f():\n',
    canonical_solution: '    return 1\n',
    test: 'def check(f):\n    assert f() == 1\n',
    entry_point: 'f',
  });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'humaneval-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const importing = async (file: string, ...more: readonly string[]): Promise<void> => {
  const program = new Command().exitOverride();
  register(program);
  await program.parseAsync(['import', 'humaneval', file, '--out', join(folder, 'out'), '--json', ...more], {
    from: 'user',
  });
};
const given = async (name: string, content: string | Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), content);
  return join(folder, name);
};
const samplesOf = async (): Promise<readonly { id: string }[]> => {
  const loaded = await loadSuite(join(folder, 'out'));
  return loaded.ok ? loaded.suite.dataset.samples : [];
};

describe('importing HumanEval', () => {
  it.skipIf(!existsSync(data))(
    `takes the published file (skipped without ${data}: see CRUCIBLE_TEST_DATA)`,
    async () => {
      await importing(data);
      const samples = await samplesOf();
      expect(samples).toHaveLength(164);
      expect(samples[163]?.id).toBe('HumanEval/163');
    },
  );

  it('takes it packed and unpacked', async () => {
    await importing(await given('a.jsonl.gz', gzipSync(`${row(0)}\n${row(1)}\n`)));
    expect(await samplesOf()).toHaveLength(2);
    await importing(await given('a.jsonl', `${row(0)}\n\n${row(1)}\n${row(2)}`), '--force');
    expect(await samplesOf()).toHaveLength(3);
  });

  it('does not write over what is there, unless told to', async () => {
    const file = await given('a.jsonl', row(0));
    await importing(file);
    await expect(importing(file)).rejects.toThrow('is not empty');
    await importing(file, '--force');
  });

  it('leaves what was there when it fails', async () => {
    await importing(await given('a.jsonl', row(0)));
    await expect(importing(await given('b.jsonl', `${row(1)}\n{bad\n`), '--force')).rejects.toThrow(
      'line 2 is not a problem of HumanEval',
    );
    expect((await samplesOf()).map(({ id }) => id)).toEqual(['HumanEval/0']);
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(['samples.jsonl', 'suite.yaml']);
  });

  it.each([
    ['damaged.jsonl.gz', gzipSync(row(0)).subarray(0, 40), 'is damaged'],
    ['plain.jsonl.gz', row(0), 'is damaged'],
    ['empty.jsonl', '', 'holds no problems'],
    ['twice.jsonl', `${row(0)}\n${row(0)}`, 'ids must be unique'],
    ['bomb.jsonl.gz', gzipSync(Buffer.alloc(200 * 1024 ** 2)), 'longer than'],
  ])('refuses %s', async (name, content, message) => {
    await expect(importing(await given(name, content))).rejects.toThrow(message);
  });

  it('says what is missing', async () => {
    await expect(importing(join(folder, 'nope.jsonl.gz'))).rejects.toThrow('there is no file');
    await expect(importing(folder)).rejects.toThrow('is a folder');
  });
});
