import { strict } from '@crucible/domain';
import { describe, expect, it } from 'vitest';
import { hostMemoryBytesMax, hostTasksMax } from './host-config.ts';
import type { HostFindings, Sentry } from './host-findings.ts';
import { judgeFindings, type Findings } from './preflight.ts';

const limits = { ...strict.default, cpuMillis: 1_500 };
const asked = { profile: strict, limits, cpusMax: 2 };
const memory = hostMemoryBytesMax(limits);

const links = 'Inter-|   Receive\n face |bytes\n    lo:       0       0\n';
const status = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd'].map((set) => `${set}:\t0000000000000000\n`).join('');
const guest: Readonly<Record<string, string>> = {
  kernel: 'Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n',
  log: '<6>[   0.000000] Starting gVisor...\n',
  status,
  interfaces: 'lo',
  routes: 'Iface\tDestination\tGateway   \n',
  routes6: '',
  mounts: 'none / 9p ro,trans=fd 0 0\nnone /proc proc rw 0 0\nnone /work tmpfs rw,size=1 0 0\n',
  ids: '65534 65534 65534 65534 65534 65534 65534',
  privileges: 'new=0 dumpable=0',
  writes: '/=30 /usr=30 /etc=30',
  sizes: `/work=${limits.diskBytesMax} /tmp=${limits.tmpBytesMax} /dev/shm=16777216 /home/operator=1048576`,
  limits: `RLIMIT_NOFILE=${limits.filesOpenMax} RLIMIT_FSIZE=${limits.fileBytesMax} RLIMIT_CORE=0`,
  sockets: '',
  environment: 'HOME HOSTNAME LANG PATH',
};
const sentry: Sentry = {
  processId: 7,
  argv: ['runsc-sandbox', '--platform=systrap', 'boot', 'id'],
  status: 'Name:\texe\nSeccomp:\t2\n',
  links,
  routes: '',
};
const host: HostFindings = {
  sentry,
  bounds: {
    memoryBytesMax: memory,
    memoryAndSwapBytesMax: memory,
    tasksMax: hostTasksMax(limits),
    cpuMillis: 1_500,
  },
  version: 'Linux version 6.18.0\n',
  swap: true,
};

const missesOf = (changes: Partial<Record<keyof typeof guest, string | undefined>>, outside = host): string[] => {
  const told = Object.entries({ ...guest, ...changes }).flatMap(([name, text]): [string, string][] =>
    text === undefined ? [] : [[name, text]],
  );
  const findings: Findings = { engineMisses: [], guest: new Map(told), host: outside };
  return judgeFindings(asked, findings).flatMap(({ held, name }) => (held ? [] : [name]));
};
const outside = (changes: Partial<Sentry>): HostFindings => ({ ...host, sentry: { ...sentry, ...changes } });
const bounded = (changes: Partial<HostFindings['bounds']>): HostFindings => ({
  ...host,
  bounds: { ...host.bounds, ...changes },
});

describe('a sandbox as asked', () => {
  it('misses nothing', () => {
    expect(missesOf({})).toEqual([]);
  });

  it('gives few enough checks, each in one short line', () => {
    const long = { ...guest, mounts: `none /x\u001b[2J${'y'.repeat(5_000)} tmpfs rw 0 0\n` };
    const findings = { engineMisses: ['Memory'], guest: new Map(Object.entries(long)), host };
    const checks = judgeFindings(asked, findings);
    expect(checks.length).toBeLessThanOrEqual(40);
    for (const { name, seen } of checks) {
      expect(name.length).toBeLessThanOrEqual(200);
      expect(seen.length).toBeLessThanOrEqual(300);
      expect(seen).not.toMatch(/\p{Cc}/u);
    }
    expect(checks.filter(({ held }) => !held).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['mounts', 'engine configuration']),
    );
  });

  it('need not have swap accounted where the host has none', () => {
    const unaccounted = bounded({ memoryAndSwapBytesMax: null });
    expect(missesOf({}, { ...unaccounted, swap: false })).toEqual([]);
    expect(missesOf({}, unaccounted)).toEqual(['swap']);
  });
});

describe('a probe that says less', () => {
  it.each(Object.keys(guest).filter((name) => !['routes6'].includes(name)))('proves less: no %s', (name) => {
    expect(missesOf({ [name]: undefined })).not.toEqual([]);
  });

  it('proves nothing about what the host does not show', () => {
    const bounds = { memoryBytesMax: null, memoryAndSwapBytesMax: null, tasksMax: null, cpuMillis: null };
    expect(missesOf({}, { ...host, sentry: null, bounds })).toEqual([
      'kernel from outside',
      'kernel platform',
      'seccomp',
      'interfaces',
      'routes',
      'memory',
      'swap',
      'tasks',
      'cpu',
    ]);
  });
});

describe('what is seen inside', () => {
  it.each([
    ['kernel', 'kernel', host.version],
    ['log', 'kernel', '<5>Linux version 6.18.0'],
    ['interfaces', 'interfaces', 'lo eth0'],
    ['routes', 'routes', 'Iface\tDestination\neth0\t00000000\t0100000A\n'],
    ['routes6', 'routes', '00000000000000000000000000000000 00'],
    ['status', 'capabilities', status.replace('CapEff:\t00', 'CapEff:\t01')],
    ['status', 'capabilities', `${status}CapAmb:\t0000000000000400\n`],
    ['status', 'capabilities', status.replace(/CapBnd.*\n/, '')],
    ['ids', 'user', '65534 0 65534 65534 65534 65534'],
    ['ids', 'user', '65534 65534 65534 65534 65534 65534 0'],
    ['privileges', 'no-new-privileges', 'new=1 dumpable=0'],
    ['privileges', 'init', 'new=0 dumpable=1'],
    ['writes', 'root read-only', '/=30 /usr=0 /etc=30'],
    ['writes', 'root read-only', '/=13 /usr=13 /etc=13'],
    ['mounts', 'root read-only', 'none / 9p rw 0 0\n'],
    ['mounts', 'mounts', 'none / 9p ro 0 0\nnone /data 9p rw 0 0\n'],
    ['mounts', 'mounts', 'none / 9p ro 0 0\nnone /data tmpfs rw 0 0\n'],
    ['mounts', 'mounts', 'none / 9p ro 0 0\n/dev/sda1 /mnt ext4 rw 0 0\n'],
    ['sockets', 'engine socket', '/run/docker.sock'],
    ['sizes', 'work folder', String(guest['sizes']).replace(/\/work=\d+/, '/work=999999999')],
    ['sizes', 'tmp', String(guest['sizes']).replace(/\/tmp=\d+/, '/tmp=-1')],
    ['sizes', 'shared memory', String(guest['sizes']).replace(/\/dev\/shm=\d+/, '')],
    ['limits', 'open files', String(guest['limits']).replace(/NOFILE=\d+/, 'NOFILE=-1')],
    ['limits', 'file size', String(guest['limits']).replace(/FSIZE=\d+/, 'FSIZE=1')],
    ['limits', 'core files', String(guest['limits']).replace('CORE=0', 'CORE=-1')],
    ['environment', 'environment', 'HOME PATH AWS_SECRET_ACCESS_KEY'],
  ])('misses by %s: %s, for %j', (finding, miss, text) => {
    expect(missesOf({ [finding]: text })).toContain(miss);
  });
});

describe('what is seen outside', () => {
  it.each([
    ['kernel platform', outside({ argv: ['runsc-sandbox', '--platform=kvm'] })],
    ['kernel platform', outside({ argv: ['runsc-sandbox'] })],
    ['seccomp', outside({ status: 'Seccomp:\t0\n' })],
    ['interfaces', outside({ links: `${links}  eth0: 1 2\n` })],
    ['interfaces', outside({ links: '' })],
    ['routes', outside({ routes: 'Iface\nlo\t0000007F\n' })],
    ['routes', outside({ routes: null })],
    ['memory', bounded({ memoryBytesMax: Infinity })],
    ['memory', bounded({ memoryBytesMax: memory + 4_096 })],
    ['swap', bounded({ memoryAndSwapBytesMax: memory * 2 })],
    ['tasks', bounded({ tasksMax: Infinity })],
    ['cpu', bounded({ cpuMillis: 2_000 })],
    ['cpu', bounded({ cpuMillis: Infinity })],
  ])('misses %s', (miss, found) => {
    expect(missesOf({}, found)).toEqual([miss]);
  });
});
