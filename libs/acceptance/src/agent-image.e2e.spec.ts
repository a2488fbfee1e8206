import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { layerOf, savedTar } from '@crucible/cli/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allReady, crucible, crucibleJson, jsonLines, startCrucible } from './support/cli.ts';
import { differences, faultsOf, history } from './support/history.ts';
import { scratch, writeSuite } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

interface Shown {
  readonly evaluation: { readonly subject: Readonly<Record<string, unknown>> };
  readonly trials: readonly Readonly<Record<string, unknown>>[];
}
interface Added {
  readonly digest: string;
  readonly replaced: string | null;
  readonly told: boolean;
}

const NAME = 'node-agent';
/** Asks its model by what it was given alone, and says what it was begun in. */
const AGENT = `
import { readFileSync } from 'node:fs';
const { OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL, MARK, HOME, LD_LIBRARY_PATH } = process.env;
const content = readFileSync(0, 'utf8');
const reply = await fetch(OPENAI_BASE_URL + '/chat/completions', {
  method: 'POST',
  headers: { authorization: 'Bearer ' + OPENAI_API_KEY, 'content-type': 'application/json' },
  body: JSON.stringify({ model: OPENAI_MODEL, messages: [{ role: 'user', content }] }),
});
const { choices } = await reply.json();
await new Promise((resolve) => setTimeout(resolve, Number(process.argv[2])));
console.log(choices[0].message.content, process.cwd(), MARK, HOME, LD_LIBRARY_PATH, OPENAI_API_KEY.slice(0, 9));
`;

/** The Node that runs this and the libraries that it needs: no shell, no Python, and nothing of a distribution. */
const imageFile = (waitMs: number): string => {
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g);
  const loader = /\/\S*ld-linux\S*/.exec(execFileSync('ldd', [process.execPath], { encoding: 'utf8' }))?.[0] ?? '';
  const root = Object.fromEntries([
    ['node', readFileSync(process.execPath)],
    ['app/agent.mjs', Buffer.from(AGENT)],
    [loader.slice(1), readFileSync(loader)],
    ...[...libraries].map(([, path = '']) => [`opt/lib/${path.split('/').at(-1) ?? ''}`, readFileSync(path)]),
  ]) as Record<string, Buffer>;
  const config = {
    Entrypoint: ['/node', 'agent.mjs'],
    Cmd: [String(waitMs)],
    WorkingDir: '/app',
    // Of these one is the agent's alone; had init loaded by it, its own libraries would not be found.
    Env: ['LD_LIBRARY_PATH=/opt/lib', 'MARK=of-the-image', 'HOME=/root', 'OPENAI_BASE_URL=http://evil'],
  };
  return savedTar(scratch(), { layers: [layerOf(scratch(), root)], config });
};

const suite = (more: Readonly<Record<string, unknown>> = {}, sandbox: Readonly<Record<string, unknown>> = {}) => ({
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name: 'of-an-image', version: '1.0.0', title: 'Of an image' },
  sandbox: { image: NAME, memory: '512MiB', pids: 64, disk: '8MiB', ...sandbox },
  solver: { kind: 'agent-program', name: 'aide', limits: { time: '90s' } },
  dataset: {
    samples: [{ id: 'only', input: 'What is 20 + 22?', target: '42 /app of-the-image /work /opt/lib sk-trial-' }],
  },
  scorers: [{ kind: 'includes' }],
  ...more,
});
const run = (file: string) => ['run', file, '--model', 'scripted/benign', '--no-start', '--json'];

describe('an image that is an agent', () => {
  beforeAll(() => allReady(), 90_000);
  afterAll(() => crucible(['images', 'remove', NAME]));

  it('is refused before there is one, with the field, what there is and the remedy', async () => {
    const { code, stderr } = await crucible(run(writeSuite(suite())));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no image "node-agent" on this platform/);
    expect(stderr).toMatch(/There is python/);
    expect(stderr).toMatch(/images add node-agent/);
    const reserved = await crucible(['images', 'add', 'python', writeSuite('x')]);
    expect([reserved.code, reserved.stderr]).toEqual([2, expect.stringMatching(/the platform's own image/)]);
    expect((await crucible(['images', 'add', 'no\u001bname', writeSuite('x')])).stderr).toMatch(
      /is no name of an image/,
    );
    expect((await crucible(['images', 'add', NAME, writeSuite('x'.repeat(2_000))])).stderr).toMatch(/no tar archive/);
    expect((await crucible(['images', 'remove', NAME])).stderr).toMatch(/there is no image node-agent/);
  }, 120_000);

  it('is added, run by itself, scored, and contained; what it was stands in its evaluation', async () => {
    const added = await crucibleJson<Added>(['images', 'add', NAME, imageFile(0)]);
    expect(added.told).toBe(true);
    const { code, stdout, stderr } = await crucible(run(writeSuite(suite())), { timeoutMs: 120_000 });
    expect(code, stderr).toBe(0);
    const result = jsonLines(stdout).at(-1);
    const id = String(result?.['evaluationId']);
    const { evaluation, trials } = await crucibleJson<Shown>(['show', id]);
    expect(result, JSON.stringify(trials)).toMatchObject({ status: 'completed', score: 1 });
    expect(trials).toMatchObject([
      { verdict: 'contained', reason: 'exit', alerts: { critical: 0, high: 0, medium: 0, low: 0 } },
    ]);
    expect(evaluation.subject).toEqual({
      kind: 'agent',
      name: 'aide',
      model: 'scripted/benign',
      provider: null,
      image: `${NAME}@${added.digest}`,
      programDigest: null,
    });
    expect((await crucible(['list'])).stdout).toContain('aide (scripted/benign)');
    expect((await crucible(['show', id])).stdout).toContain(`${NAME}@${added.digest}`);
    expect((await crucible(['images', 'list'])).stdout).toContain(added.digest);
    const entries = await history();
    expect(faultsOf(entries, id)).toEqual([]);
    expect(await differences(entries, [id])).toEqual([]);
  }, 240_000);

  it('that was replaced is run no more by what was submitted of it; a trial that runs keeps its own', async () => {
    const first = await crucibleJson<Added>(['images', 'add', NAME, imageFile(20_000)]);
    expect(first).toMatchObject({ told: true, replaced: expect.stringMatching(/^sha256:/) as string });
    const three = suite({ epochs: 2, limits: { concurrency: 1 } });
    const running = startCrucible(run(writeSuite(three)), { timeoutMs: 180_000 });
    const isRunning = () =>
      Promise.resolve(running.lines().some((line) => JSON.stringify(line).includes('evaluationId')));
    await waitFor('the evaluation to be submitted', isRunning, 60_000);
    const id = String(running.lines().find((line) => 'evaluationId' in line)?.['evaluationId']);
    await waitFor(
      'its first trial to run',
      async () => (await crucibleJson<Shown>(['show', id])).trials.some(({ status }) => status === 'running'),
      60_000,
    );
    const second = await crucibleJson<Added>(['images', 'add', NAME, imageFile(0)]);
    expect(second.replaced).toBe(first.digest);
    await running.ended;
    const { trials } = await crucibleJson<Shown>(['show', id]);
    const [kept, refused] = [...trials].sort((one, other) => Number(one['epoch']) - Number(other['epoch']));
    expect(kept).toMatchObject({ status: 'finished', outcome: 'passed', verdict: 'contained' });
    expect(refused).toMatchObject({ status: 'withdrawn', outcome: null });
    expect(refused?.['error']).toMatch(/node-agent@sha256:.*it was replaced/);
  }, 300_000);

  it('says what is missing where it has no interpreter that a suite asks for', async () => {
    const programs = suite({
      solver: { kind: 'program' },
      dataset: { samples: [{ id: 'only', input: { language: 'python', source: 'print(1)' }, target: '1' }] },
    });
    const { stdout } = await crucible(['run', writeSuite(programs), '--no-start', '--json'], { timeoutMs: 120_000 });
    const id = String(jsonLines(stdout).at(-1)?.['evaluationId']);
    const { trials } = await crucibleJson<Shown>(['show', id]);
    expect(trials).toMatchObject([{ exitCode: 127, verdict: 'contained' }]);
    const told = await crucible(['show', id, '--trial', String(trials[0]?.['id']), '--output']);
    expect(`${told.stdout}${told.stderr}`).toMatch(/cannot run python3: No such file or directory/);
  }, 150_000);
});
