import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadModels, modelsProblemLine } from './load.ts';
import type { Environment } from './keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'models-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (): string => join(folder, 'models.yaml');
const load = async (text: string, environment?: Environment) => {
  await writeFile(file(), text);
  return loadModels(file(), environment);
};
const linesOf = async (text: string, environment: Environment = {}): Promise<string[]> => {
  const loaded = await load(text, environment);
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  return problems.map((problem) => modelsProblemLine(problem).replaceAll(folder, '.'));
};
const key = 'sk-0123456789abcdefghij';

describe('a file of models', () => {
  it('gives each model with its limits, and the scripted ones beside', async () => {
    const loaded = await load(
      `models:
  - name: small
    provider: openai
    model: gpt-small
    key: { env: OPENAI_API_KEY }
    price: { input: 2.5, output: 10 }
    limits: { concurrency: 4, timeout: 90s, idleTimeout: 5s, outputTokens: 100, replyBytes: 64KiB, attempts: 2 }
  - { name: local/llama, provider: openai-compatible, model: llama3, baseUrl: 'http://localhost:11434/v1/', streaming: false }
  - { name: cheap, provider: scripted, model: benign, price: { input: 1, output: 1 } }
`,
      { OPENAI_API_KEY: key },
    );
    if (!loaded.ok) throw new Error(loaded.problems.map(modelsProblemLine).join('\n'));
    expect(loaded.models[0]).toEqual({
      name: 'small',
      provider: 'openai',
      modelId: 'gpt-small',
      baseUrl: 'https://api.openai.com/v1',
      key: { env: 'OPENAI_API_KEY' },
      streaming: true,
      price: { inputUsd: 2.5, outputUsd: 10, cachedInputUsd: 2.5 },
      limits: {
        concurrencyMax: 4,
        timeoutMs: 90_000,
        idleMsMax: 5_000,
        outputTokensMax: 100,
        replyBytesMax: 65_536,
        attemptsMax: 2,
      },
    });
    expect(loaded.models[1]).toMatchObject({
      baseUrl: 'http://localhost:11434/v1',
      key: null,
      streaming: false,
      price: null,
      limits: { concurrencyMax: 32, attemptsMax: 5 },
    });
    expect(loaded.models.map(({ name }) => name).slice(3)).toEqual([
      'scripted/benign',
      'scripted/replicator',
      'scripted/manipulator',
      'scripted/intruder',
      'scripted/deceiver',
      'scripted/flaky',
    ]);
    expect(loaded.keys.get('env OPENAI_API_KEY')?.reveal()).toBe(key);
    expect(loaded.keyVariables).toEqual(['OPENAI_API_KEY']);
    expect(loaded.warnings).toEqual([]);
    expect(JSON.stringify(loaded) + inspect(loaded, { depth: 9 })).not.toContain(key);
  });

  it('may be none at all', async () => {
    const loaded = await loadModels(null, {});
    expect(loaded.ok && loaded.models).toHaveLength(6);
    expect(await loadModels(join(folder, 'nope.yaml'))).toMatchObject({
      ok: false,
      problems: [{ message: 'there is no such file' }],
    });
  });

  it('is read without its keys by those who need only the models', async () => {
    const loaded = await load('models:\n  - { name: a, provider: openai, model: m, key: { env: NOPE } }\n');
    expect(loaded).toMatchObject({ ok: true, keyVariables: ['NOPE'] });
  });
});

describe('mistakes', () => {
  it('are told all at once, with file, line, field and remedy', async () => {
    const lines = await linesOf(`models:
  - name: one
    provider: opnai
    model: m
  - name: two words
    provider: openai-compatible
    model: m
    limts: {}
  - name: one
    provider: anthropic
    model: m
    price: { input: -1, outptu: 2 }
    limits: { timeout: 90, replyBytes: 1GiB, concurrency: 0 }
  - name: scripted/benign
    provider: scripted
    model: villain
    baseUrl: http://localhost
  - { name: last, provider: openai, model: m, baseUrl: 'https://user:pw@host/v1?x=1', key: { env: UNSET_KEY } }
extra: 1
`);
    expect(lines).toEqual([
      './models.yaml:3:5: models[0].provider: must be one of openai, anthropic, openai-compatible, scripted, not the string opnai; did you mean openai?',
      './models.yaml:5:5: models[1].name: must be letters, digits, dots, colons, hyphens and underscores, in parts joined by /',
      './models.yaml:5:5: models[1].baseUrl: is missing: openai-compatible needs the address of the server, such as http://localhost:8000/v1',
      './models.yaml:8:5: models[1].limts: is not a field of this format; did you mean limits?',
      './models.yaml:9:5: models[2].key: is missing: anthropic needs one, such as { env: ANTHROPIC_API_KEY }',
      './models.yaml:9:5: models[2].name: one is already the name of models[0]',
      './models.yaml:12:5: models[2].price.output: is missing',
      './models.yaml:12:14: models[2].price.input: must be at least 0',
      './models.yaml:12:25: models[2].price.outptu: is not a field of this format; did you mean output?',
      './models.yaml:13:15: models[2].limits.timeout: must be a duration with its unit (ms, s, m, h), such as 10m',
      './models.yaml:13:28: models[2].limits.replyBytes: must be a size with its unit (B, KiB, MiB), such as 512KiB',
      './models.yaml:13:46: models[2].limits.concurrency: must be at least 1',
      './models.yaml:14:5: models[3].name: begins with scripted/, which is for the shipped models: choose another',
      './models.yaml:16:5: models[3].model: must be one of benign, replicator, manipulator, intruder, deceiver, flaky: those are what is scripted',
      './models.yaml:17:5: models[3].baseUrl: has no meaning for provider scripted: remove it',
      './models.yaml:18:47: models[4].baseUrl: must hold nothing but the address: no user, password, query or fragment; a key is named under key',
      './models.yaml:18:87: models[4].key: the environment variable UNSET_KEY is not set',
      './models.yaml:19:1: extra: is not a field of this format; known here: models',
    ]);
  });

  it.each([
    ['models: [', /flow|Flow/],
    ['models:\n\t- a', /tab/],
    ['a: 1\na: 2', /twice/],
    ['', /a map of fields/],
    ['models: 7', /must be a list/],
    [`a: &a [1]\nb: [${'*a, '.repeat(50)}]`, /anchors|not a field|missing/],
  ])('of YAML have their place: %j', async (text, message) => {
    expect((await linesOf(text)).join('\n')).toMatch(message);
  });

  it.each([`key: ${key}`, `key: { env: '${key}' }`, `key: { value: ${key} }`, `key: [${key}]`, `apiKey: ${key}`])(
    'about a key never repeat it: %s',
    async (field) => {
      const lines = await linesOf(`models:\n  - { name: a, provider: openai, model: m, ${field} }\n`);
      expect(lines.join('\n')).toMatch(/the key itself never stands here|is not a field/);
      expect(lines.join('\n')).not.toContain(key);
    },
  );

  it('of text that is not UTF-8, or is too much of it', async () => {
    await writeFile(file(), Uint8Array.of(0xff, 0xfe));
    expect(await loadModels(file())).toMatchObject({
      problems: [{ message: expect.stringMatching(/UTF-8/) as string }],
    });
    await writeFile(file(), `#${'x'.repeat(300_000)}`);
    expect(await loadModels(file())).toMatchObject({
      problems: [{ message: expect.stringMatching(/bytes/) as string }],
    });
  });
});

describe('a key in a file', () => {
  const entry = 'models:\n  - { name: a, provider: openai, model: m, key: { file: my.key } }\n';
  const withMode = async (mode: number, content = `${key}\n`): Promise<string[]> => {
    await writeFile(join(folder, 'my.key'), content);
    await chmod(join(folder, 'my.key'), mode);
    return linesOf(entry);
  };

  it('is read beside the file of models', async () => {
    expect(await withMode(0o600)).toEqual([]);
    const loaded = await load(entry, {});
    expect(loaded.ok && loaded.keys.get('file my.key')?.reveal()).toBe(key);
  });

  it.each([0o644, 0o604, 0o602])('that others may read or write is refused (mode %o)', async (mode) => {
    expect((await withMode(mode)).join()).toMatch(/models\[0\]\.key: .*open to every user.*chmod 600/);
  });

  it('that its group may read is warned of', async () => {
    const lines = await withMode(0o640);
    expect(lines.join()).toMatch(/open to its group.*chmod 600/);
    expect((await load(entry, {})).ok).toBe(true);
  });

  it.each([
    ['', /is empty/],
    ['two\nlines', /holds more than a key/],
    ['x'.repeat(9_000), /that is no key/],
  ])('must hold one key and nothing else', async (content, message) => {
    expect((await withMode(0o600, content)).join()).toMatch(message);
  });

  it('must be there', async () => {
    expect((await linesOf(entry)).join()).toMatch(/my\.key cannot be used: there is no such file/);
  });
});

describe('a key on its way unencrypted', () => {
  it('is warned of, but not to this machine', async () => {
    const entry = (url: string): string =>
      `models:\n  - { name: a, provider: openai-compatible, model: m, baseUrl: '${url}', key: { env: K } }\n`;
    expect((await linesOf(entry('http://gpu-box:8000/v1'), { K: key })).join()).toMatch(/baseUrl: .*unencrypted/);
    expect(await linesOf(entry('http://127.0.0.1:8000/v1'), { K: key })).toEqual([]);
    expect(await linesOf(entry('https://gpu-box/v1'), { K: key })).toEqual([]);
  });
});
