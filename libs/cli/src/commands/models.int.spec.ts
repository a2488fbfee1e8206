import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refuse, say, wireKey, WireServer } from '@crucible/models/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../../../', import.meta.url));

let wire: WireServer;
let home: string;
beforeAll(async () => {
  wire = await WireServer.start();
  home = await mkdtemp(join(tmpdir(), 'models-home-'));
  await writeFile(
    join(home, 'models.yaml'),
    `models:
  - { name: wire, provider: openai, model: m, baseUrl: '${wire.url}', key: { env: WIRE_KEY }, price: { input: 1, output: 2 } }
  - { name: claude, provider: anthropic, model: c, baseUrl: '${wire.url}', key: { env: WIRE_KEY } }
  - { name: keyless, provider: openai, model: m, key: { env: WIRE_KEY_THAT_IS_NOT_SET } }
`,
  );
});
afterAll(async () => {
  await wire.stop();
  await rm(home, { recursive: true, force: true });
});
beforeEach(() => wire.reset());

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const crucible = (words: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const loader = './libs/source-loader/register.mjs';
    const child = spawn(
      process.execPath,
      ['--conditions=crucible-source', '--import', loader, 'libs/cli/src/main.ts', 'models', ...words],
      {
        cwd: repository,
        env: { PATH: process.env['PATH'], CRUCIBLE_HOME: home, WIRE_KEY: wireKey, NO_COLOR: '1', ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });

describe('models list', () => {
  it('shows every model, and whose key is missing', async () => {
    const { code, out, err } = await crucible(['list']);
    expect(code).toBe(0);
    expect(out).toMatch(/^wire +openai/m);
    expect(out).toMatch(/✗ env WIRE_KEY_THAT_IS_NOT_SET/);
    expect(out).toMatch(/^scripted\/flaky/m);
    expect(err).toMatch(/keyless: the environment variable WIRE_KEY_THAT_IS_NOT_SET is not set/);
    expect(out + err).not.toContain(wireKey);
  });

  it('is one object for programs', async () => {
    const { out } = await crucible(['list', '--json']);
    const { file, models } = JSON.parse(out) as { file: string; models: { name: string; keyProblem: string | null }[] };
    expect(file).toBe(join(home, 'models.yaml'));
    expect(models.map(({ name, keyProblem }) => [name, keyProblem === null]).slice(0, 3)).toEqual([
      ['wire', true],
      ['claude', true],
      ['keyless', false],
    ]);
  });

  it('says where a file is wrong, and takes none that is not there', async () => {
    const broken = join(home, 'broken.yaml');
    await writeFile(broken, 'models:\n  - { name: a, provider: opnai, model: m }\n');
    const { code, err } = await crucible(['list'], { CRUCIBLE_MODELS_FILE: broken });
    expect(code).toBe(2);
    expect(err).toMatch(/broken\.yaml:2:16: models\[0\]\.provider: must be one of .*; did you mean openai\?/);
    const missing = await crucible(['list'], { CRUCIBLE_MODELS_FILE: join(home, 'nope.yaml') });
    expect([missing.code, missing.err]).toEqual([2, expect.stringMatching(/nope\.yaml: there is no such file/)]);
  });
});

describe('models check', () => {
  it.each(['wire', 'claude'])('makes real calls to %s and tells what came of them', async (name) => {
    const submit = { tool: 'submit', arguments: '{"answer":"ready"}' };
    wire.next(say('one two three four five six', { pieceDelayMs: 10 }), say('', { toolCalls: [submit] }));
    const { code, out } = await crucible(['check', name, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      name,
      ok: true,
      streaming: true,
      tools: 'yes',
      usage: { inputTokens: 11, outputTokens: 7 },
      costMicroUsd: name === 'wire' ? 11 + 2 * 7 : null,
      latencyMs: expect.any(Number) as number,
      firstTokenMs: expect.any(Number) as number,
    });
    expect(wire.requests).toHaveLength(2);
  });

  it('tells a model without tools from one that is not there', async () => {
    wire.next(say('one two'), refuse(400, 'tools are not supported'));
    const without = await crucible(['check', 'wire']);
    expect(without.code).toBe(0);
    expect(without.out).toMatch(/✗ rejected: status 400: tools are not supported/);
    wire.next(refuse(401, `no such key: ${wireKey}`));
    const refused = await crucible(['check', 'wire']);
    expect(refused.code).toBe(1);
    expect(refused.out).toMatch(/✗ rejected: status 401: no such key: \[key env WIRE_KEY\]/);
    expect(refused.out + refused.err).not.toContain(wireKey);
  });

  it('needs no file for the scripted ones, and no key but that of the model', async () => {
    const { code, out } = await crucible(['check', 'scripted/benign']);
    expect(code).toBe(0);
    expect(out).toMatch(/tools +✓/);
  });

  it('is misuse for a name that is none, and for a model without its key', async () => {
    const none = await crucible(['check', 'nobody']);
    expect([none.code, none.err]).toEqual([2, expect.stringMatching(/there is no model nobody[^]*wire, claude/)]);
    const keyless = await crucible(['check', 'keyless']);
    expect([keyless.code, keyless.err]).toEqual([2, expect.stringMatching(/WIRE_KEY_THAT_IS_NOT_SET is not set/)]);
  });
});
