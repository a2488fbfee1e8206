import { strict } from '@crucible/domain';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DockerSandboxEngine } from '../engine.ts';
import { Opened, openSession, pause, sessionLimits, sessionSpec, testSessions } from './session.fixture.ts';

let engine: DockerSandboxEngine;
let opened: Opened;

beforeAll(() => void (engine = testSessions()));
beforeEach(async () => void (opened = await openSession(engine)));
afterEach(async () => void (await opened.session.close()));
afterAll(async () => {
  await engine.drain();
  expect(await engine.list()).toEqual([]);
});

describe('a call', () => {
  it('gets its arguments, input, environment and folder, and descriptors of nobody else', async () => {
    const source = `
import os, sys
print(sys.argv[1:], sys.stdin.read(), os.getcwd(), os.getuid(), os.environ['GIVEN'], os.environ['HOME'])
print(sorted(int(fd) for fd in os.listdir('/proc/self/fd')), [os.readlink('/proc/self/fd/%d' % fd).split(':')[0] for fd in (1, 2)])
print('to stderr', file=sys.stderr); sys.exit(3)`;
    const said = await opened.run(['python3', '-c', source, 'a b', '$HOME'], {
      stdin: Buffer.from('typed'),
      env: { GIVEN: 'value' },
      cwd: '/tmp',
    });
    expect(said).toMatchObject({
      outcome: { kind: 'exited', exitCode: 3 },
      err: 'to stderr\n',
      bytesDropped: 0,
      limitsHit: [],
    });
    expect(said.out).toBe(`['a b', '$HOME'] typed /tmp 65534 value /work\n[0, 1, 2, 3] ['pipe', 'pipe']\n`);
    expect(said.processId).toBeGreaterThan(1);
    expect(said.startedAt).toBeLessThanOrEqual(said.endedAt);
    expect(said.durationMs).toBeLessThanOrEqual(said.endedAt - said.startedAt + 1);
  });

  it('finds what the one before it left in files, and nothing of its variables or folder', async () => {
    await opened.sh('cd /tmp; export LEFT=1; echo kept > /work/kept; umask 077; ulimit -n 10');
    const said = await opened.sh('cat kept; pwd; echo "$LEFT"; umask; ulimit -n');
    expect(said.out).toBe('kept\n/work\n\n0022\n1024\n');
  });

  it.each([
    ['kill -TERM $$', { kind: 'signal', signal: 'SIGTERM' }],
    ['kill -SEGV $$', { kind: 'signal', signal: 'SIGSEGV' }],
    ['exit 137', { kind: 'exited', exitCode: 137 }],
    ['exec >&- 2>&-; exit 7', { kind: 'exited', exitCode: 7 }],
  ])('that ends by %j is told truly', async (script, outcome) => {
    expect((await opened.sh(script)).outcome).toEqual(outcome);
  });

  it('that cannot be run says why', async () => {
    expect(await opened.run(['no-such-program'])).toMatchObject({
      outcome: { kind: 'exited', exitCode: 127 },
      err: 'cannot run no-such-program: No such file or directory\n',
    });
    expect(await opened.run(['true'], { cwd: 'no-such-folder' })).toMatchObject({
      outcome: { kind: 'exited', exitCode: 127 },
      err: 'cannot work in /work/no-such-folder: No such file or directory\n',
    });
  });

  it.each([
    [{ argv: [] }, 'argv must name a program'],
    [{ cwd: 'a\0b' }, 'cwd must not hold a zero byte'],
    [{ env: { 'A=B': '' } }, 'environment variable name "A=B" is not valid'],
    [{ timeoutMsMax: 0 }, 'timeoutMsMax is 0, and the wall time of the sandbox allows 1 to 120000'],
    [{ outputBytesMax: 2 << 20 }, 'outputBytesMax is 2097152, and the output limit of the sandbox allows 1 to 1048576'],
  ])('is refused for %j', async (changes, why) => {
    expect((await opened.run(['true'], changes)).outcome).toEqual({ kind: 'refused', why });
    expect((await opened.run(['true'])).outcome).toEqual({ kind: 'exited', exitCode: 0 });
  });

  it('is killed at its time with all that came of it, and the next one runs', async () => {
    const said = await opened.sh('echo begun; (setsid sleep 500 &); sleep 500 & sleep 500', { timeoutMsMax: 700 });
    expect(said).toMatchObject({ outcome: { kind: 'timed-out' }, out: 'begun\n', limitsHit: ['wall-time'] });
    expect(said.durationMs).toBeGreaterThanOrEqual(700);
    expect((await opened.sh('ps -e -o comm=')).out).not.toContain('sleep');
  });

  it('is killed at its bound on output, and has written exactly so much', async () => {
    const said = await opened.sh('yes 123456789', { outputBytesMax: 10_001 });
    expect(said).toMatchObject({ outcome: { kind: 'output-limit' }, limitsHit: ['output'] });
    expect(said.out.length + said.err.length).toBe(10_001);
    expect(said.bytesDropped).toBeGreaterThan(0);
    expect((await opened.run(['echo', 'on'])).out).toBe('on\n');
  });

  it('may write all it is allowed to, in one line that is no text, and every byte arrives', async () => {
    const big = await openSession(engine, { limits: { ...sessionLimits, outputBytesMax: 64 << 20 } });
    const said = await big.python('import os\nfor i in range(400): os.write(1, bytes([i % 256]) * 65536)', {
      outputBytesMax: 64 << 20,
    });
    expect(said).toMatchObject({ outcome: { kind: 'exited', exitCode: 0 }, bytesDropped: 0 });
    expect(said.out.length).toBe(400 * 65_536);
    expect(said.out.charCodeAt(65_536 * 300)).toBe(300 % 256);
    await big.session.close();
  });

  it('reads a large input', async () => {
    const stdin = Buffer.alloc(5_000_000, 'abcdefg\n');
    expect((await opened.run(['wc', '-c'], { stdin })).out.trim()).toBe('5000000');
  });

  it('is heard while it runs', async () => {
    const heard: string[] = [];
    let firstAt = 0;
    const said = await opened.sh('echo one; sleep 1; echo two', {
      onOutput: ({ bytes }) => {
        firstAt ||= Date.now();
        heard.push(Buffer.from(bytes).toString());
      },
    });
    expect(heard.join('')).toBe('one\ntwo\n');
    expect(said.endedAt - firstAt).toBeGreaterThan(500);
  });

  it('can be killed by itself', async () => {
    const running = opened.sh('echo up; sleep 500', { id: 'one' });
    await pause(500);
    opened.session.killCall('one');
    opened.session.killCall('none');
    expect(await running).toMatchObject({ outcome: { kind: 'killed' }, out: 'up\n' });
    expect((await opened.run(['echo', 'on'])).out).toBe('on\n');
  });
});

describe('calls at once', () => {
  it('are kept apart, and bounded', async () => {
    const calls = Array.from({ length: 10 }, (_, at) => opened.sh(`echo ${at}; echo e${at} >&2; sleep 1; exit ${at}`));
    const ends = await Promise.all(calls);
    for (const [at, end] of ends.slice(0, 8).entries()) {
      expect(end).toMatchObject({ outcome: { kind: 'exited', exitCode: at }, out: `${at}\n`, err: `e${at}\n` });
    }
    for (const end of ends.slice(8)) expect(end.outcome).toEqual({ kind: 'refused', why: '8 calls run already' });
    const [first, again] = [opened.sh('sleep 0.5', { id: 'same' }), opened.sh('true', { id: 'same' })];
    expect((await again).outcome).toEqual({ kind: 'refused', why: 'a call with the id "same" runs already' });
    expect((await first).outcome).toEqual({ kind: 'exited', exitCode: 0 });
  });

  it('do not pay for each other: one times out, the other does not notice', async () => {
    const [slow, other] = await Promise.all([
      opened.sh('sleep 500', { timeoutMsMax: 500 }),
      opened.sh('(sleep 0.8; echo child) & sleep 1.5; echo done'),
    ]);
    expect(slow.outcome).toEqual({ kind: 'timed-out' });
    expect(other).toMatchObject({ outcome: { kind: 'exited', exitCode: 0 }, out: 'child\ndone\n' });
  });
});

describe('what a call leaves running', () => {
  it('lives on, is counted, may go on writing, and outlives the time-out of a later call', async () => {
    const first = await opened.sh('(sleep 1; echo late; sleep 500) & setsid sleep 501 & echo begun', { id: 'first' });
    expect(first).toMatchObject({ outcome: { kind: 'exited', exitCode: 0 }, out: 'begun\n' });
    expect(first.tasksLeft).toBeGreaterThanOrEqual(2);
    expect(first.durationMs).toBeLessThan(1_000);
    const later = await opened.sh('(setsid sleep 502 &); sleep 503', { timeoutMsMax: 2_000 });
    expect(later.outcome).toEqual({ kind: 'timed-out' });
    const seen = (await opened.sh('ps -e -o args=')).out;
    expect(seen).toContain('sleep 500');
    expect(seen).toContain('sleep 501');
    expect(seen).not.toMatch(/sleep 50[23]/);
    const late = opened.chunks.filter(({ late }) => late);
    expect(late.map(({ callId, bytes }) => [callId, Buffer.from(bytes).toString()])).toEqual([['first', 'late\n']]);
  });

  it('is held to the bound on output of its call, and ends nobody', async () => {
    const said = await opened.sh('(sleep 0.3; yes) & true', { outputBytesMax: 100_000 });
    expect(said.outcome).toEqual({ kind: 'exited', exitCode: 0 });
    await pause(2_500);
    expect((await opened.run(['echo', 'on'])).out).toBe('on\n');
    const end = await opened.session.close();
    // On a machine that is free it uses up its core as well.
    expect(end).toMatchObject({
      reason: 'exit',
      exitCode: 0,
      limitsHit: expect.arrayContaining(['output']) as string[],
    });
    expect(end.output.bytes).toBe(100_000 + 'on\n'.length);
    expect(end.output.dropped).toBeGreaterThan(100_000);
  });
});

describe('files', () => {
  it('are written and read as they are', async () => {
    const { session } = opened;
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
    expect(await session.writeFile('/work/a/b/big.bin', content, 0o640)).toEqual({ kind: 'written' });
    expect((await opened.sh('stat -c "%a %s %u" a/b/big.bin')).out).toBe('640 300000 65534\n');
    expect(await session.readFile('./a/b/big.bin', 300_000)).toEqual({ kind: 'read', content, sizeBytes: 300_000 });
    const cut = await session.readFile('a/b/big.bin', 10);
    expect(cut).toEqual({ kind: 'read', content: content.subarray(0, 10), sizeBytes: 300_000 });
    expect(await session.writeFile('a/b/big.bin', Buffer.from('short'), 0o600)).toEqual({ kind: 'written' });
    expect((await opened.run(['cat', 'a/b/big.bin'])).out).toBe('short');
    expect(await session.writeFile('empty', new Uint8Array(), 0o644)).toEqual({ kind: 'written' });
    expect(await session.readFile('empty', 5)).toMatchObject({ kind: 'read', sizeBytes: 0 });
  });

  it('that are not there or do not fit are told of', async () => {
    const { session } = opened;
    expect(await session.readFile('none', 5)).toEqual({ kind: 'refused', why: 'No such file or directory' });
    expect(await session.readFile('/etc/passwd', 5)).toMatchObject({ kind: 'refused' });
    expect(await session.readFile('a/../../etc/passwd', 5)).toMatchObject({ kind: 'refused' });
    expect(await session.writeFile('x', Buffer.alloc(17 << 20), 0o644)).toMatchObject({ kind: 'refused' });
    await opened.sh('head -c 12000000 /dev/zero > filler');
    expect(await session.writeFile('y', Buffer.alloc(8 << 20), 0o644)).toEqual({
      kind: 'refused',
      why: 'No space left on device',
    });
    expect((await opened.run(['echo', 'on'])).out).toBe('on\n');
  });

  it('are all in a snapshot, but for what is no file and what does not fit', async () => {
    await opened.sh(
      `mkdir -p d/e locked; echo 1 > d/e/one; echo 2 > two; chmod 750 two; head -c 5000 /dev/zero > big; mkfifo pipe
ln -s /etc/passwd out; ln -s two in; ln -s / root; echo x > "$(printf 'bad\\377')"
echo 3 > locked/three; chmod 000 locked/three locked .; sleep 500 &`,
    );
    const taken = await opened.session.snapshot({ bytesMax: 1_000, still: true });
    if (taken.kind !== 'taken') throw new Error(taken.kind);
    expect(taken.complete).toBe(true);
    expect(taken.files.map(({ path, mode, content }) => [path, mode, Buffer.from(content).toString()])).toEqual([
      ['d/e/one', 0o644, '1\n'],
      // Whatever its owner closed to hide it.
      ['locked/three', 0o000, '3\n'],
      ['two', 0o750, '2\n'],
    ]);
    expect(Object.fromEntries(taken.leftOut.map(({ path, why }) => [path as unknown as string, why]))).toEqual({
      big: 'too-big',
      pipe: 'special',
      out: 'link',
      in: 'link',
      root: 'link',
      'bad\ufffd': 'name',
    });
    expect((await opened.sh('ps -e -o comm=')).out).not.toContain('sleep');
  });
});

describe('a session', () => {
  it('ends well when it is closed, killing what runs', async () => {
    const running = opened.sh('echo up; sleep 500');
    await pause(500);
    const end = await opened.session.close();
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0, signal: null, limitsHit: [], error: null });
    expect(await running).toMatchObject({ outcome: { kind: 'killed' }, out: 'up\n' });
    expect((await opened.run(['true'])).outcome).toEqual({ kind: 'sandbox-gone' });
    expect(await opened.session.readFile('x', 1)).toEqual({ kind: 'sandbox-gone' });
  });

  it('tells what it uses, also while nothing runs', async () => {
    await opened.sh('head -c 1000000 /dev/zero > made');
    await pause(3_500);
    expect(opened.usage.length).toBeGreaterThanOrEqual(2);
    expect(opened.usage.at(-1)).toMatchObject({ tasks: 0 });
    expect(opened.usage.at(-1)?.diskBytes).toBeGreaterThanOrEqual(1_000_000);
  });

  it('is not opened with a spec that cannot be', async () => {
    const few = { ...sessionLimits, filesOpenMax: 64 };
    const spec = sessionSpec({ limits: few });
    const prepared = await engine.prepare({ image: spec.image, profile: strict, limits: few });
    const session = engine.open(prepared, spec, { onOutput: () => undefined });
    const end = await session.ended;
    expect(end).toMatchObject({ reason: 'engine-failure' });
    expect(end.error).toContain('filesOpenMax is 64, and a session needs at least 128');
    const again = await engine.open(prepared, sessionSpec(), { onOutput: () => undefined }).close();
    expect(again.error).toContain('used or discarded before');
  });

  it('ends as a failure when its output cannot be kept', async () => {
    const spec = sessionSpec();
    const prepared = await engine.prepare({ image: spec.image, profile: strict, limits: spec.limits });
    const session = engine.open(prepared, spec, { onOutput: () => Promise.reject(new Error('the store is full')) });
    const request = { id: '1', stdin: null, env: {}, cwd: '', timeoutMsMax: 5_000, outputBytesMax: 1_000 };
    expect((await session.exec({ ...request, argv: ['echo', 'x'] })).outcome).toEqual({ kind: 'sandbox-gone' });
    expect(await session.ended).toMatchObject({
      reason: 'engine-failure',
      error: 'output was lost: the store is full',
    });
  });

  it('runs a thousand small calls and is as it was', async () => {
    const initKiB = async (): Promise<number> =>
      Number(/(\d+) kB/.exec((await opened.run(['grep', 'VmRSS', '/proc/1/status'])).out)?.[1]);
    await opened.run(['true']);
    const before = opened.usage.length;
    const initBefore = await initKiB();
    for (let round = 0; round < 100; round += 1) {
      const ends = await Promise.all(
        Array.from({ length: 10 }, (_, at) => (at < 5 ? opened.run(['echo', `${round}`]) : null)),
      );
      for (const end of ends) if (end !== null) expect(end.out).toBe(`${round}\n`);
      for (let at = 0; at < 5; at += 1)
        expect((await opened.run(['true'])).outcome).toEqual({ kind: 'exited', exitCode: 0 });
    }
    expect(opened.usage.length).toBeGreaterThan(before);
    const said = await opened.python(`
import os
print(len([name for name in os.listdir('/proc') if name.isdigit()]), len(os.listdir('/proc/1/fd')))`);
    const [processes = 0, descriptors = 0] = said.out.split(' ').map(Number);
    expect(processes).toBeLessThanOrEqual(3);
    // Its three, the signals, and those of a call and of what waits to be one.
    expect(descriptors).toBeLessThanOrEqual(12);
    await pause(2_200);
    expect((await initKiB()) - initBefore).toBeLessThan(2 << 10);
    // gVisor's own: it keeps some 35 KiB of each process that was, for as long as the sandbox is there.
    const memory = opened.usage.flatMap(({ memoryBytes }) => memoryBytes ?? []);
    expect((memory.at(-1) ?? 0) - (memory[0] ?? 0)).toBeLessThan(64 << 20);
    expect(await opened.session.close()).toMatchObject({ reason: 'exit', exitCode: 0 });
  }, 180_000);
});
