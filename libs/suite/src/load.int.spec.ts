import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSuite, problemLine } from './load.ts';

const head = `apiVersion: crucible/v1
kind: Suite
metadata: { name: test, version: 1.0.0, title: Test }
scorers: [{ kind: exit-code }]
`;
const inline = `${head}dataset:
  samples:
    - id: one
      input: { language: python, source: "pass" }
`;
const beside = `${head}dataset: { file: samples.jsonl }\n`;
const row = (id: string): string => `${JSON.stringify({ id, input: { language: 'python', source: 'pass' } })}\n`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'suite-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (files: Readonly<Record<string, string | Uint8Array>>): Promise<void> => {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
};
const linesOf = async (path = folder): Promise<string[]> => {
  const loaded = await loadSuite(path);
  return loaded.ok ? [] : loaded.problems.map((problem) => problemLine(problem).replaceAll(folder, '.'));
};

describe('a good suite', () => {
  it('is read from its folder or its file, under any name', async () => {
    await write({ 'suite.yaml': inline, 'other.yml': inline.replace('name: test', 'name: other') });
    const names = await Promise.all(['', 'suite.yaml', 'other.yml'].map((name) => loadSuite(join(folder, name))));
    expect(names.map((loaded) => loaded.ok && loaded.suite.metadata.name)).toEqual(['test', 'test', 'other']);
  });

  it('brings its dataset and files with it', async () => {
    const files = { 'in.txt': { file: 'data/in.txt' }, 'raw.bin': { file: 'data/raw.bin' }, here: 'text' };
    const sample = { id: 'one', input: { language: 'shell', source: 'cat in.txt' }, files };
    await write({
      'suite.yaml': beside,
      'samples.jsonl': `${row('zero')}\n${JSON.stringify(sample)}\n`,
      'data/in.txt': 'héllo',
      'data/raw.bin': Uint8Array.of(0xff, 0x00, 0xfe),
    });
    const loaded = await loadSuite(folder);
    expect(loaded.ok && loaded.suite.dataset.samples[1]?.files).toEqual({
      'in.txt': 'héllo',
      'raw.bin': { base64: '/wD+' },
      here: 'text',
    });
  });

  it('may keep its programs beside it', async () => {
    const sample = { id: 'one', input: { language: 'shell', source: { file: 'programs/one.sh' } } };
    await write({
      'suite.yaml': beside,
      'samples.jsonl': JSON.stringify(sample),
      'programs/one.sh': 'echo héllo\n',
    });
    const loaded = await loadSuite(folder);
    expect(loaded.ok && loaded.suite.dataset.samples[0]?.input).toMatchObject({ source: 'echo héllo\n' });
  });

  it('may begin with a byte order mark and end its lines as Windows does', async () => {
    await write({
      'suite.yaml': `\ufeff${beside.replaceAll('\n', '\r\n')}`,
      'samples.jsonl': `\ufeff${row('one').replace('\n', '\r\n')}`,
    });
    expect(await linesOf()).toEqual([]);
  });

  it('may be reached through a link, and hold links that stay inside', async () => {
    await write({ 'real/suite.yaml': beside, 'real/data.jsonl': row('one') });
    await symlink('data.jsonl', join(folder, 'real/samples.jsonl'));
    await symlink('real', join(folder, 'link'));
    expect(await linesOf(join(folder, 'link'))).toEqual([]);
  });
});

describe('mistakes', () => {
  it('are told all at once, with file, line, column and field', async () => {
    await write({
      'suite.yaml': `${head}sandbox:\n  memory: 64GiB\n  diks: 1MiB\nepochs: 0\ndataset: { file: samples.jsonl }\n`,
      'samples.jsonl': `${row('one')}{"id":"one","input":{"language":"perl","source":"x"}}\n`,
    });
    expect(await linesOf()).toEqual([
      './samples.jsonl:2:1: dataset.samples[1].input.language: must be one of python, shell, not the string perl',
      './samples.jsonl:2:1: dataset.samples[1].id: "one" is already the id of samples[0]: ids must be unique',
      './suite.yaml:6:3: sandbox.memory: is more than the profile strict allows: at most 2GiB',
      './suite.yaml:7:3: sandbox.diks: is not a field of this format; did you mean disk?',
      './suite.yaml:8:1: epochs: must be at least 1',
    ]);
  });

  it('in a line of the dataset do not hide those in the suite', async () => {
    await write({ 'suite.yaml': beside.replace('kind: Suite', 'kind: Suit'), 'samples.jsonl': `${row('one')}{oops\n` });
    const lines = await linesOf();
    expect(lines[0]).toMatch(/^\.\/samples\.jsonl:2:1: is not one JSON value a line/);
    expect(lines[1]).toBe('./suite.yaml:2:1: kind: must be Suite, not the string Suit; did you mean Suite?');
  });

  it.each([
    ['a missing dataset', beside, './suite.yaml:5:12: dataset.file: samples.jsonl there is no such file'],
    [
      'a dataset outside',
      beside.replace('samples.jsonl', '../x.jsonl'),
      './suite.yaml:5:12: dataset.file: ../x.jsonl leads out of the folder of the suite, which is not allowed',
    ],
    [
      'an absolute dataset',
      beside.replace('samples.jsonl', '/etc/passwd'),
      './suite.yaml:5:12: dataset.file: /etc/passwd leads out of the folder of the suite, which is not allowed',
    ],
    [
      'no samples',
      `${head}dataset: { samples: [] }\n`,
      './suite.yaml:5:12: dataset.samples: a dataset needs at least one sample',
    ],
    ['no dataset', head, './suite.yaml:1:1: dataset: is missing'],
    ['a list', '- a\n- b\n', './suite.yaml:1:1: must be a map of fields, not a list'],
  ])('%s', async (_, suite, line) => {
    await write({ 'suite.yaml': suite });
    expect(await linesOf()).toContain(line);
  });

  it('a program beside it that is missing, or no text', async () => {
    const sample = (id: string, file: string) =>
      JSON.stringify({ id, input: { language: 'python', source: { file } } });
    await write({
      'suite.yaml': beside,
      'samples.jsonl': `${sample('one', 'one.py')}\n${sample('two', 'two.py')}\n`,
      'two.py': Uint8Array.of(0xff, 0x00, 0xfe),
    });
    expect(await linesOf()).toEqual([
      './samples.jsonl:1:1: dataset.samples[0].input.source.file: one.py there is no such file',
      './samples.jsonl:2:1: dataset.samples[1].input.source.file: two.py is not UTF-8 text: save it as UTF-8',
    ]);
  });

  it('a folder without a suite, and a path to nothing', async () => {
    expect(await linesOf()).toEqual(['./suite.yaml: there is no such file']);
    expect(await linesOf(join(folder, 'nope'))).toEqual(['./nope: there is no such file or folder']);
  });

  it('text that is not UTF-8', async () => {
    await write({ 'suite.yaml': Uint8Array.of(0xff, 0xfe, 0x61, 0x00) });
    expect(await linesOf()).toEqual(['./suite.yaml: is not UTF-8 text: save it as UTF-8']);
  });
});

describe('a hostile suite', () => {
  it('cannot read what a link leads to outside', async () => {
    await write({ 'suite/suite.yaml': beside, 'secret.jsonl': row('one') });
    await symlink('../secret.jsonl', join(folder, 'suite/samples.jsonl'));
    expect(await linesOf(join(folder, 'suite'))).toEqual([
      './suite/suite.yaml:5:12: dataset.file: samples.jsonl leads out of the folder of the suite, which is not allowed',
    ]);
  });

  it('cannot be a link to another file either', async () => {
    await write({ 'secret.yaml': inline });
    await mkdir(join(folder, 'suite'));
    await symlink('../secret.yaml', join(folder, 'suite/suite.yaml'));
    expect((await linesOf(join(folder, 'suite')))[0]).toMatch(/leads out of the folder/);
  });

  it('cannot hang its reader on a pipe, or fill it from a device', async () => {
    await write({ 'suite.yaml': beside });
    execFileSync('mkfifo', [join(folder, 'samples.jsonl')]);
    expect((await linesOf())[0]).toMatch(/is not a file$/);
    await rm(join(folder, 'samples.jsonl'));
    await symlink('/dev/zero', join(folder, 'samples.jsonl'));
    expect((await linesOf())[0]).toMatch(/leads out/);
  });

  it('cannot be larger than what is read', async () => {
    await write({ 'suite.yaml': `#${'x'.repeat(4 * 1024 ** 2)}` });
    expect((await linesOf())[0]).toMatch(/at most 4MiB are allowed$/);
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`f${index}`, { file: 'big.bin' }]));
    const sample = { id: 'one', input: { language: 'python', source: 'x' }, files };
    await write({
      'suite.yaml': beside,
      'samples.jsonl': JSON.stringify(sample),
      'big.bin': new Uint8Array(1024 ** 2).fill(97),
    });
    expect((await linesOf())[0]).toMatch(/big\.bin makes the suite larger than 32MiB$/);
  });

  it('cannot steer the terminal that shows its mistakes', async () => {
    await write({
      'suite.yaml': inline.replace('id: one', 'id: "\\e[2J\\u202eone"').replace('python', '"\\e]0;x\\a"'),
    });
    const lines = (await linesOf()).join('\n');
    expect(lines).toContain('dataset.samples[0].id');
    expect(lines).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
  });
});
