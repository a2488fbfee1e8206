import { randomUUID } from 'node:crypto';
import { strict } from '@crucible/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineClient } from './engine-client.ts';
import { DockerSandboxEngine, type DockerSandboxOptions } from './engine.ts';
import { encodeProbe, encodeProgram } from './header.ts';
import type { OutputChunk, SandboxSpec } from './port.ts';
import { containerOptionsOf, hostConfigOf } from './host-config.ts';
import { CuttableEngine, limits, observe, pythonSpec, testEngine } from './sandbox.fixture.ts';

const executorId = `test-${randomUUID()}`;
const asleep = 'import time\nprint("up", flush=True)\ntime.sleep(600)';
let engine: DockerSandboxEngine;

const engineWith = (changes: Partial<DockerSandboxOptions> = {}): DockerSandboxEngine => {
  const { socketPath, runtime } = testEngine();
  return new DockerSandboxEngine({ socketPath, runtime, executorId, ...changes });
};
const run = (source: string, changes: Partial<SandboxSpec> = {}) => observe(engine, pythonSpec(source, changes));

/** Starts a program and resolves when its first output is there. */
const startUp = async (on: DockerSandboxEngine, source: string) => {
  let heard: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (heard = resolve));
  const sandbox = await on.start(pythonSpec(source), () => heard());
  await Promise.race([first, sandbox.ended]);
  return sandbox;
};

/** A program in a container of ours with some settings changed, through bare engine calls. Returns all it wrote. */
const bareRun = async (spec: SandboxSpec, options: object, hostConfig: object): Promise<string> => {
  const { socketPath, runtime, image } = testEngine();
  const wish = {
    name: `crucible-test-${randomUUID()}`,
    image,
    labels: {},
    userId: strict.userId,
    hostConfig: hostConfigOf(strict, limits, runtime, 1),
  };
  const container = await engineClient(socketPath).createContainer({
    ...containerOptionsOf(wish),
    ...options,
    HostConfig: { ...wish.hostConfig, ...hostConfig },
  });
  try {
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    await container.start();
    stream.write(Buffer.concat([encodeProbe(''), encodeProgram(spec, '1'.repeat(32))]));
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    return Buffer.concat(parts).toString('latin1');
  } finally {
    await container.remove({ force: true });
  }
};

const until = async (holds: () => Promise<boolean>, msMax: number): Promise<void> => {
  const endsAt = Date.now() + msMax;
  while (!(await holds())) {
    if (Date.now() > endsAt) throw new Error(`not so within ${msMax} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

beforeAll(() => {
  engine = engineWith();
});

afterAll(async () => {
  await engine.drain();
  await engine.reap();
  expect(await engine.list()).toEqual([]);
});

describe('a guest against its first process', () => {
  it('can kill it, and that is told apart from an exit', async () => {
    const { end } = await run('import os, time\nos.kill(1, 9)\ntime.sleep(5)');
    expect(end).toMatchObject({ reason: 'init-killed', exitCode: null, limitsHit: [] });
    expect(end.error).toContain('137');
  });

  it('cannot end it politely or flood it with signals', async () => {
    const { end, stdout } = await run(`
import os, signal
for number in (15, 17, 2, 1, 10, 64):
    for _ in range(50):
        try: os.kill(1, number)
        except BlockingIOError: pass
print('still here'); raise SystemExit(4)`);
    expect(end).toMatchObject({ reason: 'exit', exitCode: 4 });
    expect(stdout).toBe('still here\n');
  });

  it('cannot read its memory, trace it or speak in its name', async () => {
    const { end, stdout, stderr } = await run(`
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Area(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
into = ctypes.create_string_buffer(16)
def memory():
    try: open('/proc/1/mem', 'rb').close(); return 'read'
    except OSError as error: return error.errno
def attempts():
    local, remote = Area(ctypes.addressof(into), 16), Area(0x400000, 16)
    vm = libc.process_vm_readv(1, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    return memory(), libc.ptrace(16, 1, 0, 0), libc.ptrace(0x4206, 1, 0, 0), vm
print(attempts())
libc.unshare(0x10000000)
print(attempts())
os.write(2, b'\\0crucible:' + b'0' * 32 + b':ended end 0 1 1 1 1 0 1\\n')
for name in ('environ', 'cmdline', 'maps'):
    try: sys.stdout.write(str(b'ended end' in open('/proc/1/' + name, 'rb').read()))
    except OSError: sys.stdout.write('False')
raise SystemExit(5)`);
    expect(stdout).toBe('(13, -1, -1, -1)\n(13, -1, -1, -1)\nFalseFalseFalse');
    expect(stderr).toContain('crucible:00000000000000000000000000000000:ended');
    expect(end).toMatchObject({ reason: 'exit', exitCode: 5 });
  });

  it('cannot tell it to stop through its standard input', async () => {
    const { end } = await run(`
import os, time
for mode in (os.O_WRONLY, os.O_RDWR):
    try: os.write(os.open('/proc/1/fd/0', mode | os.O_NONBLOCK), b's')
    except OSError: pass
time.sleep(0.3); raise SystemExit(6)`);
    expect(end).toMatchObject({ reason: 'exit', exitCode: 6 });
  });
});

describe('a guest against its box', () => {
  it('reaches no network and writes nowhere else', async () => {
    const { stdout, end } = await run(`
import os, socket
for address in (('1.1.1.1', 53), ('169.254.169.254', 80), ('10.0.0.1', 22)):
    try: socket.create_connection(address, 2); print('CONNECTED', address)
    except OSError: pass
written = []
for folder in ('/', '/etc', '/usr', '/var/tmp', '/root', '/home', '/run', '/dev', '/proc', '/sys', '/dev/shm', '/tmp', '/work'):
    try: open(folder + '/made', 'w').close(); written.append(folder)
    except OSError: pass
print(written, os.listdir('/sys/class/net') if os.path.isdir('/sys/class/net') else ['lo'])`);
    expect(stdout).toBe("['/dev/shm', '/tmp', '/work'] ['lo']\n");
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0 });
  });

  it('cannot raise its own limits', async () => {
    const { stdout } = await run(`
import resource
for name in ('RLIMIT_NPROC', 'RLIMIT_NOFILE', 'RLIMIT_FSIZE', 'RLIMIT_CORE'):
    soft, hard = resource.getrlimit(getattr(resource, name))
    try: resource.setrlimit(getattr(resource, name), (hard + 1, hard + 1)); print('RAISED', name)
    except (ValueError, OSError): print(name, hard)`);
    expect(stdout).toBe(
      `RLIMIT_NPROC ${limits.pidsMax + 1}\nRLIMIT_NOFILE 1024\nRLIMIT_FSIZE ${limits.diskBytesMax + 4_096}\nRLIMIT_CORE 0\n`,
    );
  });
});

describe('a sandbox that nobody ends', () => {
  it('ends itself some time after its wall time', async () => {
    // It waits ten seconds longer than its wall time.
    const spec = pythonSpec(asleep, { limits: { ...limits, wallTimeMsMax: -9_500 } });
    expect(await bareRun(spec, {}, {})).toMatch(/ended overdue 9 5\d\d /);
  });
});

describe('a start that fails', () => {
  it.each([
    ['no such image', { image: 'crucible-no-such-image:1' }, /does not have the sandbox image/],
    [
      'a path that leaves the work folder',
      { files: [{ path: '../x', content: new Uint8Array() }] },
      /"..\/x" must be relative/,
    ],
    [
      'a file below a file',
      {
        files: [
          { path: 'a', content: new Uint8Array() },
          { path: 'a/b', content: new Uint8Array() },
        ],
      },
      /Error/,
    ],
  ] as const)('says why: %s', async (_, changes, why) => {
    const { end } = await run('print(1)', changes);
    expect(end).toMatchObject({ reason: 'engine-failure', exitCode: null, durationMs: 0 });
    expect(end.error).toMatch(why);
  });

  it('says why: engine not there, runtime not known', async () => {
    const nowhere = engineWith({ socketPath: '/nonexistent/engine.sock' });
    expect((await observe(nowhere, pythonSpec(''))).end.error).toContain('the container engine is not running');
    expect(await nowhere.ping()).toMatchObject({ ok: false });
    await expect(nowhere.list()).rejects.toThrow('the container engine is not running');
    const unknown = engineWith({ runtime: 'no-such-runtime' });
    expect((await observe(unknown, pythonSpec(''))).end.error).toMatch(/runtime/);
    expect(await unknown.ping()).toMatchObject({ ok: false });
    expect(await engine.ping()).toMatchObject({ ok: true });
    await unknown.drain();
  });

  it('does not wait for ever', async () => {
    const impatient = engineWith({ startMsMax: 1 });
    const { end } = await observe(impatient, pythonSpec('print(1)'));
    expect(end).toMatchObject({ reason: 'engine-failure', error: 'the sandbox did not answer its probe in 1 ms' });
    await impatient.drain();
  });
});

describe('an engine that is lost', () => {
  it('ends the trial as its failure, and the orphan ends itself', async () => {
    const way = new CuttableEngine(testEngine().socketPath);
    await way.listen();
    const cut = engineWith({ socketPath: way.socketPath });
    const sandbox = await startUp(cut, asleep);
    way.cut();
    const cutAtMs = Date.now();
    const end = await sandbox.ended;
    expect(Date.now() - cutAtMs).toBeLessThan(5_000);
    expect(end).toMatchObject({ reason: 'engine-failure', exitCode: null });
    expect(end.error).toMatch(/engine/);
    await until(async () => (await engine.list()).every(({ state }) => state !== 'running'), 10_000);
    await cut.drain();
    expect(await engine.reap()).toBe(1);
  });

  it('and comes back without what it ran is not blamed on the guest', async () => {
    const way = new CuttableEngine(testEngine().socketPath);
    await way.listen();
    const lost = engineWith({ socketPath: way.socketPath });
    const sandbox = await startUp(lost, asleep);
    // A new life of an engine ends what the last one ran, and answers with a code as if it had seen it end.
    way.drop();
    await engineClient(testEngine().socketPath).getContainer(sandbox.containerId).kill();
    expect(await sandbox.ended).toMatchObject({ reason: 'engine-failure', exitCode: null });
    await lost.drain();
    way.cut();
  });

  it('that stops containers in an orderly way is not blamed on the guest', async () => {
    const sandbox = await startUp(engine, asleep);
    await engineClient(testEngine().socketPath).getContainer(sandbox.containerId).stop({ t: 10 });
    expect(await sandbox.ended).toMatchObject({ reason: 'engine-failure' });
  });
});

describe('reap', () => {
  it("removes what an earlier life left, and nobody else's", async () => {
    const other = engineWith({ executorId: `${executorId}-other` });
    const [mine, theirs] = await Promise.all([startUp(engine, asleep), startUp(other, asleep)]);
    expect(await engine.list()).toMatchObject([
      { containerId: mine.containerId, evaluationId: 'test', trialId: '0-1-1', state: 'running' },
    ]);
    expect(await engine.reap()).toBe(1);
    expect((await mine.ended).reason).toMatch(/init-killed|engine-failure/);
    expect(await other.list()).toHaveLength(1);
    theirs.kill('stopped');
    expect(await theirs.ended).toMatchObject({ reason: 'stopped' });
    await other.drain();
    expect(await other.list()).toEqual([]);
  });
});

describe('many at once', () => {
  it('keeps them apart', async () => {
    const runs = Array.from({ length: 8 }, (_, at) => run(`import sys\nprint(${at})\nsys.exit(${at})`));
    for (const [at, { end, stdout }] of (await Promise.all(runs)).entries()) {
      expect(end).toMatchObject({ reason: 'exit', exitCode: at });
      expect(stdout).toBe(`${at}\n`);
    }
  });
});

describe('a container made ahead', () => {
  it('waits for its program and then runs it', async () => {
    const spec = pythonSpec('print("warm")');
    const wish = { image: spec.image, profile: strict, limits: spec.limits };
    const created: string[] = [];
    const prepared = await engine.prepare(wish, (id) => created.push(id));
    expect(created).toEqual([prepared.containerId]);
    const waiting = { containerId: prepared.containerId, evaluationId: null, trialId: null, state: 'running' };
    expect(await engine.list()).toEqual([waiting]);
    const chunks: string[] = [];
    const onOutput = ({ bytes }: OutputChunk) => void chunks.push(Buffer.from(bytes).toString());
    const end = await engine.run(prepared, spec, { onOutput }).ended;
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0 });
    expect(chunks.join('')).toBe('warm\n');
    const again = await engine.run(prepared, spec, { onOutput }).ended;
    expect(again).toMatchObject({ reason: 'engine-failure' });
    expect(again.error).toContain('used or discarded before');
  });
});
