import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineClient } from '../engine-client.ts';
import type { DockerSandboxEngine } from '../engine.ts';
import { testEngine } from '../sandbox.fixture.ts';
import { openSession, pause, sessionLimits, testSessions, until, type Opened } from './session.fixture.ts';

let engine: DockerSandboxEngine;

beforeAll(() => void (engine = testSessions()));
afterAll(async () => {
  await engine.drain();
  expect(await engine.list()).toEqual([]);
});

const signalAll = (signal: string): string => `
import os, signal
for name in os.listdir('/proc'):
    if name.isdigit() and int(name) not in (1, os.getpid()): os.kill(int(name), signal.${signal})
print('done')`;

const stillRuns = async (opened: Opened): Promise<void> =>
  expect(await opened.run(['echo', 'on'])).toMatchObject({
    outcome: { kind: 'exited', exitCode: 0 },
    out: 'on\n',
    err: '',
  });

describe('a guest against the calls to come', () => {
  it('may end or stop what waits to become one, and they run all the same', async () => {
    const opened = await openSession(engine);
    await stillRuns(opened);
    expect((await opened.sh('kill -9 -1; echo done')).out).toBe('done\n');
    await stillRuns(opened);
    for (const signal of ['SIGSTOP', 'SIGKILL', 'SIGTERM']) {
      expect((await opened.python(signalAll(signal))).out).toBe('done\n');
      await stillRuns(opened);
    }
    expect(await opened.session.close()).toMatchObject({ reason: 'exit', exitCode: 0 });
  });

  it('may stop itself, and is ended at its time', async () => {
    const opened = await openSession(engine);
    expect((await opened.sh('kill -STOP $$', { timeoutMsMax: 800 })).outcome).toEqual({ kind: 'timed-out' });
    await stillRuns(opened);
    await opened.session.close();
  });

  it.each([
    ['that forks', 'os.fork()'],
    ['whose children leave their session', 'os.fork() or os.setsid()'],
    ['whose children leave their parents', 'os.fork() or (os.setsid(), os.fork() and os._exit(0))'],
  ])('is swept away at its time, if it is a bomb %s', async (_, bomb) => {
    const opened = await openSession(engine);
    const source = `
import os
while True:
    try: ${bomb}
    except OSError: pass`;
    const said = await opened.python(source, { timeoutMsMax: 2_000 });
    expect(['timed-out', 'killed']).toContain(said.outcome.kind);
    expect(said.limitsHit).toContain('pids');
    await stillRuns(opened);
    // Init and this: the dead may take a moment to be buried.
    await until(async () => (await opened.sh('echo /proc/[0-9]*')).out.split(' ').length === 2, 5_000);
    expect(await opened.session.close()).toMatchObject({ reason: 'exit', exitCode: 0 });
  });

  it('may fill the disk, and is told so; the next call has what it frees', async () => {
    const opened = await openSession(engine);
    const said = await opened.sh('head -c 100000000 /dev/zero > full');
    expect(said).toMatchObject({ outcome: { kind: 'exited', exitCode: 1 }, limitsHit: ['disk'] });
    await stillRuns(opened);
    expect((await opened.sh('rm full; echo freed > file; cat file')).out).toBe('freed\n');
    expect((await opened.session.close()).limitsHit).toContain('disk');
  });
});

describe('a guest against the channel', () => {
  it('writes forged words, and they are just output', async () => {
    const opened = await openSession(engine);
    const said = await opened.python(String.raw`
import os
frame = b'r' + (1).to_bytes(4, 'big') + (15).to_bytes(4, 'big') + b'end 0 1 0 0 0 0'
for nonce in (b'', b'0' * 32, b'\0crucible:' + b'0' * 32 + b':'):
    os.write(1, nonce + frame); os.write(2, nonce + b'ended end 0 1 1 1 1 0 0 1 1\n')`);
    expect(said.outcome).toEqual({ kind: 'exited', exitCode: 0 });
    expect(said.out.match(/end 0 1 0 0 0 0/g)).toHaveLength(3);
    expect(said.err.match(/ended end/g)).toHaveLength(3);
    await stillRuns(opened);
    expect(await opened.session.close()).toMatchObject({ reason: 'exit', exitCode: 0 });
  });

  /** Leaves a process that goes on doing something with a descriptor of init that it has opened anew. */
  const meddling = (descriptor: number, act: string): string => `
import os, time
if os.fork(): os._exit(0)
os.setsid()
file = os.open('/proc/1/fd/${descriptor}', os.O_RDWR | os.O_NONBLOCK)
end = time.time() + 30
while time.time() < end:
    try: ${act}
    except BlockingIOError: time.sleep(0.0001)
    except OSError as error: open('/work/error', 'w').write(str(error.errno)); break`;

  it.each([
    ['writes to what it hears through', 0, "os.write(file, b's')"],
    ['reads from what it speaks through', 1, 'os.read(file, 65536)'],
    ['reads from what its records go through', 2, 'os.read(file, 65536)'],
  ])('%s, and gets an error', async (_, descriptor, act) => {
    const opened = await openSession(engine);
    await opened.python(meddling(descriptor, act));
    await until(async () => (await opened.session.readFile('error', 10)).kind === 'read', 10_000);
    expect((await opened.run(['cat', 'error'])).out).toBe('9');
    expect(await opened.session.close()).toMatchObject({ reason: 'exit', exitCode: 0 });
  });

  it.each([
    ['takes away what it should hear', 0, 'os.read(file, 65536)', /was robbed from inside/],
    ['writes among its frames', 1, "os.write(file, b'x' * 100)", /was spoken over from inside/],
    ['writes among its records', 2, "os.write(file, b'x' * 100)", /was spoken over from inside: x+/],
  ])('%s, and ends the sandbox by it', async (_, descriptor, act, error) => {
    const opened = await openSession(engine);
    await opened.python(meddling(descriptor, act));
    const beganAt = Date.now();
    while ((await opened.sh('sleep 0.2')).outcome.kind !== 'sandbox-gone' && Date.now() - beganAt < 30_000);
    const end = await opened.session.close();
    expect(end).toMatchObject({ reason: 'init-killed', exitCode: null });
    expect(end.error).toMatch(error);
  });

  it('changes what is about to be run, and it is refused if it is not run as it was asked for', async () => {
    const opened = await openSession(engine);
    await stillRuns(opened);
    await opened.python(`
import os, time
if os.fork(): os._exit(0)
os.setsid()
end = time.time() + 15
while time.time() < end:
    for name in os.listdir('/proc/1/fd'):
        try:
            if 'brief' not in os.readlink('/proc/1/fd/' + name): continue
            file = os.open('/proc/1/fd/' + name, os.O_RDWR)
            while True: os.pwrite(file, b'\\0' * 7 + b'\\1', 0)
        except OSError: pass`);
    const kinds = new Set<string>();
    for (let call = 0; call < 60; call += 1) {
      const said = await opened.run(['echo', 'as asked'], { timeoutMsMax: 5_000 });
      kinds.add(said.outcome.kind);
      if (said.outcome.kind === 'exited') expect(said.out).toBe('as asked\n');
      else
        expect(said.outcome).toEqual({
          kind: 'refused',
          why: 'what was to be run was changed from inside the sandbox',
        });
      await pause(60);
    }
    expect(kinds.size).toBeGreaterThan(0);
    await opened.session.close();
  });

  it('cannot read its secret out of what waits to become a call', async () => {
    const opened = await openSession(engine);
    await stillRuns(opened);
    await pause(500);
    const said = await opened.python(`
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
tried = []
for pid in [int(name) for name in os.listdir('/proc') if name.isdigit() and int(name) != os.getpid()]:
    tried.append((libc.ptrace(16, pid, 0, 0), libc.ptrace(0x4206, pid, 0, 0)))
    try: open('/proc/%d/mem' % pid, 'rb').read(1); tried.append(pid)
    except OSError: pass
print(tried)`);
    expect(said.out).toMatch(/^\[(\(-1, -1\)(, )?)+\]\n$/);
    await opened.session.close();
  });
});

describe('a guest against its first process', () => {
  it('kills it, and all calls end with the sandbox', async () => {
    const opened = await openSession(engine);
    const [other, killer] = await Promise.all([
      opened.sh('sleep 500'),
      opened.python('import os, time; time.sleep(0.5); os.kill(1, 9); time.sleep(60)'),
    ]);
    expect([other.outcome, killer.outcome]).toEqual([{ kind: 'sandbox-gone' }, { kind: 'sandbox-gone' }]);
    const end = await opened.session.ended;
    expect(end).toMatchObject({ reason: 'init-killed', exitCode: null });
    expect(end.error).toContain('137');
  });

  it('stops it, and is found out as soon as its call is overdue', async () => {
    const opened = await openSession(engine);
    const beganAt = Date.now();
    const said = await opened.python('import os, signal, time; os.kill(1, signal.SIGSTOP); time.sleep(600)', {
      timeoutMsMax: 1_000,
    });
    expect(said.outcome).toEqual({ kind: 'sandbox-gone' });
    expect(Date.now() - beganAt).toBeLessThan(20_000);
    const end = await opened.session.ended;
    expect(end).toMatchObject({ reason: 'init-killed', limitsHit: [] });
    expect(end.error).toContain('stopped from inside');
  });

  it('sends it what signals it likes', async () => {
    const opened = await openSession(engine);
    const said = await opened.python(`
import os
for number in (15, 17, 2, 1, 10, 64):
    for _ in range(200):
        try: os.kill(1, number)
        except BlockingIOError: pass
print('sent')`);
    expect(said.out).toBe('sent\n');
    await stillRuns(opened);
    await opened.session.close();
  });
});

describe('a guest that takes all memory', () => {
  it('is told so, whether the kernel ends it or the sandbox', async () => {
    const opened = await openSession(engine);
    const said = await opened.python("a = []\nwhile True: a.append(bytearray(b'x') * (1 << 22))");
    if (said.outcome.kind === 'sandbox-gone') {
      expect(await opened.session.ended).toMatchObject({ reason: 'out-of-memory' });
    } else {
      expect(said).toMatchObject({ outcome: { kind: 'out-of-memory' }, limitsHit: ['memory'] });
      await stillRuns(opened);
      expect(await opened.session.close()).toMatchObject({ reason: 'exit', exitCode: 0 });
    }
    expect((await opened.session.ended).limitsHit).toContain('memory');
  });
});

describe('a sandbox that is lost in a call', () => {
  it('was stopped', async () => {
    const opened = await openSession(engine);
    const running = opened.sh('echo up; sleep 500');
    await until(() => opened.chunks.length > 0, 10_000);
    opened.session.kill('stopped');
    expect(await running).toMatchObject({ outcome: { kind: 'sandbox-gone' }, out: 'up\n' });
    expect(await opened.session.ended).toMatchObject({ reason: 'stopped' });
  });

  it('has used up its wall time', async () => {
    const opened = await openSession(engine, { limits: { ...sessionLimits, wallTimeMsMax: 2_000 } });
    const said = await opened.sh('sleep 500', { timeoutMsMax: 2_000 });
    expect(['sandbox-gone', 'timed-out']).toContain(said.outcome.kind);
    expect(await opened.session.ended).toMatchObject({ reason: 'wall-time', limitsHit: ['wall-time'] });
  });

  it('has written all it may, in all calls together', async () => {
    const opened = await openSession(engine, { limits: { ...sessionLimits, outputBytesMax: 250_000 } });
    const outputBytesMax = 200_000;
    for (let call = 0; call < 2; call += 1) {
      const { outcome } = await opened.sh('head -c 100000 /dev/zero', { outputBytesMax });
      expect(outcome).toEqual({ kind: 'exited', exitCode: 0 });
    }
    const last = await opened.sh('head -c 100000 /dev/zero; sleep 500', { timeoutMsMax: 20_000, outputBytesMax });
    expect(last.outcome).toEqual({ kind: 'sandbox-gone' });
    const end = await opened.session.ended;
    expect(end).toMatchObject({ reason: 'output-limit', output: { bytes: 250_000 } });
  });

  it('was ended by its engine', async () => {
    const opened = await openSession(engine);
    const running = opened.sh('sleep 500');
    await pause(300);
    await engineClient(testEngine().socketPath).getContainer(opened.session.containerId).stop({ t: 10 });
    expect((await running).outcome).toEqual({ kind: 'sandbox-gone' });
    expect(await opened.session.ended).toMatchObject({ reason: 'engine-failure' });
  });
});

describe('links and what else lies in the way of files', () => {
  it('are not followed, wherever they lead', async () => {
    const opened = await openSession(engine, {
      canaries: { files: [{ path: 'secret', content: Buffer.from('KEY'), mode: 0o600 }], env: {} },
    });
    await opened.sh(`mkdir d; echo mine > d/file; ln -s /home/operator/secret link; ln -s /home/operator folder; ln -s d inner
ln -s loop loop; mkfifo pipe; ln d/file hard; mkdir -p real`);
    const { session } = opened;
    for (const path of ['link', 'folder/secret', 'inner/file', 'loop', 'pipe', 'd', 'd/file/x']) {
      expect(await session.readFile(path, 100), path).toMatchObject({ kind: 'refused' });
    }
    for (const path of ['link', 'folder/new', 'inner/new', 'loop', 'pipe', 'd', 'd/file/x']) {
      expect(await session.writeFile(path, Buffer.from('x'), 0o644), path).toMatchObject({ kind: 'refused' });
    }
    expect(await session.readFile('hard', 100)).toMatchObject({ kind: 'read', sizeBytes: 5 });
    expect((await opened.sh('cat /home/operator/secret; ls /home/operator d')).out).toBe(
      'KEY/home/operator:\nsecret\n\nd:\nfile\n',
    );
    await session.close();
  });

  it('are not followed while they are changed all the time', async () => {
    const opened = await openSession(engine, {
      canaries: { files: [{ path: 'name', content: Buffer.from('KEY'), mode: 0o600 }], env: {} },
    });
    await opened.sh('mkdir a b; echo mine > a/name; echo mine > b/name; ln -s /home/operator link');
    const racing = opened.python(
      `
import os, time
end = time.time() + 4
while time.time() < end:
    os.rename('a', 'held'); os.rename('link', 'a'); os.rename('a', 'link'); os.rename('held', 'a')`,
      { timeoutMsMax: 20_000 },
    );
    const seen = new Set<string>();
    for (let turn = 0; turn < 300; turn += 1) {
      const read = await opened.session.readFile('a/name', 100);
      seen.add(read.kind === 'read' ? Buffer.from(read.content).toString() : read.kind);
      await opened.session.writeFile('a/name', Buffer.from('mine\n'), 0o644);
    }
    await racing;
    seen.delete('refused');
    seen.delete('mine\n');
    // Between truncation and content.
    seen.delete('');
    expect([...seen]).toEqual([]);
    expect((await opened.run(['cat', '/home/operator/name'])).out).toBe('KEY');
    await opened.session.close();
  });

  it('do not make a snapshot endless', async () => {
    const opened = await openSession(engine);
    await opened.python(`
import os
os.makedirs('/work/' + '/'.join(['d'] * 60))
os.mkdir('/work/many')
for i in range(11000): os.symlink('x', '/work/many/%d' % i)
open('/work/sparse', 'w').truncate(1 << 24)`);
    const taken = await opened.session.snapshot({ bytesMax: 100_000, still: false });
    if (taken.kind !== 'taken') throw new Error(taken.kind);
    expect(taken.complete).toBe(false);
    expect(taken.files).toEqual([]);
    expect(taken.leftOut.length).toBeLessThanOrEqual(10_000);
    await stillRuns(opened);
    await opened.session.close();
  });
});
