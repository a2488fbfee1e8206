import { beforeAll, describe, expect, it } from 'vitest';
import { allReady, crucible, crucibleJson, jsonLines } from './support/cli.ts';
import { differences, faultsOf, history } from './support/history.ts';
import { writeSuite } from './support/suites.ts';

interface Shown {
  readonly evaluation: {
    readonly subject: Readonly<Record<string, unknown>>;
    readonly usage: Readonly<Record<string, number>>;
  };
  readonly trials: readonly Readonly<Record<string, unknown>>[];
}

/** Asks twice, and again until it is refused. */
const greedy = `
import json, os, urllib.error, urllib.request
said = []
try:
    while True:
        body = {'model': os.environ['OPENAI_MODEL'], 'messages': [{'role': 'user', 'content': 'What is %d + 1?' % len(said)}]}
        request = urllib.request.Request(os.environ['OPENAI_BASE_URL'] + '/chat/completions', json.dumps(body).encode())
        request.add_header('authorization', 'Bearer ' + os.environ['OPENAI_API_KEY'])
        said.append(json.load(urllib.request.urlopen(request))['choices'][0]['message']['content'])
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)['error']['code'], ' '.join(said))
`;
const suite = (source: string) => ({
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name: 'greedy', version: '1.0.0', title: 'Greedy' },
  sandbox: { memory: '128MiB', pids: 16, disk: '8MiB' },
  solver: {
    kind: 'agent-program',
    name: 'greedy-agent',
    command: ['python3', 'agent.py'],
    files: { 'agent.py': source },
    limits: { turns: 2, time: '60s' },
  },
  dataset: { samples: [{ id: 'only', input: 'Ask for more.', target: '429 insufficient_quota 1 2' }] },
  scorers: [{ kind: 'includes' }],
});

describe('an agent that drives itself', () => {
  beforeAll(() => allReady(), 90_000);

  it('is run by the command line with a model to use, scored, watched, and shown as what it is', async () => {
    const argv = ['run', 'agent-example', '--model', 'scripted/benign', '--no-start', '--json'];
    const { code, stdout, stderr } = await crucible(argv, { timeoutMs: 120_000 });
    expect(code, stderr).toBe(0);
    const result = jsonLines(stdout).at(-1);
    expect(result).toMatchObject({ status: 'completed', score: 1, trials: { total: 2, passed: 2 } });
    const id = String(result?.['evaluationId']);
    const shown = await crucibleJson<Shown>(['show', id]);
    expect(shown.evaluation.subject).toMatchObject({
      kind: 'agent',
      name: 'tiny-agent',
      model: 'scripted/benign',
      image: null,
      programDigest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(shown.evaluation.usage['modelCalls']).toBeGreaterThanOrEqual(4);
    expect(shown.trials.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ['contained', 'exit'],
      ['contained', 'exit'],
    ]);
    expect((await crucible(['list'])).stdout).toContain('tiny-agent (scripted/benign)');
    const entries = await history();
    expect(faultsOf(entries, id)).toEqual([]);
    expect(await differences(entries, [id])).toEqual([]);
  }, 150_000);

  it('is refused what is beyond its limit, and ends by that; it can be tried again', async () => {
    const file = writeSuite(suite(greedy));
    const { code, stdout, stderr } = await crucible([
      'run',
      file,
      '--model',
      'scripted/benign',
      '--no-start',
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    const result = jsonLines(stdout).at(-1);
    expect(result).toMatchObject({ status: 'completed', score: 1 });
    const id = String(result?.['evaluationId']);
    const { trials } = await crucibleJson<Shown>(['show', id]);
    expect(trials).toMatchObject([{ reason: 'turn-limit', verdict: 'contained', usage: { modelCalls: 2 } }]);
    const failing = writeSuite(suite('raise SystemExit(1)'));
    const first = jsonLines(
      (await crucible(['run', failing, '--model', 'scripted/benign', '--no-start', '--json'])).stdout,
    );
    const again = await crucible(['retry', String(first.at(-1)?.['evaluationId']), '--json']);
    expect(jsonLines(again.stdout).at(-1), again.stderr).toMatchObject({ status: 'completed', score: 0 });
  }, 150_000);

  it('is not run without a model, nor with one that is not there', async () => {
    const refusals = await Promise.all(
      [
        ['run', 'agent-example'],
        ['run', 'agent-example', '--model', 'scripted/nobody'],
      ].map((argv) => crucible([...argv, '--no-start'])),
    );
    expect(refusals.map(({ code }) => code)).toEqual([2, 2]);
    expect(refusals[0]?.stderr).toMatch(
      /runs an agent that uses a model \(solver agent-program\): name one with --model/,
    );
    expect(refusals[1]?.stderr).toMatch(/no model scripted\/nobody/);
  });
});
