import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { evaluationListSchema } from '@crucible/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Asked } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway, tinySuite } from './testing/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

const post = (path: string, body: unknown, headers: Asked['headers'] = {}): Promise<Answer> =>
  gateway.ask(path, { method: 'POST', body, headers });
const submit = (body: unknown, headers: Asked['headers'] = {}): Promise<Answer> =>
  post('/api/v1/evaluations', body, headers);
const json = { 'content-type': 'application/json' };
const pointersOf = (answer: Answer): string[] =>
  (answer.json.errors as { pointer: string }[]).map(({ pointer }) => pointer);

describe('a body', () => {
  it.each([
    '{',
    '',
    'null',
    '[]',
    '"x"',
    '1',
    '{"suite":{"name":"tiny"}}}',
    '\u0000',
    '{"suite":{"name":"tiny"},"__proto__":{"x":1}}',
    `{"a":${'['.repeat(100_000)}`,
  ])('that is no request is a problem: %.40j', async (body) => {
    expectProblem(await submit(body, json), 400);
  });

  it('of another kind is a problem', async () => {
    expectProblem(await submit('suite=tiny', { 'content-type': 'application/x-www-form-urlencoded' }), 415);
    expectProblem(await submit('<suite/>', { 'content-type': 'text/xml' }), 415);
    expectProblem(await submit(Buffer.from([0xff, 0xfe]), json), 400);
  });

  it('that is too large is refused by its length, and by its bytes when it has none', async () => {
    expectProblem(await submit(Buffer.alloc(41 * 1024 ** 2, ' '), json), 413, 'too-large');
    const agent = new Agent({ keepAlive: true });
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { ...gateway.bearer, ...json, 'transfer-encoding': 'chunked' };
      const sending = httpRequest({
        host: '127.0.0.1',
        port: gateway.port,
        path: '/api/v1/evaluations',
        method: 'POST',
        headers,
        agent,
      });
      sending.on('response', (response) => (response.resume(), resolve(response.statusCode ?? 0))).on('error', reject);
      for (let sent = 0; sent < 48; sent += 1) sending.write(Buffer.alloc(1024 ** 2, ' '));
      sending.end();
    });
    agent.destroy();
    expect(status).toBe(413);
    expect((await gateway.ask('/healthz')).status).toBe(200);
  });

  it('with a suite that is too large with everything in it is refused with the size', async () => {
    const samples = Array.from({ length: 66 }, (_, index) => ({
      id: `s${index}`,
      input: { language: 'python', source: `#${'x'.repeat(510 * 1024)}` },
    }));
    const answer = expectProblem(await submit({ suite: { ...tinySuite, dataset: { samples } } }), 413, 'too-large');
    expect(answer.json.detail).toContain('33554432');
  });
});

describe('a wrong field', () => {
  const wrong: [what: string, body: unknown, pointers: string[]][] = [
    ['no suite', {}, ['/suite']],
    ['a suite that is a text', { suite: 'tiny' }, ['/suite']],
    ['a name that is a number', { suite: { name: 5 } }, ['/suite/name']],
    ['a name with something beside it', { suite: { name: 'tiny', version: '1.0.0' } }, ['/suite/version']],
    ['an empty suite', { suite: {} }, ['/suite/name']],
    [
      'an inline suite without most of it',
      { suite: { apiVersion: 'crucible/v1', kind: 'Suite' } },
      ['/suite/metadata', '/suite/dataset'],
    ],
    ['an inline suite with a strange key', { suite: { ...tinySuite, extra: 1 } }, ['/suite/extra']],
    ['a field deep inside', { suite: { ...tinySuite, sandbox: { pids: 'many' } } }, ['/suite/sandbox/pids']],
    [
      'a sample deep inside',
      { suite: { ...tinySuite, dataset: { samples: [{ id: 'a', input: { language: 'perl', source: 'x' } }] } } },
      ['/suite/dataset/samples/0/input/language'],
    ],
    [
      'a file that is a number',
      {
        suite: {
          ...tinySuite,
          dataset: { samples: [{ id: 'a', input: { language: 'python', source: 'x' }, files: { 'a/b~c': 5 } }] },
        },
      },
      ['/suite/dataset/samples/0/files/a~1b~0c'],
    ],
    ['too much at once', { suite: { name: 'tiny' }, concurrency: 100_000 }, ['/concurrency']],
    ['a strange key', { suite: { name: 'tiny' }, concurency: 1 }, ['/concurency']],
    [
      'more memory than there is',
      { suite: { ...tinySuite, sandbox: { memory: '900GiB' } } },
      ['/suite/sandbox/memory'],
    ],
    [
      'more processors, time and disk than allowed',
      { suite: { ...tinySuite, sandbox: { cpu: 64, wallTime: '9999h', disk: '1GiB', pids: 1e9 } } },
      ['/suite/sandbox/cpu', '/suite/sandbox/pids', '/suite/sandbox/wallTime'],
    ],
    [
      'a path out of the box',
      {
        suite: {
          ...tinySuite,
          dataset: {
            samples: [{ id: 'a', input: { language: 'python', source: 'x' }, files: { '../../etc/passwd': 'x' } }],
          },
        },
      },
      ['/suite/dataset/samples/0/files/..~1..~1etc~1passwd'],
    ],
    [
      'the same sample twice',
      { suite: { ...tinySuite, dataset: { samples: [...tinySuite.dataset.samples, ...tinySuite.dataset.samples] } } },
      ['/suite/dataset/samples/1/id'],
    ],
  ];
  it.each(wrong)('is named by its pointer: %s', async (_, body, pointers) => {
    const answer = expectProblem(await submit(body), 400, 'invalid-request');
    for (const pointer of pointers) expect(pointersOf(answer)).toContain(pointer);
    for (const pointer of pointersOf(answer))
      expect(pointer).toMatch(new RegExp(`^${pointers[0]?.split('/').slice(0, 2).join('/')}`));
  });

  it('is explained with the remedy', async () => {
    const answer = await submit({ suite: { ...tinySuite, sandbox: { memroy: '64MiB', pids: 1_000 } } });
    expect(answer.json.errors).toEqual(
      expect.arrayContaining([
        { pointer: '/suite/sandbox/memroy', detail: expect.stringContaining('did you mean memory?') },
        { pointer: '/suite/sandbox/pids', detail: 'is more than the profile strict allows: at most 512' },
      ]),
    );
  });

  it('is more than the profile allows, which only an operator can make looser, by name', async () => {
    const submitted = (sandbox: object) => submit({ suite: { ...tinySuite, sandbox } });
    expect((await submitted({ memory: '4GiB' })).status).toBe(400);
    expect((await submitted({ profile: 'lab', memory: '4GiB' })).status).toBe(202);
    const beyond = expectProblem(await submitted({ profile: 'lab', memory: '5GiB' }), 422, 'beyond-profile');
    expect(pointersOf(beyond)).toEqual(['/suite/sandbox/memory']);
    const unknown = expectProblem(await submitted({ profile: 'loose' }), 422, 'unknown-profile');
    expect(pointersOf(unknown)).toEqual(['/suite/sandbox/profile']);
    expect(unknown.json.detail).toContain('there is strict, lab');
  });

  it('in great number is cut to what a person reads', async () => {
    const samples = Array.from({ length: 2_000 }, () => ({ id: 5 }));
    const answer = expectProblem(await submit({ suite: { ...tinySuite, dataset: { samples } } }), 400);
    expect(pointersOf(answer).length).toBe(50);
  });
});

describe('hostile names', () => {
  const hostile = 'a\u001b[31m\u0007\u202e\u0000<img src=x onerror=alert(1)>';
  it('are shown without their power, wherever they come back', async () => {
    const answers = [
      expectProblem(await submit({ suite: { name: hostile } }), 404, 'unknown-suite'),
      expectProblem(await submit({ suite: { name: 'tiny' }, [hostile]: 1 }), 400),
      expectProblem(await gateway.ask(`/api/v1/suites/${encodeURIComponent(hostile)}`), 404),
      expectProblem(await gateway.ask(`/api/v1/evaluations/${encodeURIComponent(hostile)}`), 400),
      expectProblem(await gateway.ask(`/api/v1/evaluations?status=${encodeURIComponent(hostile)}`), 400),
      expectProblem(
        await gateway.ask(`/api/v1/evaluations/${randomUUID()}/trials/${encodeURIComponent(hostile)}`),
        404,
      ),
    ];
    for (const { json: body } of answers) expect(JSON.stringify(body)).not.toMatch(/\\u001b|\\u0007|\\u0000|\u202e/);
  });

  it('do not leave the suites folder', async () => {
    for (const name of ['../suites/tiny', '..', '.', '/etc', 'tiny/..', 'tiny\u0000', 'TINY', 'x'.repeat(65)]) {
      const answer = await submit({ suite: { name } });
      expect([400, 404]).toContain(answer.status);
    }
  });

  it('are refused where a suite brings them', async () => {
    expectProblem(await submit({ suite: { ...tinySuite, metadata: { ...tinySuite.metadata, title: hostile } } }), 400);
    expectProblem(
      await submit({
        suite: { ...tinySuite, dataset: { samples: [{ ...tinySuite.dataset.samples[0], id: 'a\nb' }] } },
      }),
      400,
    );
  });

  it('do not stop the read model: a reason may be any text', async () => {
    const { id } = (await submit({ suite: { name: 'tiny' } })).json;
    const reason = 'a\u0000b\ud800c\u001b[2J';
    const { position } = (await post(`/api/v1/evaluations/${id}/cancel`, { reason })).json;
    const answer = await gateway.ask(`/api/v1/evaluations/${id}?position=${position}`);
    expect(answer.json.evaluation).toMatchObject({ status: 'cancelling', cancelReason: reason });
  });
});

describe('suites', () => {
  it('are listed, with what is wrong with those that are', async () => {
    const { items } = (await gateway.ask('/api/v1/suites')).json;
    expect(items).toMatchObject([
      { name: 'broken', invalid: [expect.stringMatching(/suite\.yaml/)] },
      { name: 'tiny', samples: 1, invalid: null },
    ]);
    expect((await gateway.ask('/api/v1/suites/tiny')).json.metadata.name).toBe('tiny');
    expectProblem(await gateway.ask('/api/v1/suites/none'), 404);
    expectProblem(await gateway.ask('/api/v1/suites/broken'), 422, 'invalid-suite');
    expectProblem(await submit({ suite: { name: 'broken' } }), 422, 'invalid-suite');
  });

  it('are read again when a file deep in their folder changed', async () => {
    const folder = join(gateway.home, 'suites/filed');
    mkdirSync(join(folder, 'data'), { recursive: true });
    const samples = [
      { id: 'one', input: { language: 'python', source: 'x' }, files: { 'a.txt': { file: 'data/a.txt' } } },
    ];
    writeFileSync(join(folder, 'data/a.txt'), 'before');
    writeFileSync(
      join(folder, 'suite.yaml'),
      JSON.stringify({ ...tinySuite, metadata: { ...tinySuite.metadata, name: 'filed' }, dataset: { samples } }),
    );
    expect((await gateway.ask('/api/v1/suites/filed')).json.dataset.samples[0].files).toEqual({ 'a.txt': 'before' });
    writeFileSync(join(folder, 'data/a.txt'), 'behind');
    expect((await gateway.ask('/api/v1/suites/filed')).json.dataset.samples[0].files).toEqual({ 'a.txt': 'behind' });
    rmSync(folder, { recursive: true });
    expectProblem(await gateway.ask('/api/v1/suites/filed'), 404);
  });
});

describe('reading', () => {
  it('waits for the position it is asked for, and says when it does not come', async () => {
    const accepted = (await submit({ suite: { name: 'tiny' } })).json;
    const own = await gateway.ask(`/api/v1/evaluations/${accepted.id}?position=${accepted.position}`);
    expect(own.json.position).toBeGreaterThanOrEqual(accepted.position);
    const started = Date.now();
    expectProblem(
      await gateway.ask(`/api/v1/evaluations/${accepted.id}?position=999999999`),
      409,
      'position-not-reached',
    );
    expect(Date.now() - started).toBeLessThan(7_000);
  });

  it.each([
    'position=-1',
    'position=1.5',
    'position=x',
    'position=1&position=2',
    'pos=1',
    'position=99999999999999999999',
  ])('refuses ?%s', async (query) => {
    expectProblem(await gateway.ask(`/api/v1/evaluations/${randomUUID()}?${query}`), 400, 'invalid-request');
  });

  it.each([
    'limit=0',
    'limit=501',
    'limit=x',
    'status=done',
    'cursor=%21',
    'cursor=MS4y',
    `cursor=${'x'.repeat(201)}`,
    'sort=score',
    'suite=a&suite=b',
  ])('refuses a list with ?%s', async (query) => {
    expectProblem(await gateway.ask(`/api/v1/evaluations?${query}`), 400);
  });

  it.each(['outcome=good', 'latest=perhaps', 'limitHit=luck', 'limit=1e9', 'cursor=MQ'])(
    'refuses trials with ?%s',
    async (query) => {
      const { id, position } = (await submit({ suite: { name: 'tiny' } })).json;
      await gateway.reached(id, position);
      expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials?${query}`), 400);
    },
  );

  it('finds only what is there', async () => {
    const { id, position } = (await submit({ suite: { name: 'tiny' } })).json;
    await gateway.reached(id, position);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${randomUUID()}`), 404);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id.toUpperCase()}`), 400);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials/0-1-1`), 404);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials/x`), 400);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${randomUUID()}/trials`), 404);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials/0-1-1/output`), 404);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials/0-1-1/output.txt`), 404);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials/0-1-1/output/stream`), 404);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${randomUUID()}/stream`), 404);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${randomUUID()}/suite`), 404);
    const suite = await gateway.ask(`/api/v1/evaluations/${id}/suite`);
    expect(suite.json).toEqual((await gateway.ask('/api/v1/suites/tiny')).json);
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials/0-1-1/output?after=-1`), 400);
  });

  it.each(['abc', '-1', '1.5', '99999999999999999999', '1;2'])('refuses the Last-Event-ID %j', async (id) => {
    expectProblem(await gateway.ask('/api/v1/stream', { headers: { 'last-event-id': id } }), 400, 'bad-last-event-id');
    expectProblem(await gateway.ask(`/api/v1/stream?after=${encodeURIComponent(id)}`), 400, 'bad-last-event-id');
  });

  it('gives a trial without the suite it was run from a problem that says so', async () => {
    const { id } = await gateway.submit();
    await gateway.reached(id, await gateway.dispatch(id));
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials/0-1-1`), 404, 'content-missing');
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/suite`), 404, 'content-missing');
  });

  it('pages through everything once, newest first', async () => {
    const { position, id } = (await submit({ suite: { name: 'tiny' } })).json;
    await gateway.reached(id, position);
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const page = evaluationListSchema.parse(
        (await gateway.ask(`/api/v1/evaluations?limit=3&suite=tiny${cursor}`)).json,
      );
      seen.push(...page.items.map((item) => item.id));
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(seen[0]).toBe(id);
    expect(new Set(seen).size).toBe(seen.length);
    const all = (await gateway.ask('/api/v1/evaluations?limit=500&suite=tiny')).json;
    expect(seen).toEqual(all.items.map((item: { id: string }) => item.id));
  });
});

describe('anything else', () => {
  it.each(['PUT', 'PATCH', 'DELETE'])('%s of what is there is a problem', async (method) => {
    expectProblem(await gateway.ask('/api/v1/evaluations', { method }), 404);
  });

  it('that a router could stumble on is a problem, and no failure of ours', async () => {
    const paths = [
      '/api/v1/evaluations/%00',
      '/api/v1/suites/%2e%2e',
      '/api/v1/suites/%ff',
      `/api/v1/suites/${'x'.repeat(5_000)}`,
      '/api/v1/evaluations?limit[]=1',
      '/api/v1/evaluations?__proto__[x]=1',
      '/api/v1/evaluations?constructor=1',
    ];
    for (const path of paths) {
      const answer = await gateway.ask(path);
      expect(answer.status, path).toBeGreaterThanOrEqual(400);
      expect(answer.status, path).toBeLessThan(500);
    }
    expect(gateway.output).not.toContain('request failed');
  });
});
