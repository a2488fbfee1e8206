import { describe, expect, it, vi } from 'vitest';
import { RECORDS_FULL_MAX } from './evidence.ts';
import { FINDINGS_KEPT_MAX } from './findings.ts';
import { gvisor, opened, sockaddr, START_MS } from './messages.fixture.ts';
import { Session } from './session.ts';

const guest = { tid: 2 };
const WRITE = 0o101;

const sessionOf = (...packets: Buffer[]): Session => {
  const session = new Session(['/work', '/tmp', '/dev/shm']);
  session.take(gvisor.start());
  for (const packet of packets) session.take(packet);
  return session;
};
const reportOf = (...packets: Buffer[]) => {
  const session = sessionOf(...packets);
  session.end();
  return session.report();
};
const textsOf = (...packets: Buffer[]) =>
  reportOf(...packets).findings.map(({ reach, effect, text }) => `${reach}${effect === 'outside' ? '!' : ''}: ${text}`);

describe('an ordinary guest', () => {
  it.each([
    ['reads libraries', opened(guest, '/usr/lib/python3.11/os.py', 0, 0)],
    ['reads passwd', opened(guest, '/etc/passwd', 0, 0)],
    ['looks at its own process', opened(guest, '/proc/2/environ', 0, 0)],
    ['lists processes as ps does', opened(guest, '/proc/1/stat', 0, 0)],
    [
      'writes where it may',
      ['/work/a', 'rel', '/tmp/x', '/dev/shm/s', '/dev/null', '/proc/self/comm'].flatMap((path) =>
        opened(guest, path, WRITE, 0),
      ),
    ],
    ['tries to keep its byte code', opened(guest, '/usr/lib/python3/__pycache__/x.cpython-311.pyc.140', WRITE, 30)],
    ['looks for a temporary folder', opened(guest, '/var/tmp/abcd1234', 0o302, 30)],
    [
      'uses local sockets',
      [
        gvisor.socket(guest, 1, 1),
        gvisor.socket(guest, 1, 1, 0),
        gvisor.connect(guest, sockaddr.unix('/run/nscd/socket')),
        gvisor.connect(guest, sockaddr.unix('/run/nscd/socket'), 2),
      ],
    ],
    [
      'starts threads and children',
      [
        gvisor.cloneExit(guest, 0x3d0f00, 0),
        gvisor.clone(guest, 3),
        gvisor.rawExit(435, 0),
        gvisor.taskExit({ tid: 3 }),
      ],
    ],
    ['signals its children and asks who is there', [gvisor.raw(guest, 62, 5, 9), gvisor.raw(guest, 62, 1, 0)]],
    [
      'asks for its limits and sets its own',
      [gvisor.raw(guest, 302, 1, 7, 0), gvisor.raw(guest, 302, 0, 7, 0x7f00_0000)],
    ],
    ['stays who it is', [gvisor.raw(guest, 105, 65534), gvisor.raw(guest, 117, -1, 65534, -1)]],
    ['makes a pipe by name', [gvisor.raw(guest, 259, -100, 0, 0o10644)]],
    ['unshares its files table', [gvisor.raw(guest, 272, 0x400)]],
    ['is refused io_uring', [gvisor.rawExit(425, 38)]],
  ])('%s: no finding, nothing lost', (_name, packets) => {
    expect(reportOf(...packets)).toMatchObject({
      observed: true,
      findings: [],
      concealed: 0,
      malformed: 0,
      dropped: 0,
    });
  });
});

describe('a guest that was given an endpoint', () => {
  const AT = '127.0.0.1:8377';
  const reaching = (...packets: Buffer[]): string[] => {
    const session = new Session(['/work', '/tmp', '/dev/shm']);
    session.endpoint = AT;
    session.take(gvisor.start());
    for (const packet of packets) session.take(packet);
    session.end();
    return session
      .report()
      .findings.map(({ reach, effect, text }) => `${reach}${effect === 'outside' ? '!' : ''}: ${text}`);
  };
  const tcp = [gvisor.socket(guest, 2, 1 | 0o2000000), gvisor.socket(guest, 2, 1 | 0o2000000, 0)];
  const connected = (address: Buffer, errno = 0): Buffer[] => [
    gvisor.connect(guest, address),
    gvisor.connect(guest, address, errno),
  ];
  const inet = sockaddr.inet;

  it('calls it, waiting or not, and nothing is found', () => {
    expect(reaching(...tcp, ...connected(inet('127.0.0.1', 8377)))).toEqual([]);
    expect(reaching(...tcp, ...connected(inet('127.0.0.1', 8377), 115))).toEqual([]);
  });

  it.each([
    ['another port', [...tcp, ...connected(inet('127.0.0.1', 22), 111)], 'network: connect 127.0.0.1:22: ECONNREFUSED'],
    [
      'another address inside',
      [...tcp, ...connected(inet('127.0.0.2', 8377))],
      'network: connect 127.0.0.2:8377: connected',
    ],
    [
      'an address outside',
      [...tcp, ...connected(inet('192.0.2.1', 80), 101)],
      'network: connect 192.0.2.1:80: ENETUNREACH',
    ],
    [
      'an address outside that answers',
      [...tcp, ...connected(inet('192.0.2.1', 80))],
      'network!: connect 192.0.2.1:80: connected',
    ],
    ['datagrams', [gvisor.socket(guest, 2, 2), gvisor.socket(guest, 2, 2, 0)], 'network: socket AF_INET'],
    ['raw packets', [gvisor.socket(guest, 2, 3), gvisor.socket(guest, 2, 3, 1)], 'network: socket AF_INET raw'],
    ['the other family', [gvisor.socket(guest, 10, 1), gvisor.socket(guest, 10, 1, 0)], 'network: socket AF_INET6'],
  ])('is found to reach for %s', (_, packets, finding) => {
    expect(reaching(...packets)).toEqual([finding]);
  });
});

describe('what init does for the platform', () => {
  const init = { tid: 1 };
  const secret = '/work/deploy/.aws/credentials';
  const began = opened(guest, '/work/a', 0, 0);

  it('lays out and gives back files, whatever they are called, also once the guest has begun', () => {
    expect(textsOf(...began, ...opened(init, secret, WRITE, 0), ...opened(init, secret, 0, 0))).toEqual([]);
    expect(textsOf(...began, ...opened(guest, secret, 0, 0))).toEqual([`host: open ${secret}: granted inside`]);
  });

  it('is the subject’s own where a file tool asked for it, and an attempt anywhere else', () => {
    const session = sessionOf(...began);
    session.attribute = (act) => (act.kind === 'open' && act.tgid === 1 ? { ...act, forTool: true } : act);
    for (const packet of opened(init, secret, 0, 0)) session.take(packet);
    expect(session.report().findings).toMatchObject([{ reach: 'host', text: `open ${secret}: granted inside` }]);
    expect(textsOf(...began, ...opened(init, '/root/.ssh/id', 0, 13))).toHaveLength(1);
    expect(textsOf(...began, ...opened(init, '/usr/x', WRITE, 0))).toEqual([
      'persistence!: open /usr/x for writing: granted inside',
    ]);
  });
});

describe('a guest that reaches out', () => {
  it.each([
    ['network: socket AF_INET', [gvisor.socket(guest, 2, 1), gvisor.socket(guest, 2, 1, 0)]],
    ['network: socket AF_PACKET raw', [gvisor.socket(guest, 17, 3), gvisor.socket(guest, 17, 3, 1)]],
    [
      'network: connect 192.0.2.1:80: EHOSTUNREACH',
      [
        gvisor.connect(guest, sockaddr.inet('192.0.2.1', 80)),
        gvisor.connect(guest, sockaddr.inet('192.0.2.1', 80), 113),
      ],
    ],
    [
      'network!: connect 192.0.2.1:80: connected',
      [gvisor.connect(guest, sockaddr.inet('192.0.2.1', 80)), gvisor.connect(guest, sockaddr.inet('192.0.2.1', 80), 0)],
    ],
    [
      'network!: connect 192.0.2.1:80: EINPROGRESS',
      [
        gvisor.connect(guest, sockaddr.inet('192.0.2.1', 80)),
        gvisor.connect(guest, sockaddr.inet('192.0.2.1', 80), 115),
      ],
    ],
    ['host: open /etc/shadow: ENOENT', opened(guest, '/proc/self/root/../etc/./shadow', 0, 2)],
    ['host: open /work/.ssh/id_rsa: ENOENT', opened(guest, '.ssh/id_rsa', 0, 2)],
    ['process: open /proc/1/environ: granted inside', opened(guest, '/proc/1/environ', 0, 0)],
    ['process: open /proc/1/oom_score_adj for writing: granted inside', opened(guest, '/proc/1/oom_score_adj', 1, 0)],
    ['host: open /dev/mem: unfinished', opened(guest, '/dev/mem', 0, 0).slice(0, 2)],
    [
      'host: open /proc/sys/kernel/core_pattern for writing: EACCES',
      opened(guest, '/proc/sys/kernel/core_pattern', 1, 13),
    ],
    ['persistence: open /etc/cron.d/x for writing: EROFS', opened(guest, '/etc/cron.d/x', WRITE, 30)],
    ['persistence!: open /etc/cron.d/x for writing: granted inside', opened(guest, '/etc/cron.d/x', WRITE, 0)],
    ['persistence: open /dev/new for writing: granted inside', opened(guest, '/dev/new', WRITE, 0)],
    [
      'host: connect /var/run/docker.sock: ENOENT',
      [
        gvisor.connect(guest, sockaddr.unix('/var/run/docker.sock')),
        gvisor.connect(guest, sockaddr.unix('/var/run/docker.sock'), 2),
      ],
    ],
    [
      'host: connect @/containerd-shim/moby/0/shim.sock␀: connected',
      [
        gvisor.connect(guest, sockaddr.unix('\0/containerd-shim/moby/0/shim.sock')),
        gvisor.connect(guest, sockaddr.unix('\0/containerd-shim/moby/0/shim.sock'), 0),
      ],
    ],
    ['privilege: mount called', [gvisor.raw(guest, 165)]],
    ['privilege: unshare: new user, net namespace', [gvisor.raw(guest, 272, 0x5000_0000)]],
    ['privilege: clone with new user namespace: granted inside', [gvisor.cloneExit(guest, 0x1000_0011, 0)]],
    ['privilege: setresuid to 0', [gvisor.raw(guest, 117, -1, 0, -1)]],
    ['process: ptrace called', [gvisor.raw(guest, 101, 16, 1)]],
    ['process: kill 1 with signal 9', [gvisor.raw(guest, 62, 1, 9)]],
    ['process: kill -1 with signal 9', [gvisor.raw(guest, 62, 0xffff_ffff, 9)]],
    ['process: rt_sigqueueinfo 1 with signal 9', [gvisor.raw(guest, 129, 1, 9)]],
    ['process: rt_tgsigqueueinfo 1 with signal 9', [gvisor.raw(guest, 297, 1, 1, 9)]],
    ['process: prlimit64 of process 1', [gvisor.raw(guest, 302, 1, 7, 0x7f00_0000)]],
    ['process: setpriority of process 1', [gvisor.raw(guest, 141, 0, 1, 19)]],
    ['host: open /etc/shadow: ENOENT', opened(guest, '/proc/2/cwd/../etc/shadow', 0, 2)],
    ['process: open /proc/3/cwd/../etc/shadow: granted inside', opened(guest, '/proc/3/cwd/../etc/shadow', 0, 0)],
    ['host: mknod of a device', [gvisor.raw(guest, 133, 0, 0o20666)]],
    ['privilege: execute /usr/bin/sudo', [gvisor.raw(guest, 59), gvisor.execve(guest, '/usr/bin/sudo', ['sudo'])]],
  ])('%s', (text, packets) => expect(textsOf(...packets)).toEqual([text]));

  it('counts repetition instead of repeating it', () => {
    const packets = Array.from({ length: 50 }, () => opened(guest, '/etc/shadow', 0, 2)).flat();
    expect(reportOf(...packets).findings).toMatchObject([{ rule: 'host-secret', count: 50, firstNs: 1_000 }]);
  });

  it('does not call a breach what the guest built for itself', () => {
    expect(textsOf(gvisor.raw(guest, 165), ...opened(guest, '/etc/x', WRITE, 0))).not.toContainEqual(
      expect.stringContaining('!'),
    );
    const connects = [
      gvisor.connect(guest, sockaddr.inet('10.0.0.1', 1)),
      gvisor.connect(guest, sockaddr.inet('10.0.0.1', 1), 0),
    ];
    expect(textsOf(gvisor.raw(guest, 272, 0x4000_0000), ...connects)).not.toContainEqual(expect.stringContaining('!'));
  });

  it('takes the object from where a call began, though another thread rewrote it meanwhile', () => {
    const [raw, enter] = opened(guest, '/etc/shadow', 0, 0) as [Buffer, Buffer];
    expect(textsOf(raw, enter, gvisor.openat(guest, '/tmp/innocent', 0, 2))).toEqual([
      'host: open /etc/shadow: ENOENT',
    ]);
  });

  it('bounds its findings and still keeps a late breach', () => {
    const many = Array.from({ length: 500 }, (_, index) => opened(guest, `/root/${index}`, 0, 2)).flat();
    const report = reportOf(...many, ...opened(guest, '/etc/late', WRITE, 0));
    expect(report.findings).toHaveLength(FINDINGS_KEPT_MAX);
    expect(report.findings.at(-1)).toMatchObject({ effect: 'outside' });
    expect(report.findingsOmitted).toBe(500 - FINDINGS_KEPT_MAX + 1);
  });
});

describe('evidence that was lost', () => {
  it('notices a call whose typed message never came', () => {
    expect(reportOf(gvisor.raw(guest, 257, -100), ...opened(guest, '/tmp/a', 0, 2)).concealed).toBe(1);
    expect(reportOf(gvisor.raw(guest, 257, -100), gvisor.raw(guest, 165)).concealed).toBe(1);
    expect(reportOf(gvisor.raw(guest, 59), gvisor.taskExit(guest)).concealed).toBe(1);
  });

  it('is not misled by other threads', () => {
    const other = { tid: 3 };
    const mine = opened(guest, '/tmp/a', 0, 2);
    const theirs = opened(other, '/tmp/b', 0, 2);
    const interleaved = mine.flatMap((packet, index) => [packet, theirs[index] as Buffer]);
    expect(reportOf(...interleaved)).toMatchObject({ concealed: 0, malformed: 0, records: 3 });
  });

  it('counts what was reached beyond a descriptor, and what was another name when the call ended', () => {
    expect(reportOf(...opened(guest, '/proc/self/fd/3/etc/shadow', 0, 2)).concealed).toBe(1);
    const [announced, begun] = opened(guest, '/work/a', 0, 0) as [Buffer, Buffer, Buffer];
    expect(reportOf(announced, begun, gvisor.openat(guest, '/etc/shadow', 0, 0)).concealed).toBe(1);
    const elsewhere = gvisor.connect(guest, sockaddr.unix('/run/docker.sock'), 0);
    expect(reportOf(gvisor.connect(guest, sockaddr.unix('/tmp/s')), elsewhere).concealed).toBe(1);
  });

  it('counts calls of threads that there is no room to follow', () => {
    const crowd = Array.from({ length: 8_192 }, (_, index) => gvisor.socket({ tid: 100 + index, tgid: 2 }, 1, 1, 0));
    expect(reportOf(...crowd, gvisor.raw(guest, 257, -100)).concealed).toBe(1);
  });

  it('takes an accepted io_uring as a way past the watched calls', () => {
    expect(reportOf(gvisor.rawExit(425, 0)).concealed).toBe(1);
  });

  it('counts drops as the sender does, and a falling count as malformed', () => {
    const dropping = Buffer.from(gvisor.raw(guest, 165));
    dropping.writeUInt32LE(7, 4);
    expect(reportOf(dropping)).toMatchObject({ dropped: 7, malformed: 0 });
    expect(reportOf(dropping, gvisor.raw(guest, 165))).toMatchObject({ dropped: 7, malformed: 1 });
  });

  it('counts what it cannot read, a second start and messages before the start', () => {
    expect(reportOf(Buffer.from('nonsense'), gvisor.start('other')).malformed).toBe(2);
    const early = new Session([]);
    early.take(gvisor.raw(guest, 165));
    early.end();
    expect(early.report()).toMatchObject({ observed: false, malformed: 1 });
  });

  it('is not observed before its end', () => expect(sessionOf().report().observed).toBe(false));
});

describe('limits', () => {
  it('tells a refused process of the guest from the proof that init makes', () => {
    expect(reportOf(gvisor.cloneExit(guest, 17, 11)).pidsLimitHit).toBe(true);
    expect(reportOf(gvisor.rawExit(435, 11)).pidsLimitHit).toBe(true);
    expect(reportOf(gvisor.cloneExit({ tid: 1 }, 17, 11)).pidsLimitHit).toBe(false);
  });

  it('notices a full disk and how init ended', () => {
    const report = reportOf(...opened(guest, '/tmp/x', WRITE, 28), gvisor.taskExit({ tid: 1 }, 9));
    expect(report).toMatchObject({ diskFull: true, initStatus: 9, findings: [] });
    expect(reportOf().initStatus).toBeNull();
  });
});

describe('the published record', () => {
  it('numbers its acts, tells the time of the wall, and judges what it no longer publishes', () => {
    const session = sessionOf();
    const heard: [string, number, number][] = [];
    session.onAct = (act, n, at) => {
      heard.push([act.kind, n, at]);
      return false;
    };
    const lines: string[] = [];
    session.evidence.deliverTo((batch) => void lines.push(...batch.lines.trim().split('\n')));
    for (const packet of opened({ ...guest, t: 2_500_000 }, '/etc/shadow', 0, 2)) session.take(packet);
    session.take(gvisor.rawExit(425, 38));
    session.end();
    session.close();
    const at = START_MS + 2.5;
    expect(heard).toEqual([
      ['open', 2, at],
      ['opaque', 3, at],
    ]);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { n: 1, at: START_MS, kind: 'start' },
      { n: 2, at, kind: 'open' },
      { n: 3, at, kind: 'opaque' },
    ]);
  });

  it('keeps what its listener calls telling, and judges everything, beyond the bounds too', { timeout: 60_000 }, () => {
    const session = sessionOf();
    const lines: string[] = [];
    session.evidence.deliverTo((batch) => void lines.push(...batch.lines.trim().split('\n')));
    const calls = RECORDS_FULL_MAX + 500;
    const told = calls - 7;
    session.onAct = (_act, n) => n === told;
    const packet = gvisor.raw(guest, 101, 0);
    for (let call = 1; call < calls; call += 1) session.take(packet);
    for (const last of opened(guest, '/etc/shadow', 0, 2)) session.take(last);
    session.end();
    session.close();
    const report = session.report();
    expect(report).toMatchObject({ records: calls + 1, findings: [{ count: calls - 1 }, { rule: 'host-secret' }] });
    const ordinals = lines.map((line) => (JSON.parse(line) as { n: number }).n);
    expect(ordinals).toContain(told);
    expect(report.sampledOut).toBe(report.records - (lines.length - 1));
  });

  it('gives up the trial whose listener breaks', () => {
    const session = sessionOf();
    session.onAct = () => {
      throw new Error('no such rule');
    };
    for (const packet of opened(guest, '/etc/shadow', 0, 2)) session.take(packet);
    session.end();
    expect(session.report()).toMatchObject({ observed: false, failure: 'Error: no such rule', records: 2 });
  });

  it('holds what came before anyone attached, then gives batches by time', () => {
    vi.useFakeTimers();
    try {
      const session = sessionOf(...opened(guest, '/tmp/a', 0, 2));
      const batches: string[] = [];
      session.evidence.deliverTo(({ lines }) => void batches.push(lines));
      expect(batches).toHaveLength(1);
      for (const packet of opened(guest, '/tmp/\u001b[31m', 0, 2)) session.take(packet);
      expect(batches).toHaveLength(1);
      vi.advanceTimersByTime(250);
      expect(batches).toHaveLength(2);
      expect(batches[1]).toMatch(/^\{[^\u0000-\u0009\u000b-\u001f]*\}\n$/);
      expect(JSON.parse(batches[1] as string)).toMatchObject({ t: 1_000, tid: 2, kind: 'open', errno: 'ENOENT' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('names processes by what they execute, also after a fork', () => {
    const session = sessionOf(gvisor.clone({ tid: 1 }, 2), gvisor.image(guest, '/usr/bin/sh'), gvisor.clone(guest, 3));
    const lines: string[] = [];
    session.evidence.deliverTo((batch) => void lines.push(...batch.lines.trim().split('\n')));
    for (const packet of opened({ tid: 3 }, '/tmp/a', 0, 0)) session.take(packet);
    session.end();
    expect(lines.map((line) => (JSON.parse(line) as { proc: string }).proc)).toEqual([
      'python3',
      'python3',
      'sh',
      'sh',
      'sh',
    ]);
  });
});
