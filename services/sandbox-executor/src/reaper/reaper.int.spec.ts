import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { strict } from '@crucible/domain';
import { createLogger } from '@crucible/service-kit';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXECUTOR_LABEL, DockerSandboxEngine } from '../sandbox/engine.ts';
import { engineClient } from '../sandbox/engine-client.ts';
import type { PreparedSandbox } from '../sandbox/port.ts';
import { limits, testEngine } from '../sandbox/sandbox.fixture.ts';
import { isSentryOf, processesOf } from '../stopping/host-process.ts';
import { DockerLeftovers } from './engine-leftovers.ts';
import type { ReapedItem } from './item.ts';
import { runtimeProcesses } from './leftovers.ts';
import { Reaper } from './reaper.ts';
import { cgroupFolders, shimSockets, stateFiles } from './remains.ts';
import type { ReaperPlaces } from './reaper.ts';

const executorId = `reaper-${randomUUID()}`;
const { socketPath, runtime, image } = testEngine();
const docker = engineClient(socketPath);
const engine = new DockerSandboxEngine({ socketPath, runtime, executorId });
const other = new DockerSandboxEngine({ socketPath, runtime, executorId: `other-${executorId}` });

const live = new Set<string>();
const recorded: ReapedItem[] = [];
let folder: string;
const reaperAt = (places: ReaperPlaces = {}): Reaper =>
  new Reaper(
    {
      engine: new DockerLeftovers(socketPath, [EXECUTOR_LABEL, executorId]),
      isLive: (id) => live.has(id),
      record: ({ items }) => Promise.resolve(recorded.push(...items)),
      logger: createLogger('sandbox-executor', 'silent'),
    },
    places,
  );

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'crucible-reaper-'));
  recorded.length = 0;
  live.clear();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
afterAll(async () => {
  for (const each of [engine, other]) {
    await each.drain();
    await each.reap();
  }
});

const prepared = (by: DockerSandboxEngine): Promise<PreparedSandbox> => by.prepare({ image, profile: strict, limits });
const runs = async (containerId: string): Promise<boolean> =>
  (await docker.listContainers()).some(({ Id }) => Id === containerId);

describe('the reaper', () => {
  it('removes a sandbox of no trial, and leaves alone those that are claimed or of another executor', async () => {
    const [stale, claimed, foreign] = await Promise.all([prepared(engine), prepared(engine), prepared(other)]);
    live.add(claimed.containerId);
    expect(await reaperAt().reap()).toBe(1);
    expect(await runs(stale.containerId)).toBe(false);
    expect(await runs(claimed.containerId)).toBe(true);
    expect(await runs(foreign.containerId)).toBe(true);
    expect(recorded).toMatchObject([{ kind: 'container', name: stale.containerId, removed: true }]);
    await Promise.all([claimed.discard(), foreign.discard()]);
  });

  it('gives what nobody claims a while, because it may be about to be claimed or removed', async () => {
    const waiting = await prepared(engine);
    const reaper = reaperAt();
    expect(await reaper.sweep(60_000)).toEqual([]);
    expect(await runs(waiting.containerId)).toBe(true);
    expect(await reaper.sweep(0)).toHaveLength(1);
    expect(recorded).toHaveLength(1);
  });

  it('removes a sandbox whose runtime hangs', async () => {
    const { containerId } = await prepared(engine);
    const sentry = (processesOf(containerId) ?? []).find((pid) => isSentryOf(pid, containerId)) ?? 0;
    process.kill(sentry, 'SIGSTOP');
    expect(await reaperAt().sweep(0)).toMatchObject([{ kind: 'container', name: containerId, removed: true }]);
    expect(await runs(containerId)).toBe(false);
    expect(processesOf(containerId) ?? []).toEqual([]);
  });

  it('removes networks and volumes with our label, and no others', async () => {
    const labelled = (value: string) => ({ [EXECUTOR_LABEL]: value });
    const name = randomBytes(6).toString('hex');
    for (const [suffix, value] of [
      ['ours', executorId],
      ['theirs', 'another'],
    ] as const) {
      await docker.createNetwork({ Name: `${suffix}-${name}`, Internal: true, Labels: labelled(value) });
      await docker.createVolume({ Name: `${suffix}-${name}`, Labels: labelled(value) });
    }
    try {
      const items = await reaperAt().sweep(0);
      expect(items).toMatchObject([
        { kind: 'network', name: `ours-${name}`, removed: true },
        { kind: 'volume', name: `ours-${name}`, removed: true },
      ]);
      expect((await docker.listNetworks()).map(({ Name }) => Name)).toContain(`theirs-${name}`);
      expect((await docker.listVolumes()).Volumes.map(({ Name }) => Name)).toContain(`theirs-${name}`);
    } finally {
      await docker.getNetwork(`theirs-${name}`).remove();
      await docker.getVolume(`theirs-${name}`).remove();
    }
  });

  it('records nothing where there is nothing', async () => {
    expect(await reaperAt({ engineRoot: folder, traceSocket: join(folder, 'trace.sock') }).sweep(0)).toEqual([]);
    expect(recorded).toEqual([]);
  });
});

/** A socket file whose process does not listen any more: closing removes it only under the name it was made by. */
const leaveSocket = async (path: string): Promise<void> => {
  const server: Server = createServer();
  const made = `${path}-made`;
  await new Promise<void>((resolve) => server.listen(made, resolve));
  const { renameSync } = await import('node:fs');
  renameSync(made, path);
  await new Promise((resolve) => server.close(resolve));
};

describe('trace sockets', () => {
  it('that an earlier life left are removed, those of living processes and other files are not', async () => {
    const socket = join(folder, 'trace.sock');
    const dead = `${socket}.4194303`;
    const alive = `${socket}.${process.pid}`;
    for (const path of [socket, dead, alive]) await leaveSocket(path);
    writeFileSync(`${socket}.4194302`, 'no socket');
    const reaper = reaperAt({ traceSocket: socket });
    const items = await reaper.sweep(0);
    expect(items.map(({ kind, name }) => [kind, name])).toEqual([
      ['trace-socket', socket],
      ['trace-socket', dead],
    ]);
    expect([dead, alive, `${socket}.4194302`].map((path) => existsSync(path))).toEqual([false, true, true]);
    expect(await reaper.sweep(0)).toEqual([]);
  });
});

/** A sandbox that gVisor runs for nobody: its engine has no container of that id, as after the loss of an engine's data. */
const orphan = async (root: string): Promise<string> => {
  const info = (await docker.info()) as { Runtimes: Record<string, { path: string }> };
  const runsc = info.Runtimes[runtime]?.path ?? 'runsc';
  const id = randomBytes(32).toString('hex');
  const bundle = join(folder, 'bundle');
  mkdirSync(bundle);
  const config = {
    ociVersion: '1.0.0',
    process: { user: { uid: 65534, gid: 65534 }, args: ['/bin/sleep', '600'], cwd: '/', env: ['PATH=/bin:/usr/bin'] },
    root: { path: '/', readonly: true },
    linux: { namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'network' }], cgroupsPath: `/docker/${id}` },
  };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
  const state = join(root, 'runtime-runc', 'moby');
  mkdirSync(state, { recursive: true });
  const args = [`--root=${state}`, '--network=none', '--platform=systrap'];
  const starting = spawn(runsc, [...args, 'run', '--detach', `--bundle=${bundle}`, id], { stdio: 'ignore' });
  await once(starting, 'exit');
  return id;
};
const processesWith = (id: string): string[] =>
  runtimeProcesses()
    .filter(({ containerId }) => containerId === id)
    .map(({ program }) => program);

describe('runtime processes', () => {
  it('of an engine of ours, whose container it does not know, are killed; of another engine they are not', async () => {
    const id = await orphan(folder);
    try {
      await expect.poll(() => processesWith(id), { timeout: 20_000 }).toContain('runsc-sandbox');
      await reaperAt({ engineRoot: join(folder, 'elsewhere') }).sweep(0);
      await reaperAt({ engineRoot: folder }).sweep(3_600_000);
      await reaperAt().sweep(0);
      expect(processesWith(id)).toContain('runsc-sandbox');
      expect(recorded).toEqual([]);
      const items = await reaperAt({ engineRoot: folder }).sweep(0);
      expect(items.map(({ kind, removed }) => [kind, removed])).toContainEqual(['process', true]);
      expect(items.some(({ name }) => name.startsWith('runsc-sandbox '))).toBe(true);
      await expect.poll(() => processesWith(id), { timeout: 10_000 }).toEqual([]);
      // Killed hard, gVisor clears nothing up: its cgroups and its state were still there.
      expect(items.map(({ kind, name }) => [kind, name])).toContainEqual(['cgroup', id]);
      expect(items.map(({ kind, name }) => [kind, name])).toContainEqual(['runtime-state', id]);
      expect(items.filter(({ removed }) => !removed)).toEqual([]);
      expect([cgroupFolders().get(id), stateFiles(folder).get(id)]).toEqual([undefined, undefined]);
      expect(await reaperAt({ engineRoot: folder }).sweep(0)).toEqual([]);
    } finally {
      for (const { pid, containerId } of runtimeProcesses()) if (containerId === id) process.kill(pid, 'SIGKILL');
    }
  });
});

/** Empty cgroups as an engine leaves them, in every hierarchy in which it makes any. */
const leaveCgroups = (id: string): readonly string[] => {
  const hierarchies = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)];
  const made = hierarchies.filter((each) => existsSync(join(each, 'docker'))).map((each) => join(each, 'docker', id));
  for (const path of made) mkdirSync(path);
  return made;
};

describe('what containers leave that are gone', () => {
  const engineRoot = join(dirname(socketPath), 'exec');

  it('is removed of those known to be ours, when it is in no use', async () => {
    const [ours, claimed, busy, foreign] = Array.from({ length: 4 }, () => randomBytes(32).toString('hex')) as [
      string,
      string,
      string,
      string,
    ];
    const folders = [ours, claimed, busy, foreign].map(leaveCgroups);
    expect(folders[0]?.length).toBeGreaterThan(0);
    const process_ = spawn('/bin/sleep', ['60']);
    // In one hierarchy only: a new folder of the cpuset controller takes no process before it is given cores.
    const inUse = (folders[2] ?? []).find((path) => /^\/sys\/fs\/cgroup\/(pids\/)?docker\//.test(path));
    writeFileSync(join(inUse ?? '', 'cgroup.procs'), String(process_.pid));
    const reaper = reaperAt();
    live.add(claimed);
    for (const id of [ours, claimed, busy]) reaper.owns(id);
    try {
      expect(await reaper.sweep(60_000)).toEqual([]);
      const items = await reaper.sweep(0);
      expect(items.map(({ kind, name, removed }) => [kind, name, removed]).sort()).toEqual(
        [
          ['cgroup', ours, true],
          ['cgroup', busy, false],
        ].sort(),
      );
      const left = cgroupFolders();
      expect([ours, claimed, busy, foreign].map((id) => left.has(id))).toEqual([false, true, true, true]);
      process_.kill('SIGKILL');
      await once(process_, 'exit');
      await expect.poll(async () => (await reaper.sweep(0)).map(({ removed }) => removed)).toEqual([true]);
      expect(await reaper.sweep(0)).toEqual([]);
    } finally {
      process_.kill('SIGKILL');
      for (const path of folders.flat()) if (existsSync(path)) rmdirSync(path);
    }
  });

  it('is removed of a sandbox whose shim was killed: the shim’s socket, which nobody else clears up', async () => {
    const { containerId, gone } = await prepared(engine);
    const shim = runtimeProcesses().find(
      (each) => each.containerId === containerId && each.program.startsWith('containerd-shim'),
    );
    process.kill(shim?.pid ?? 0, 'SIGKILL');
    await gone;
    await expect.poll(() => shimSockets(containerId, engineRoot)).toHaveLength(1);
    const reaper = reaperAt({ engineRoot });
    const items = await reaper.sweep(0);
    expect(items).toContainEqual(expect.objectContaining({ kind: 'runtime-state', name: containerId, removed: true }));
    expect(items).toContainEqual(expect.objectContaining({ kind: 'container', name: containerId, removed: true }));
    expect(shimSockets(containerId, engineRoot)).toEqual([]);
    expect(cgroupFolders().has(containerId)).toBe(false);
    expect(stateFiles(engineRoot).has(containerId)).toBe(false);
    expect((await reaper.sweep(0)).filter(({ name }) => name === containerId)).toEqual([]);
  });
});
