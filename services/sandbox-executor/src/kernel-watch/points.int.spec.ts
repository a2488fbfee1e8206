import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ground, RecordLine, Run } from './guest.fixture.ts';
import { openGround, recordsOf, runGuest } from './guest.fixture.ts';
import { SYSCALL_NAMES } from './syscalls.ts';

/**
 * Makes every watched call once, each in a process of its own, with arguments that make it fail (`-1`) where nothing
 * else is said: what counts is that it was seen.
 */
const EVERY_CALL = `
import ctypes, errno, json, os, resource
libc = ctypes.CDLL(None, use_errno=True)
special = {
    'open': (b'/probe/open', 0), 'creat': (b'/probe/creat', 0o600), 'openat': (-100, b'/probe/openat', 0),
    'execve': (b'/probe/execve', None, None), 'execveat': (-100, b'/probe/execveat', None, None, 0),
    'connect': (-1, b'\\x01\\x00/probe/connect\\x00', 17), 'bind': (-1, b'\\x01\\x00/probe/bind\\x00', 14),
    'symlink': (b'/probe', b'/probe/link'), 'symlinkat': (b'/probe', -100, b'/probe/link'),
    'setsid': (), 'kill': (os.getpid(), 0), 'tkill': (os.getpid(), 0), 'tgkill': (os.getpid(), os.getpid(), 0),
}
for number, name in json.loads('${JSON.stringify(SYSCALL_NAMES)}').items():
    child = os.fork()
    if child == 0:
        # fork and vfork take no argument that could make them fail.
        if name in ('fork', 'vfork'): resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        args = special.get(name, (-1,) * 6)
        wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
        result = libc.syscall(ctypes.c_long(int(number)), *wide)
        if result == -1 and ctypes.get_errno() == errno.ENOSYS: libc.open(b'/probe/unknown/' + name.encode(), 0)
        os._exit(0)
    os.waitpid(child, 0)
`;

const seenAs: Readonly<Record<string, (record: RecordLine) => boolean>> = {
  ...Object.fromEntries(
    ['open', 'creat', 'openat'].map((name) => [
      name,
      (record: RecordLine) => record.kind === 'open' && record.path === `/probe/${name}`,
    ]),
  ),
  ...Object.fromEntries(
    ['execve', 'execveat'].map((name) => [
      name,
      (record: RecordLine) => record.kind === 'exec' && record.path === `/probe/${name}`,
    ]),
  ),
  connect: (record) => record.kind === 'connect' && record.address === '/probe/connect',
  bind: (record) => record.kind === 'bind' && record.address === '/probe/bind',
  socket: (record) => record.kind === 'socket',
};

const isSeen = (name: string, records: readonly RecordLine[]): boolean =>
  records.some(
    seenAs[name] ??
      ((record) =>
        (record.kind === 'call' || record.kind === 'opaque' || record.kind === 'spawned') && record.name === name),
  );

/** What gVisor has no entry for fails without being told. The guest itself says so here, by what it opens next. */
const isUnknownTo = (name: string, records: readonly RecordLine[]): boolean =>
  records.some((record) => record.kind === 'open' && record.path === `/probe/unknown/${name}`);

/** Those that must be seen whatever gVisor makes of them. */
const ALWAYS_SEEN =
  'execve execveat clone fork vfork open openat creat connect bind listen socket chroot setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid ptrace mount umount2 unshare setns bpf init_module finit_module delete_module pivot_root keyctl add_key request_key perf_event_open userfaultfd process_vm_readv process_vm_writev memfd_create io_uring_setup kill tkill tgkill prctl mknod mknodat setrlimit prlimit64 sched_setaffinity sched_setscheduler'.split(
    ' ',
  );

let ground: Ground;
beforeAll(() => (ground = openGround()));
afterAll(() => ground.watch.close());

describe('every watched call of a real guest', () => {
  let run: Run;
  let records: RecordLine[];
  const began = Date.now();
  beforeAll(async () => {
    run = await runGuest(ground, EVERY_CALL);
    records = recordsOf(run);
  });

  it('was made, and none was lost', () =>
    expect(run).toMatchObject({ exitCode: 0, report: { observed: true, dropped: 0, malformed: 0, concealed: 0 } }));

  it.each(Object.values(SYSCALL_NAMES))('%s', (name) =>
    expect(isSeen(name, records) || (!ALWAYS_SEEN.includes(name) && isUnknownTo(name, records))).toBe(true),
  );

  it('is numbered from 1 without a gap, on the clock of the wall', () => {
    expect(records.map(({ n }) => n)).toEqual(records.map((_, index) => index + 1));
    for (const { at } of records) {
      expect(at).toBeGreaterThan(began - 1_000);
      expect(at).toBeLessThan(Date.now() + 1_000);
    }
  });
});

describe('what a real guest does', () => {
  const acts: readonly (readonly [what: string, program: string, seen: (record: RecordLine) => boolean])[] = [
    ['starts as a container', 'pass', (record) => record.kind === 'start' && record.args[0] === 'python3'],
    ['spawns', 'import os; os.fork()', (record) => record.kind === 'spawn'],
    [
      'executes',
      'import os; os.execv("/bin/true", ["true"])',
      (record) => record.kind === 'image' && record.path.endsWith('/true'),
    ],
    ['exits', 'import os; os._exit(7)', (record) => record.kind === 'exit' && record.status === 7 << 8],
    [
      'listens',
      'import socket; s = socket.socket(socket.AF_UNIX); s.bind("/tmp/s"); s.listen(3)',
      (record) => record.kind === 'call' && record.name === 'listen' && record.args[1] === 3,
    ],
    [
      'executes from memory',
      `
import os, shutil
fd = os.memfd_create('hidden', 0)
with open('/bin/true', 'rb') as source: os.write(fd, source.read())
os.execve(fd, ['true'], {})`,
      (record) => record.kind === 'image' && record.path.includes('memfd:hidden'),
    ],
    [
      'asks for io_uring',
      'import ctypes; ctypes.CDLL(None).syscall(425, 8, None)',
      (record) => record.kind === 'opaque' && record.errno === 'ENOSYS',
    ],
    [
      'signals the init',
      'import os\ntry: os.kill(1, 10)\nexcept OSError: pass',
      (record) => record.kind === 'call' && record.name === 'kill' && record.args[0] === 1,
    ],
    [
      'leaves its namespaces',
      'import ctypes; ctypes.CDLL(None).unshare(0x10000000)',
      (record) => record.kind === 'call' && record.name === 'unshare' && record.args[0] === 0x1000_0000,
    ],
  ];
  it.each(acts)('%s', async (_what, program, seen) => {
    const run = await runGuest(ground, program);
    expect(recordsOf(run).filter(seen), run.lines.slice(-12).join('\n')).not.toEqual([]);
  });

  it('is heard by who attached, with the number and time of its record', async () => {
    const heard: string[] = [];
    const run = await runGuest(ground, 'import os; os.kill(os.getpid(), 0)', 60_000, {
      onAct: (act, n, at) => {
        heard.push(`${n} ${at} ${act.kind}`);
        return false;
      },
    });
    expect(heard).toEqual(recordsOf(run).map(({ n, at, kind }) => `${n} ${at} ${kind}`));
  });
});
