import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strict } from '@crucible/domain';
import type { SandboxProfile } from '@crucible/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineClient } from './engine-client.ts';
import { PreflightMiss } from './engine-error.ts';
import { DockerSandboxEngine } from './engine.ts';
import { LyingEngine } from './lying-engine.fixture.ts';
import type { SandboxWish } from './port.ts';
import { limits, observe, pythonSpec, testEngine } from './sandbox.fixture.ts';

const executorId = `test-${randomUUID()}`;
let engine: DockerSandboxEngine;
let folder: string;

const engineAt = (socketPath: string, runtime = testEngine().runtime): DockerSandboxEngine =>
  new DockerSandboxEngine({ socketPath, runtime, executorId });
const wish = (changes: Partial<SandboxWish> = {}): SandboxWish => ({
  image: testEngine().image,
  profile: strict,
  limits,
  ...changes,
});

/** Names of the checks that did not hold; empty when the sandbox was taken for good. */
const missesOf = async (on: DockerSandboxEngine, asked: SandboxWish = wish()): Promise<string[]> => {
  try {
    const prepared = await on.prepare(asked);
    await prepared.discard();
    return [];
  } catch (error) {
    if (!(error instanceof PreflightMiss)) throw error;
    return error.checks.filter(({ held }) => !held).map(({ name }) => name);
  } finally {
    await on.drain();
  }
};

beforeAll(() => {
  engine = engineAt(testEngine().socketPath);
  folder = mkdtempSync(join(tmpdir(), 'crucible-host-'));
});

afterAll(async () => {
  await engine.drain();
  expect(await engine.list()).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});

describe('a sandbox as asked', () => {
  it('holds every check, and says what was seen', async () => {
    const prepared = await engine.prepare(wish());
    const { checks, probedAt } = prepared.preflight;
    expect(checks.filter(({ held }) => !held)).toEqual([]);
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
    expect(Object.fromEntries(checks.map(({ name, seen }) => [name, seen]))).toMatchObject({
      kernel: expect.stringMatching(/^gVisor, Linux version/) as string,
      'kernel from outside': `process ${prepared.processId} is runsc-sandbox`,
      interfaces: 'inside lo, outside lo',
      routes: 'none',
      capabilities: 'none in any set',
      'work folder': `/work ${limits.diskBytesMax} bytes`,
      'open files': String(limits.filesOpenMax),
      'engine socket': 'absent',
    });
    expect(Date.parse(probedAt)).toBeCloseTo(prepared.preparedAtMs, -3);
    expect(prepared.profile).toEqual({ name: 'strict', version: '1', looserThanStrict: [] });
    await prepared.discard();
    await prepared.gone;
  });
});

describe('an engine that makes something else and says otherwise', () => {
  const host = (changes: Record<string, unknown>) => ({ HostConfig: changes });
  const tmpfs = (folder: string, options: string) => (asked: { HostConfig: Record<string, unknown> }) =>
    host({ Tmpfs: { ...(asked.HostConfig['Tmpfs'] as object), [folder]: options } });

  it.each([
    ['a writable root', () => host({ ReadonlyRootfs: false }), ['root read-only']],
    ['another user', () => ({ User: '1000:1000' }), ['user']],
    ['root', () => ({ User: '0:0' }), ['user']],
    ['another group', () => host({ GroupAdd: ['27'] }), ['user']],
    ['capabilities', () => host({ CapDrop: [], CapAdd: ['NET_ADMIN'] }), ['capabilities']],
    ['more memory', () => host({ Memory: 2 ** 30, MemorySwap: 2 ** 30 }), ['memory', 'swap']],
    ['swap', () => host({ MemorySwap: 2 ** 30 }), ['swap']],
    ['more tasks', () => host({ PidsLimit: 5_000 }), ['tasks']],
    ['tasks without a bound', () => host({ PidsLimit: 0 }), ['tasks']],
    ['more cores', () => host({ NanoCpus: 2_000_000_000 }), ['cpu']],
    ['cores without a bound', () => host({ NanoCpus: 0 }), ['cpu']],
    ['a larger work folder', tmpfs('/work', 'rw,exec,size=1g,mode=1777'), ['work folder']],
    ['a larger tmp', tmpfs('/tmp', 'rw,size=1g,mode=1777'), ['tmp']],
    ['a writable folder more', tmpfs('/data', 'rw,size=1g'), ['mounts']],
    ['more shared memory', () => host({ ShmSize: 2 ** 28 }), ['shared memory']],
    ['a folder of the host', () => host({ Binds: [`${folder}:/mnt`] }), ['mounts']],
    ['a folder of the host, read-only', () => host({ Binds: [`${folder}:/mnt:ro`] }), ['mounts']],
    [
      'the socket of the engine',
      () => host({ Binds: [`${testEngine().socketPath}:/run/docker.sock`] }),
      ['engine socket', 'mounts'],
    ],
    [
      'more open files',
      () => host({ Ulimits: [{ Name: 'nofile', Soft: 4_096, Hard: 4_096 }] }),
      ['core files', 'file size', 'open files'],
    ],
    ['a secret in the environment', () => ({ Env: ['PATH=/usr/bin', 'AWS_SECRET_ACCESS_KEY=x'] }), ['environment']],
    [
      'no isolation at all',
      () => host({ Runtime: 'runc' }),
      ['kernel', 'kernel from outside', 'kernel platform', 'seccomp'],
    ],
  ] as const)('is found out: %s', async (_, alter, expected) => {
    const lying = new LyingEngine(testEngine().socketPath, (asked) => {
      const { HostConfig, ...rest } = alter(asked) as { HostConfig?: object };
      return { ...asked, ...rest, HostConfig: { ...asked.HostConfig, ...HostConfig } };
    });
    await lying.listen();
    try {
      const misses = await missesOf(engineAt(lying.socketPath));
      expect(misses).toEqual(expect.arrayContaining([...expected]));
      expect(misses).not.toContain('engine configuration');
    } finally {
      lying.close();
    }
  });
});

describe('an image that brings something of its own', () => {
  it.each([
    ['a volume', 'VOLUME /data', ['mounts', 'engine configuration']],
    ['environment', 'ENV API_KEY=x', ['environment']],
  ])('is not started: %s', async (_, changes, expected) => {
    const docker = engineClient(testEngine().socketPath);
    const base = await docker.createContainer({
      Image: testEngine().image,
      Cmd: ['true'],
      HostConfig: { NetworkMode: 'none' },
    });
    const repo = `crucible-test-${randomUUID()}`;
    await base.commit({ repo, tag: '1', changes });
    await base.remove();
    try {
      expect(await missesOf(engine, wish({ image: `${repo}:1` }))).toEqual(expected);
      const { end, stdout } = await observe(engine, pythonSpec('print(1)', { image: `${repo}:1` }));
      expect(end).toMatchObject({ reason: 'engine-failure', durationMs: 0 });
      expect(end.error).toContain('isolation not proven: ');
      expect(stdout).toBe('');
    } finally {
      await engine.drain();
      await docker.getImage(`${repo}:1`).remove();
    }
  });
});

describe('a profile', () => {
  it('is held to the kernel platforms that it names', async () => {
    const other: SandboxProfile = { ...strict, name: 'other', kernelPlatforms: ['kvm'] };
    expect(await missesOf(engine, wish({ profile: other }))).toEqual(['kernel platform']);
  });

  it('that is looser gives what it allows, and its sandboxes say so', async () => {
    const memoryBytesMax = strict.max.memoryBytesMax + 4_096;
    const lab: SandboxProfile = { ...strict, name: 'lab', version: '3', max: { ...strict.max, memoryBytesMax } };
    const prepared = await engine.prepare(wish({ profile: lab, limits: { ...limits, memoryBytesMax } }));
    expect(prepared.profile).toEqual({ name: 'lab', version: '3', looserThanStrict: ['memoryBytesMax'] });
    await prepared.discard();
  });

  it('gives nothing that it does not allow', async () => {
    const memoryBytesMax = strict.max.memoryBytesMax + 4_096;
    const asked = engine.prepare(wish({ limits: { ...limits, memoryBytesMax } }));
    await expect(asked).rejects.toThrow(/memoryBytesMax asks for \d+, and the profile strict allows/);
    expect(await engine.list()).toEqual([]);
  });
});

describe('a sandbox that ends while it waits', () => {
  it('says so, and cannot be run', async () => {
    const prepared = await engine.prepare(wish());
    process.kill(prepared.processId, 'SIGKILL');
    await prepared.gone;
    const end = await engine.run(prepared, pythonSpec('print(1)'), { onOutput: () => undefined }).ended;
    expect(end).toMatchObject({
      reason: 'engine-failure',
      error: expect.stringContaining('ended while it waited') as string,
    });
    await engine.drain();
    expect(await engine.list()).toEqual([]);
  });

  it('runs no program that it was not made for', async () => {
    const prepared = await engine.prepare(wish());
    const spec = pythonSpec('print(1)', { limits: { ...limits, pidsMax: limits.pidsMax + 1 } });
    const end = await engine.run(prepared, spec, { onOutput: () => undefined }).ended;
    expect(end.error).toContain('prepared with another pidsMax');
    await engine.drain();
    expect(await engine.list()).toEqual([]);
  });
});
