import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerSandboxEngine } from './engine.ts';
import type { SandboxSpec } from './port.ts';
import { limits, observe, pythonSpec, testEngine, type Observed } from './sandbox.fixture.ts';

const MIB = 1_048_576;
const problems: string[] = [];
let engine: DockerSandboxEngine;

beforeAll(() => {
  const { socketPath, runtime } = testEngine();
  engine = new DockerSandboxEngine({
    socketPath,
    runtime,
    executorId: `test-${randomUUID()}`,
    onProblem: (problem) => problems.push(problem),
  });
});

afterAll(async () => {
  await engine.drain();
  const left = await engine.list();
  await engine.reap();
  expect(left, 'containers left over').toEqual([]);
  expect(problems).toEqual([]);
});

const run = (source: string, changes: Partial<SandboxSpec> = {}): Promise<Observed> =>
  observe(engine, pythonSpec(source, changes));
const bounded = (changes: Partial<SandboxSpec['limits']>) => ({ limits: { ...limits, ...changes } });

describe('a program', () => {
  it('gets its files, input, arguments and environment, and nothing else', async () => {
    const source = `
import os, sys
print(sys.argv[1:], sys.stdin.read(), open('data/deep/x.bin', 'rb').read(), os.getcwd(), os.getuid(), os.getgid())
print(sorted(name for name in os.environ if name != 'LC_CTYPE'), os.environ['GIVEN'])
print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:3], len(os.listdir('/proc/self/fd')))
print('to stderr', file=sys.stderr)`;
    const { end, stdout, stderr } = await run(source, {
      argv: ['python3', 'main.py', 'a b', '$HOME'],
      stdin: Buffer.from('typed'),
      env: { GIVEN: 'value' },
      files: [
        { path: 'main.py', content: Buffer.from(source) },
        { path: 'data/deep/x.bin', content: Buffer.from([0, 255]) },
      ],
    });
    expect(stdout.split('\n')).toEqual([
      String.raw`['a b', '$HOME'] typed b'\x00\xff' /work 65534 65534`,
      "['GIVEN', 'HOME', 'LANG', 'PATH', 'TMPDIR'] value",
      '[0, 1, 2] 4',
      '',
    ]);
    expect(stderr).toBe('to stderr\n');
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0, signal: null, limitsHit: [], error: null });
    expect(end.output).toEqual({ bytes: stdout.length + stderr.length, dropped: 0 });
    expect(end.memoryBytesPeak ?? MIB).toBeGreaterThan(0);
  });

  it('has an empty standard input when none is given', async () => {
    expect((await run('import sys; print(repr(sys.stdin.read()))')).stdout).toBe("''\n");
  });

  it.each([
    ['exits 3', 'raise SystemExit(3)', 'exit', 3, null],
    ['exits 137 by itself', 'import os; os._exit(137)', 'exit', 137, null],
    ['faults', 'import ctypes; ctypes.string_at(0)', 'crash', null, 'SIGSEGV'],
    ['aborts', 'import os; os.abort()', 'crash', null, 'SIGABRT'],
    ['is terminated', 'import os; os.kill(os.getpid(), 15)', 'signal', null, 'SIGTERM'],
    ['kills itself', 'import os; os.kill(os.getpid(), 9)', 'signal', null, 'SIGKILL'],
  ])('that %s is told truly', async (_, source, reason, exitCode, signal) => {
    expect((await run(source)).end).toMatchObject({ reason, exitCode, signal, limitsHit: [] });
  });

  it('that does not exist exits 127 and says so', async () => {
    const { end, stderr } = await run('', { argv: ['no-such-program'] });
    expect(end).toMatchObject({ reason: 'exit', exitCode: 127 });
    expect(stderr).toBe('cannot run no-such-program: No such file or directory\n');
  });

  it('may close its streams, or make them non-blocking, and is still heard', async () => {
    const closing = await run("import os; os.write(1, b'before'); os.close(0); os.close(1); os.close(2); os._exit(7)");
    expect(closing).toMatchObject({ stdout: 'before', end: { reason: 'exit', exitCode: 7 } });
    // Bounded, and not until a pipe is full: whether it ever is depends on how fast it is read.
    const nonBlocking = await run(`
import os
for fd in (1, 2): os.set_blocking(fd, False)
for _ in range(8):
    try: os.write(2, b'y' * 65536)
    except BlockingIOError: pass
os._exit(9)`);
    expect(nonBlocking.end).toMatchObject({ reason: 'exit', exitCode: 9 });
    expect(nonBlocking.stderr).toMatch(/^y+$/);
  });

  it('takes its children with it', async () => {
    const { end, stdout } = await run(`
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print('daemon', flush=True); time.sleep(600)
    os._exit(0)
os.wait(); time.sleep(0.2); print('done')`);
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0 });
    expect(stdout).toBe('daemon\ndone\n');
    expect(end.durationMs).toBeLessThan(10_000);
  });
});

describe('a program that meets a limit', () => {
  it('is killed at its wall time', async () => {
    const { end } = await run('while True: pass', bounded({ wallTimeMsMax: 1_000 }));
    // On a machine that is free it uses up its core as well.
    const limitsHit = expect.arrayContaining(['wall-time']) as string[];
    expect(end).toMatchObject({ reason: 'wall-time', exitCode: null, signal: 'SIGKILL', limitsHit });
    expect(end.durationMs).toBeGreaterThanOrEqual(950);
    expect(end.durationMs).toBeLessThan(15_000);
  });

  it('runs out of memory', async () => {
    const { end } = await run("a = []\nwhile True: a.append(bytearray(b'x') * (1 << 22))");
    expect(end).toMatchObject({ reason: 'out-of-memory' });
    expect(end.limitsHit).toContain('memory');
  });

  it.each([
    ['os.fork in a loop', 'import os\nwhile True: os.fork()'],
    ['children that stay', 'import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(600)'],
    [
      'threads',
      `import threading, time
try:
    while True: threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
except RuntimeError:
    time.sleep(0.5); raise SystemExit(1)`,
    ],
  ])('has only so many tasks: %s', async (_, source) => {
    const { end } = await run(source);
    expect(end).toMatchObject({ reason: 'pids-limit', exitCode: 1 });
    expect(end.limitsHit).toContain('pids');
  });

  it.each([
    ['/work', "f = open('/work/big', 'wb')\nwhile True: f.write(b'x' * 65536)"],
    ['/tmp', "f = open('/tmp/big', 'wb')\nwhile True: f.write(b'x' * 65536)"],
    [
      'one sparse file',
      "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); open('s', 'wb').truncate(1 << 40)",
    ],
  ])('has only so much disk: %s', async (_, source) => {
    const { end } = await run(source);
    expect(end).toMatchObject({ reason: 'disk-full', limitsHit: ['disk'] });
  });

  it('may survive a full disk, and that is told', async () => {
    const { end } = await run(`
try:
    with open('big', 'wb') as f:
        while True: f.write(b'x' * 65536)
except OSError: print('full')`);
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0, limitsHit: ['disk'] });
  });

  it('is bounded in files too, one way or another', async () => {
    const { end } = await run(
      "i = 0\nwhile True:\n    open(f'{i}', 'w').close(); i += 1",
      bounded({ wallTimeMsMax: 3_000 }),
    );
    expect(['out-of-memory', 'disk-full', 'wall-time']).toContain(end.reason);
  });

  it.each([
    ['lines on stdout', "import sys\nwhile True: sys.stdout.write('x' * 999 + '\\n')"],
    ['no newline', "import os\nwhile True: os.write(1, b'x' * 65536)"],
    [
      'controls, broken UTF-8 and forged marks',
      String.raw`import os
while True: os.write(2, b'\x1b[2J\xff\xfe\x00crucible:' * 4000)`,
    ],
  ])('writes exactly its output limit: %s', async (_, source) => {
    const { end, stdout, stderr } = await run(source, bounded({ outputBytesMax: 100_001 }));
    expect(end).toMatchObject({ reason: 'output-limit', limitsHit: ['output'], output: { bytes: 100_001 } });
    expect(end.output.dropped).toBeGreaterThan(0);
    expect(stdout.length + stderr.length).toBe(100_001);
  });

  it('may write all it is allowed to, and every byte arrives', async () => {
    const { end, stdout } = await run(
      'import sys\nfor i in range(1000): sys.stdout.buffer.write(bytes([i % 256]) * 65536)',
      bounded({ outputBytesMax: 64 * MIB }),
    );
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0, output: { bytes: 1_000 * 65_536, dropped: 0 } });
    expect(stdout.length).toBe(1_000 * 65_536);
    expect(stdout.charCodeAt(65_536 * 900)).toBe(900 % 256);
  });
});

describe('a flood', () => {
  it('waits in the guest while the sink is busy', async () => {
    let pending = 0;
    let mostPending = 0;
    let seen = 0;
    const spec = pythonSpec(
      "import sys\nfor _ in range(320): sys.stdout.buffer.write(b'x' * 65536)",
      bounded({ outputBytesMax: 64 * MIB }),
    );
    const sandbox = await engine.start(spec, async ({ bytes }) => {
      mostPending = Math.max(mostPending, (pending += 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen += bytes.length;
      pending -= 1;
    });
    expect(await sandbox.ended).toMatchObject({ reason: 'exit', exitCode: 0 });
    expect(seen).toBe(320 * 65_536);
    expect(mostPending).toBe(1);
  });

  it('ends the sandbox when its output cannot be kept', async () => {
    const sandbox = await engine.start(
      pythonSpec('import time\nwhile True: print(1, flush=True); time.sleep(0.01)'),
      () => Promise.reject(new Error('the store is full')),
    );
    expect(await sandbox.ended).toMatchObject({
      reason: 'engine-failure',
      error: 'output was lost: the store is full',
    });
  });
});

describe('kill', () => {
  it.each(['stopped', 'lease-lost'] as const)('ends a sleeping program as %s', async (reason) => {
    const sandbox = await engine.start(pythonSpec('import time; time.sleep(600)'), () => undefined);
    setTimeout(() => sandbox.kill(reason), 300);
    setTimeout(() => sandbox.kill('stopped'), 310);
    expect(await sandbox.ended).toMatchObject({ reason, limitsHit: [] });
  });

  it('ends a guest that ignores everything it can', async () => {
    const source = `
import os, signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
os.kill(1, signal.SIGSTOP)
print('ready', flush=True)
while True: pass`;
    const sandbox = await engine.start(pythonSpec(source), () => sandbox.kill('stopped'));
    expect(await sandbox.ended).toMatchObject({ reason: 'stopped' });
  });
});
