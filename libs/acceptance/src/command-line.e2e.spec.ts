import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf, submit } from './support/api.ts';
import { crucible, crucibleJson, jsonLines, pids, startCrucible } from './support/cli.ts';
import { repository } from './support/config.ts';
import { platform } from './support/facts.ts';
import { sample, scratch, sleepers, suiteOf, writeSuite } from './support/suites.ts';
import { escapes } from './support/text.ts';
import { waitFor } from './support/wait.ts';

const run = (path: string, ...more: string[]) => crucible(['run', path, '--no-start', ...more]);
const hello = sample('hello', 'print("hello")');

describe('exit codes of run', () => {
  it('are 1 when a program fails, with the reason', async () => {
    const path = writeSuite(suiteOf([hello, sample('wrong', 'raise SystemExit(3)')]));
    const { code, stdout } = await run(path);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^hello +passed/m);
    expect(stdout).toMatch(/^wrong +failed/m);
    expect(stdout).toContain('exit 3');
    expect(escapes(stdout)).toEqual([]);
  });

  it.each([
    ['an unknown suite', ['run', 'no-such-suite'], /no-such-suite/],
    ['an unknown verb', ['runn'], /unknown command/],
    ['an unknown option', ['run', 'suites/first-contact', '--fast'], /unknown option/],
    ['no suite', ['run'], /missing required argument/],
    ['a concurrency of nothing', ['run', 'suites/first-contact', '--concurrency', '0'], /whole number from 1 to 256/],
    [
      'a concurrency over the limit',
      ['run', 'suites/first-contact', '--concurrency', '257'],
      /whole number from 1 to 256/,
    ],
    ['an evaluation that is none', ['show', 'evaluation-seven'], /not an evaluation id/],
    ['an evaluation nobody knows', ['show', '00000000-0000-7000-8000-000000000000'], /There is no evaluation/],
    ['a component nobody knows', ['logs', 'gatekeeper'], /no log of gatekeeper; there are: .*gateway/],
    ['a dataset nobody has', ['import', 'humaneval', '/nowhere/HumanEval.jsonl.gz', '--out', scratchName()], /nowhere/],
  ])('are 2 for %s', async (_, argv, message) => {
    const { code, stdout, stderr } = await crucible(argv);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(existsSync(scratchName())).toBe(false);
  });

  it.each([
    ['broken YAML', 'apiVersion: crucible/v1\nkind: Suite\nmetadata: {name: x\ndataset: 3\n', [/suite\.yaml:[34]/]],
    [
      'resources over the limit, every one of them with file, line and field',
      [
        'apiVersion: crucible/v1',
        'kind: Suite',
        'metadata: { name: greedy, version: 1.0.0, title: Greedy }',
        'sandbox:',
        '  cpu: 64',
        '  memory: 512GiB',
        '  pids: 100000',
        '  wallTime: 900h',
        '  output: 1GiB',
        '  disk: 3 elephants',
        '  privileged: true',
        'dataset:',
        '  samples:',
        '    - { id: a, input: { language: python, source: "print(1)" } }',
        'limits: { concurrency: 9999 }',
      ].join('\n'),
      [
        /suite\.yaml:5.*sandbox\.cpu/,
        /suite\.yaml:6.*sandbox\.memory.*2GiB/,
        /suite\.yaml:7.*sandbox\.pids/,
        /suite\.yaml:8.*sandbox\.wallTime.*1h/,
        /suite\.yaml:9.*sandbox\.output.*64MiB/,
        /suite\.yaml:10.*sandbox\.disk/,
        /suite\.yaml:11.*privileged/,
        /suite\.yaml:15.*limits\.concurrency/,
      ],
    ],
    [
      'a language it does not know',
      'apiVersion: crucible/v1\nkind: Suite\nmetadata: { name: a, version: 1.0.0, title: A }\ndataset:\n  samples:\n    - { id: a, input: { language: cobol, source: x } }\n',
      [/suite\.yaml:6.*dataset\.samples\S*language/],
    ],
  ])('are 2 for %s', async (_, text, messages) => {
    const { code, stderr } = await run(writeSuite(text));
    for (const message of messages) expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('are 3 when nothing runs and nothing may be started', async () => {
    const { code, stderr } = await crucible(['run', 'suites/first-contact', '--no-start'], {
      env: { CRUCIBLE_HOME: `${scratch()}/home` },
    });
    expect(stderr).toMatch(/the platform is not running[\s\S]*\.\/crucible up/);
    expect(code).toBe(3);
  });
});

/** A name for a folder that is never made. */
function scratchName(): string {
  return '/tmp/crucible-acceptance-never-made';
}

describe('a taken port', () => {
  const server = createServer();
  let port: number;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => void server.close());

  it('is named with its holder and the way out, and the exit code is 3', async () => {
    const home = `${scratch()}/home`;
    const env = { CRUCIBLE_HOME: home, CRUCIBLE_PORT: String(port) };
    const { code, stderr } = await crucible(['run', 'suites/first-contact'], { env });
    expect(stderr).toContain(`port ${port} is taken by pid ${process.pid}`);
    expect(stderr).toContain(`CRUCIBLE_PORT=${port + 1} ./crucible up`);
    expect(code).toBe(3);
    expect(await pids({ env })).toEqual({});
    expect((await crucible(['down', '--purge'], { env })).code).toBe(0);
  });
});

describe('verbs with --json', () => {
  it('are all JSON: list, show, status, doctor, logs, cancel, watch', async () => {
    const { id } = await submit({ suite: suiteOf(sleepers(2, 200), { sandbox: { wallTime: '300s' } }) });
    const { items } = await crucibleJson<{ items: { id: string }[] }>(['list', '--limit', '5']);
    expect(items[0]?.id).toBe(id);

    const watching = startCrucible(['watch', id, '--json']);
    await waitFor('the watcher to say something', () => watching.lines().length > 0);
    const cancelled = await crucibleJson(['cancel', id, '--reason', 'seen enough']);
    expect(cancelled).toMatchObject({ evaluationId: id });
    const watched = await watching.ended;
    expect(watched.code).toBe(1);
    expect(jsonLines(watched.stdout).at(-1)).toMatchObject({ evaluationId: id, status: 'cancelled' });

    const shown = await crucibleJson<{ evaluation: object; trials: object[] }>(['show', id]);
    expect(shown.evaluation).toMatchObject({ status: 'cancelled', cancelReason: 'seen enough' });
    expect(await crucibleJson(['show', id, '--trial', 'sleeper-0'])).toMatchObject({
      trial: { sampleId: 'sleeper-0' },
    });

    expect(await crucibleJson(['status'])).toMatchObject({
      state: 'up',
      url: platform().url,
      bus: { user: 'subscriber' },
    });
    expect(await crucibleJson(['doctor'])).toMatchObject({ ok: true });
    const logs = jsonLines((await crucible(['logs', '--json', '-n', '5'])).stdout);
    expect(new Set(logs.map(({ service }) => service)).size).toBeGreaterThanOrEqual(8);
  });

  it('are JSON for a trial’s output, a chunk a line', async () => {
    const { id } = await submit({ suite: suiteOf([sample('talks', 'print("one"); print("two")')]) });
    await endOf(id);
    const { stdout } = await crucible(['show', id, '--trial', 'talks', '--output', '--json']);
    const text = jsonLines(stdout).map(({ base64 }) => Buffer.from(String(base64), 'base64').toString());
    expect(text.join('')).toBe('one\ntwo\n');
  });
});

describe('a second up', () => {
  it('changes nothing and says so in JSON, within seconds', async () => {
    const before = await pids();
    const { code, stdout } = await crucible(['up', '--json']);
    expect(code).toBe(0);
    const last = jsonLines(stdout).at(-1) ?? {};
    expect(last).toMatchObject({ type: 'up', url: platform().url, home: platform().home });
    expect(last['ms']).toBeLessThan(10_000);
    expect(await pids()).toEqual(before);
  });
});

describe('help', () => {
  // What stands in the help of each verb is a unit test's; here is that a person gets it.
  it('lists every verb there is, each with what it does', async () => {
    const verbs = readdirSync(join(repository, 'libs/cli/src/commands'))
      .filter((file) => /^[a-z-]+\.ts$/.test(file))
      .map((file) => file.replace(/\.ts$/, ''));
    const { code, stdout } = await crucible(['--help']);
    expect(code).toBe(0);
    const listed = stdout.slice(stdout.indexOf('Commands:'), stdout.indexOf('Examples:'));
    for (const verb of verbs) expect(listed).toMatch(new RegExp(`^  ${verb}( \\S+)* {2,}\\S`, 'm'));
    expect((await crucible([])).stdout).toBe(stdout);
  });

  it.each(['run', 'stop release'])('is there for %s', async (verb) => {
    const words = verb.split(' ');
    const { code, stdout } = await crucible([...words, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: crucible ${verb}`);
    const wrong = await crucible([...words, '--no-such-option']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain(`(see: crucible ${verb} --help)`);
  });
});
