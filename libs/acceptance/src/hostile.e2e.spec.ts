import { createHash } from 'node:crypto';
import { get } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { endOf, evaluationOf, outputOf, post, problemOf, request, submit, trialsOf } from './support/api.ts';
import { allReady, crucible, pids } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { hostFacts } from './support/host.ts';
import { sample, suiteOf, writeSuite } from './support/suites.ts';
import { escapes } from './support/text.ts';
import { waitFor } from './support/wait.ts';

const MiB = 1024 ** 2;

/** What a browser gets that was led here under another name, which is how a foreign page gets around its origin. */
const statusUnderName = (host: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const headers = { host, authorization: `Bearer ${platform().token}` };
    get(`${platform().url}/api/v1/evaluations`, { headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject);
  });
let before: Awaited<ReturnType<typeof hostFacts>>;
let pidsBefore: Record<string, number>;
beforeAll(async () => {
  await allReady();
  // One after the other: asking for pids is itself a process for a moment.
  pidsBefore = await pids();
  before = await hostFacts();
});

describe('a hundred megabytes of output', () => {
  const flood = (ending: string) =>
    `import sys\nline = b"x" * 1048575 + ${ending}\nfor _ in range(100):\n    sys.stdout.buffer.write(line)\n`;
  const sandbox = { output: '64MiB', wallTime: '60s', memory: '128MiB' } as const;
  let id: string;
  beforeAll(async () => {
    const samples = [sample('with-lines', flood('b"\\n"')), sample('one-line', flood('b"y"'))];
    id = (await submit({ suite: suiteOf(samples, { sandbox, concurrency: 2 }) })).id;
    await endOf(id, 120_000);
  }, 150_000);

  it.each(['with-lines', 'one-line'])(
    'are cut at the limit (%s), and what was kept is a download of exactly that',
    async (sampleId) => {
      const trial = (await trialsOf(id)).find((each) => each.sampleId === sampleId);
      expect(trial).toMatchObject({
        reason: 'output-limit',
        outcome: 'failed',
        limitsHit: expect.arrayContaining(['output']) as string[],
        verdict: 'contained',
      });
      const { bytes, headers } = await outputOf(id, trial?.id ?? '');
      const seal = trial?.evidence.find(({ channel }) => channel === 'output');
      expect(bytes.length).toBeGreaterThanOrEqual(64 * MiB);
      expect(bytes.length).toBeLessThan(64 * MiB + 4_096);
      expect(bytes.length).toBe(seal?.bytes);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(seal?.sha256);
      expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect(headers.get('content-disposition')).toMatch(/^attachment; /);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    },
  );
});

describe('names and output that want to be obeyed', () => {
  const nasty = [
    'import ctypes, os, subprocess, sys',
    'out = sys.stdout.buffer',
    'out.write(bytes(range(256)) * 2 + b"\\n")',
    'out.write(b"\\x1b[2J\\x1b[31mred\\x1b]0;owned\\x07\\x1b]8;;http://evil\\x1b\\\\link\\r overwritten\\n")',
    'out.write(b"\\xff\\xfe\\xc0\\x80\\xed\\xa0\\x80 invalid\\n")',
    'out.write("\\u202egnp.exe \\u2066\\u200b\\ufeff bidi\\n".encode())',
    'out.write(b"<script>alert(1)</script><img src=x onerror=alert(2)>\\n")',
    'out.flush()',
    'sys.stderr.buffer.write(b"\\x1b[Aerr\\x00\\n")',
    'ctypes.CDLL(None).prctl(15, b"\\x1b[31mname", 0, 0, 0)',
    'for path in [b"/etc/\\x1b[2Jshadow\\n", b"/root/<script>alert(3)</script>"]:',
    '    try: open(path, "w")',
    '    except OSError: pass',
    'try: subprocess.run(["/bin/\\x1b[31mexec\\n<b>"])',
    'except OSError: pass',
    'sys.exit(1)',
  ].join('\n');
  const htmlId = '<img src=x onerror=alert(1)> "quoted" & more';
  const suite = suiteOf([sample(htmlId, nasty), sample('../../etc/passwd', 'print(1)'), sample('💥 ünï', 'print(1)')], {
    name: 'hostile-names',
    title: '<script>document.title="owned"</script>',
  });
  let id: string;
  let shown: string;
  beforeAll(async () => {
    const ran = await crucible(['run', writeSuite(suite), '--no-start']);
    expect(ran.code).toBe(1);
    shown = ran.stdout + ran.stderr;
    id = /evaluations\/([0-9a-f-]{36})/.exec(shown)?.[1] ?? '';
  });

  it('steer no terminal: not by run, show, list, logs or a trial’s output', async () => {
    const said = await Promise.all([
      crucible(['show', id]),
      crucible(['show', id, '--trial', htmlId]),
      crucible(['show', id, '--trial', htmlId, '--output']),
      crucible(['list']),
      crucible(['logs', '-n', '2000']),
    ]);
    expect(said.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(said[2]?.stdout).toContain('␛[2J␛[31mred');
    expect(said[2]?.stdout).toContain('<script>alert(1)</script>');
    for (const text of [shown, ...said.flatMap(({ stdout, stderr }) => [stdout, stderr])])
      expect(escapes(text)).toEqual([]);
  });

  it('are kept byte for byte, and given as a download only', async () => {
    const [trial] = await trialsOf(id);
    const { bytes, headers } = await outputOf(id, trial?.id ?? '');
    expect(bytes.includes(Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80]))).toBe(true);
    expect(bytes.includes(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)))).toBe(true);
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="[a-z0-9.-]+"$/);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('are in no answer of the API as anything but JSON, and in no finding as control characters', async () => {
    const response = await request(`/api/v1/evaluations/${id}/trials`);
    expect(response.headers.get('content-type')).toContain('application/json');
    const [trial, ...others] = await trialsOf(id);
    expect(trial).toMatchObject({ sampleId: htmlId, outcome: 'failed', verdict: 'attempted' });
    expect(trial?.findings.flatMap(escapes)).toEqual([]);
    expect(others.map(({ outcome }) => outcome)).toEqual(['passed', 'passed']);
  });

  it.each([
    ['a sample’s id', suiteOf([sample('\u001b[31mred', 'print(1)')])],
    ['a title', suiteOf([sample('a', 'print(1)')], { title: 'line\u0007bell' })],
    ['an id that reads backwards', suiteOf([sample('a\u202eb', 'print(1)')])],
  ])('are refused with control characters in %s, and the refusal has none', async (_, bad) => {
    const { code, stderr } = await crucible(['run', writeSuite(bad), '--no-start']);
    expect(code).toBe(2);
    expect(stderr).toContain('one line without control characters');
    expect(escapes(stderr)).toEqual([]);
    const refused = await post('/api/v1/evaluations', { suite: bad });
    expect(refused.status).toBe(400);
    expect((await problemOf(refused)).errors?.length).toBeGreaterThan(0);
  });
});

describe('requests that want too much', () => {
  const chunks = (mebibytes: number): ReadableStream<Uint8Array> => {
    const chunk = new Uint8Array(MiB).fill(0x20);
    let sent = 0;
    return new ReadableStream({
      pull: (controller) => {
        sent += 1;
        if (sent > mebibytes) controller.close();
        else controller.enqueue(chunk);
      },
    });
  };
  const json = { 'content-type': 'application/json' };

  it('are refused by size, told beforehand or not', async () => {
    const told = await post('/api/v1/evaluations', { suite: 'x'.repeat(60 * MiB) });
    expect(told.status).toBe(413);
    await problemOf(told);
    // Without a length the gateway may close the connection while we still send: either way it is over.
    const untold = await request('/api/v1/evaluations', {
      method: 'POST',
      body: chunks(300),
      duplex: 'half',
      headers: json,
    }).catch(() => null);
    expect([413, undefined]).toContain(untold?.status);
  });

  it.each([
    ['no JSON', '{"suite": '],
    ['another shape', '[1, 2, 3]'],
    ['a suite it does not have', '{"suite": {"name": "no-such-suite"}}'],
    ['a name that is a path', '{"suite": {"name": "../../etc"}}'],
    ['a hundred thousand brackets', `{"suite": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a prototype', '{"suite": {"name": "first-contact"}, "__proto__": {"concurrency": 9}}'],
  ])('are refused with a problem for %s', async (_, body) => {
    const refused = await request('/api/v1/evaluations', { method: 'POST', body, headers: json });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.status).toBeLessThan(500);
    await problemOf(refused);
  });

  it('are refused when over a limit, each with its place and in the platform’s words', async () => {
    const sandbox = { memory: '512GiB', wallTime: '900h', cpu: 64 } as const;
    const refused = await post('/api/v1/evaluations', { suite: suiteOf([sample('a', 'print(1)')], { sandbox }) });
    expect(refused.status).toBe(400);
    const { errors = [] } = await problemOf(refused);
    // A value may be over what any operator can allow, and over what the profile does: both are told.
    expect([...new Set(errors.map(({ pointer }) => pointer))].sort()).toEqual([
      '/suite/sandbox/cpu',
      '/suite/sandbox/memory',
      '/suite/sandbox/wallTime',
    ]);
  });

  it('are refused without the token, for every path but health, login and the hashes of the log', async () => {
    const ask = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${platform().url}${path}`, { headers, redirect: 'manual' });
    for (const path of [
      '/',
      '/submit',
      '/api/v1/evaluations',
      '/api/v1/stream',
      '/api/v1/openapi.json',
      '/api/docs',
      '/_app/version.json',
      '/audit',
      '/audit/tile/entries/000',
      '/audit/proof/1',
      '/audit/export',
      '/audit/status',
      // Another spelling of what is open is another address.
      '/audit/%63heckpoint',
      '/audit/tile/0/..%2fentries/000',
    ]) {
      expect((await ask(path)).status, path).toBe(401);
      expect((await ask(path, { authorization: 'Bearer wrong' })).status, path).toBe(401);
    }
    for (const path of ['/healthz', '/readyz']) expect((await ask(path)).status).toBe(200);
    const checkpoint = await ask('/audit/checkpoint');
    const size = Number((await checkpoint.text()).split('\n')[1]);
    const tile = `/audit/tile/0/000${size < 256 ? `.p/${size}` : ''}`;
    for (const path of ['/audit/checkpoint', '/audit/key', tile]) {
      const answer = await ask(path);
      expect(answer.status, path).toBe(200);
      // Of what was said nothing but its hash.
      expect(Buffer.from(await answer.arrayBuffer()).includes('crucible.events'), path).toBe(false);
      expect((await fetch(`${platform().url}${path}`, { method: 'POST' })).status, path).toBe(401);
    }
    expect((await (await ask(tile)).arrayBuffer()).byteLength).toBe(32 * Math.min(size, 256));
    expect(await statusUnderName(`evil.example:${platform().port}`)).toBe(421);
    expect(await statusUnderName(`localhost:${platform().port}`)).toBe(200);
  });
});

describe('after all of that', () => {
  it('the platform is as it was: the same processes, which still work', async () => {
    await allReady();
    expect(await pids()).toEqual(pidsBefore);
    const { id } = await submit({ suite: suiteOf([sample('still-works', 'print(1)')]) });
    await endOf(id);
    expect((await evaluationOf(id)).score).toBe(1);
  });

  it('the host is as it was: no process, mount, network, port or container more', async () => {
    await waitFor('the last sandbox to go', async () => (await hostFacts())['containers']?.length === 0);
    const atRest = async () => JSON.stringify(await hostFacts()) === JSON.stringify(before);
    await waitFor('the host to come to rest', atRest, 60_000).catch(() => undefined);
    expect(await hostFacts()).toEqual(before);
  });
});
