import { strict } from '@crucible/domain';
import { describe, expect, it } from 'vitest';
import { isolationMisses } from './isolation.ts';
import { hostConfigOf, hostMemoryBytesMax } from './host-config.ts';

const limits = {
  cpuMillis: 4_000,
  memoryBytesMax: 2 ** 28,
  pidsMax: 64,
  diskBytesMax: 2 ** 26,
  wallTimeMsMax: 1,
  outputBytesMax: 1,
  tmpBytesMax: 1,
  filesOpenMax: 1,
  fileBytesMax: 1,
};
const asked = hostConfigOf(strict, limits, 'gvisor', 2);
const answer = (changes: Record<string, unknown> = {}) => ({
  Config: { User: '65534:65534' },
  Mounts: [],
  HostConfig: { ...asked, CapAdd: null, Binds: null, PidMode: '', UTSMode: '', ...changes },
});

describe('isolationMisses', () => {
  it('is satisfied by what was asked', () => {
    expect(isolationMisses(asked, 65_534, answer())).toEqual([]);
  });

  it.each([
    [{ Runtime: 'runc' }, 'Runtime'],
    [{ NetworkMode: 'bridge' }, 'NetworkMode'],
    [{ ReadonlyRootfs: false }, 'ReadonlyRootfs'],
    [{ Privileged: true }, 'Privileged'],
    [{ CapDrop: [] }, 'CapDrop'],
    [{ CapAdd: ['SYS_ADMIN'] }, 'CapAdd'],
    [{ SecurityOpt: null }, 'SecurityOpt'],
    [{ Memory: 0 }, 'Memory'],
    [{ MemorySwap: -1 }, 'MemorySwap'],
    [{ PidsLimit: null }, 'PidsLimit'],
    [{ NanoCpus: 0 }, 'NanoCpus'],
    [{ Tmpfs: { '/work': 'rw' } }, 'Tmpfs'],
    [{ Binds: ['/:/host'] }, 'Binds'],
    [{ Devices: [{ PathOnHost: '/dev/sda' }] }, 'Devices'],
    [{ PidMode: 'host' }, 'PidMode'],
    [{ IpcMode: 'container:x' }, 'IpcMode'],
    [{ Ulimits: [] }, 'Ulimits'],
    [{ LogConfig: { Type: 'json-file' } }, 'LogConfig'],
    [{ RestartPolicy: { Name: 'always' } }, 'RestartPolicy'],
  ])('misses %j', (changes, miss) => {
    expect(isolationMisses(asked, 65_534, answer(changes))).toContain(miss);
  });

  it('misses another user, a volume of the image and an empty answer', () => {
    expect(isolationMisses(asked, 65_534, { ...answer(), Config: { User: '' } })).toEqual(['User']);
    expect(isolationMisses(asked, 65_534, { ...answer(), Mounts: [{ Type: 'volume' }] })).toEqual(['Volumes']);
    expect(isolationMisses(asked, 65_534, {}).length).toBeGreaterThan(10);
  });
});

describe('hostConfigOf', () => {
  it('asks for no more cores than there are', () => {
    expect(asked.NanoCpus).toBe(2_000_000_000);
  });

  it('allows no swap and leaves room for the files that live in memory', () => {
    expect(asked.MemorySwap).toBe(asked.Memory);
    expect(hostMemoryBytesMax(limits)).toBeGreaterThan(limits.memoryBytesMax + limits.diskBytesMax);
  });
});
