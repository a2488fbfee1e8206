import { judge } from '@crucible/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ground, Run } from './guest.fixture.ts';
import { containerOf, idleLoopDelayP99Ms, loopDelayDuring, openGround, recordsOf, runGuest } from './guest.fixture.ts';

let ground: Ground;
beforeAll(() => (ground = openGround()));
afterAll(() => ground.watch.close());

const run = (program: string, killAfterMs?: number): Promise<Run> => runGuest(ground, program, killAfterMs);

const ordinary: Record<string, string> = {
  'standard library': `
import json, re, ssl, sqlite3, ctypes.util, asyncio, multiprocessing, uuid, zoneinfo, pwd, grp, getpass, tempfile, platform, http.client
platform.platform(); pwd.getpwuid(65534); grp.getgrgid(0); getpass.getuser(); uuid.uuid4(); ctypes.util.find_library('m')`,
  'files and processes': `
import os, subprocess, tempfile
subprocess.run(['sh', '-c', 'ls -la / /tmp; id; cat /etc/passwd /proc/cpuinfo /proc/self/status | wc; find . ; echo x | sort'], check=True)
with tempfile.TemporaryDirectory() as folder: open(folder + '/a', 'w').write('x')
tempfile.TemporaryFile().write(b'y'); open('out.txt', 'w'); open('/dev/null', 'w'); open('/proc/self/maps').read()
open('/proc/1/cmdline').read(); os.mkfifo('/tmp/pipe'); os.setuid(os.getuid()); os.kill(os.getpid(), 0)
child = subprocess.Popen(['sleep', '5']); child.terminate(); child.wait()`,
  'workers and local sockets': `
import asyncio, os, socket, multiprocessing, concurrent.futures as futures
pool = multiprocessing.Pool(2); assert pool.map(abs, [-1, -2]) == [1, 2]; pool.terminate()
a, b = socket.socketpair(); a.send(b'x'); b.recv(1)
server = socket.socket(socket.AF_UNIX); server.bind('/tmp/s'); server.listen(); socket.socket(socket.AF_UNIX).connect('/tmp/s')
asyncio.run(asyncio.sleep(0)); list(futures.ThreadPoolExecutor(4).map(abs, range(20)))`,
  'a crash': 'import ctypes; ctypes.string_at(0)',
  'odd output': 'import sys, os; sys.stdout.buffer.write(bytes(range(256))); sys.stdout.flush(); os.abort()',
  'too much memory': 'x = []\nwhile True: x.append(bytearray(10 << 20))',
};

const quiet = (code: string): string => `
import os, socket, ctypes
libc = ctypes.CDLL(None)
try: ${code}
except OSError: pass`;

const reaching: readonly (readonly [rule: string, program: string])[] = [
  ['network-connect', quiet("socket.create_connection(('192.0.2.1', 80), 1)")],
  ['network-socket', quiet('socket.socket(socket.AF_PACKET, socket.SOCK_RAW)')],
  ['host-secret', quiet("os.open('/etc/shadow', 0)")],
  ['host-secret', quiet("os.chdir('/etc'); os.open('shadow', 0)")],
  ['host-secret', quiet("os.open('shadow', 0, dir_fd=os.open('/etc', 0))")],
  ['engine-socket', quiet("socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')")],
  ['other-process', quiet("os.open('/proc/1/environ', 0)")],
  ['write-outside', quiet("open('/usr/bin/tool', 'w')")],
  ['host-setting', quiet("open('/proc/sys/kernel/core_pattern', 'w')")],
  ['mount', quiet("libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)")],
  ['other-process', quiet('libc.ptrace(16, 1, None, None)')],
  ['namespace', quiet('libc.unshare(0x10000000)')],
  ['become-root', quiet('os.setuid(0)')],
  ['make-device', quiet("os.mknod('/tmp/device', 0o20600, 1)")],
  ['change-root', quiet("os.chroot('/tmp')")],
  ['signal-init', quiet('os.kill(1, 15)')],
];

describe('a real sandbox, watched', () => {
  it.each(Object.entries(ordinary))('sees nothing to find in %s', async (_name, program) => {
    const { report } = await run(program);
    expect(judge(report), JSON.stringify(report)).toEqual({ verdict: 'contained', findings: [] });
    expect(report.records).toBeGreaterThan(20);
  });

  it.each(reaching)('sees %s', async (rule, program) => {
    const { report } = await run(program);
    expect(report.findings.map((finding) => finding.rule)).toContain(rule);
    expect(judge(report)).toMatchObject({ verdict: 'attempted' });
  });

  it('tells what was done in lines of JSON, in order', async () => {
    const { lines, exitCode, report } = await run("open('/work/made', 'w').write('x'); raise SystemExit(3)");
    const acts = lines.map((line) => JSON.parse(line) as { kind: string; path?: string; t: number; proc: string });
    expect(acts[0]).toMatchObject({ kind: 'start', t: 0 });
    expect(acts.find(({ path }) => path === '/work/made')).toMatchObject({
      kind: 'open',
      write: true,
      errno: '',
      proc: expect.stringContaining('python3') as string,
    });
    expect(acts.length).toBe(report.records);
    expect([exitCode, report.initStatus]).toEqual([3, 3 << 8]);
  });

  it.each([
    ['a file name', "os.mkdir(b'/tmp/\\xff'); os.open(b'/tmp/\\xff/../../etc/shadow', 0)"],
    ['its working folder', "os.mkdir(b'/tmp/\\xff'); os.chdir(b'/tmp/\\xff'); os.open('../../etc/shadow', 0)"],
  ])('does not call contained what hid behind %s that is not text', async (_name, code) => {
    const { report } = await run(quiet(code));
    expect(report).toMatchObject({ observed: true, dropped: 0, concealed: 1 });
    expect(judge(report).verdict).toBe('unknown');
  });

  it('does not call contained what hid behind a link of its own', async () => {
    const { report } = await run(quiet("os.symlink('/etc/shadow', '/tmp/x'); os.open('/tmp/x', 0)"));
    expect(report).toMatchObject({ observed: true, dropped: 0, concealed: 1 });
    expect(judge(report).verdict).toBe('unknown');
  });

  it('is not blinded by a process name that is not text', async () => {
    const { report } = await run(quiet("libc.prctl(15, b'\\xff\\xfe', 0, 0, 0); os.open('/etc/shadow', 0)"));
    expect(report).toMatchObject({ concealed: 0, findings: [{ rule: 'host-secret' }] });
  });

  it('watches a sandbox that is killed from outside to its end', async () => {
    const { report, exitCode } = await run('import time; time.sleep(60)', 1_500);
    expect(exitCode).toBe(137);
    expect(judge(report)).toEqual({ verdict: 'contained', findings: [] });
  });

  it('loses nothing in a flood, and lets neither this process nor another sandbox suffer', async () => {
    const flood = `
import os, time
for _ in range(3):
    if os.fork() == 0: break
end = time.time() + 5
while time.time() < end:
    try: os.open('/tmp/none', 0)
    except OSError: pass`;
    const idleP99Ms = await idleLoopDelayP99Ms();
    const { p99Ms, result } = await loopDelayDuring(() =>
      Promise.all([run(flood), run(ordinary['files and processes'] ?? '')]),
    );
    const [flooding, polite] = result;
    expect(flooding.report).toMatchObject({ observed: true, dropped: 0, malformed: 0, concealed: 0 });
    expect(flooding.report.records).toBeGreaterThan(5_000);
    const published = recordsOf(flooding).filter(({ n }) => n <= flooding.report.records);
    expect(published.length + flooding.report.sampledOut).toBe(flooding.report.records);
    expect(judge(polite.report).verdict).toBe('contained');
    expect(p99Ms - idleP99Ms).toBeLessThan(250);
  });

  it('lets no sandbox start unseen', async () => {
    ground.watch.close();
    const container = await containerOf(ground, 'print(1)');
    try {
      await expect(container.start()).rejects.toThrow();
    } finally {
      await container.remove({ force: true });
      ground = openGround();
    }
  });
});
