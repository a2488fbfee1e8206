import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cgroupFolders, removeCgroups, removeFiles, shimSockets, stateFiles } from './remains.ts';

const newId = (): string => randomBytes(32).toString('hex');
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'crucible-remains-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const folder = (...names: string[]): string => {
  const path = join(root, ...names);
  mkdirSync(path, { recursive: true });
  return path;
};
const file = (...names: string[]): string => {
  const path = join(folder(...names.slice(0, -1)), names.at(-1) ?? '');
  writeFileSync(path, '');
  return path;
};

describe('what gVisor leaves below an engine', () => {
  it('is found by the container in its names, and nothing else is', () => {
    const [one, other] = [newId(), newId()];
    const ofOne = [
      file('runtime-runc', 'moby', `${one}_sandbox:${one}.lock`),
      file('runtime-runc', 'moby', `${one}_sandbox:${one}.state`),
      file('runtime-runc', 'moby', `runsc-${one}.sock`),
      file('containerd', one, 'init-stdin'),
      join(root, 'containerd', one),
    ];
    const ofOther = [file('runtime-crucible', `runsc-${other}.sock`)];
    file('runtime-runc', 'moby', `${one}_sandbox:${other}.state`);
    file('runtime-runc', 'moby', 'runsc-short.sock');
    file('runtime-runc', 'moby', `runsc-${one}.sock.old`);
    file('containerd', 'daemon', 'meta.db');
    file('elsewhere', `runsc-${newId()}.sock`);
    expect(stateFiles(root)).toEqual(
      new Map([
        [one, ofOne],
        [other, ofOther],
      ]),
    );
    expect(stateFiles(join(root, 'nothing'))).toEqual(new Map());
  });

  it('is removed with the folders that are empty then, and a link is removed and not followed', () => {
    const kept = file('kept');
    const link = join(folder('pipes'), 'link');
    symlinkSync(kept, link);
    expect(removeFiles([link, join(root, 'gone'), join(root, 'pipes')])).toBeNull();
    expect([existsSync(join(root, 'pipes')), existsSync(kept)]).toEqual([false, true]);
    file('full', 'one');
    expect(removeFiles([join(root, 'full')])).toBe('ENOTEMPTY');
    expect(existsSync(join(root, 'full', 'one'))).toBe(true);
  });
});

describe('cgroups', () => {
  it('are found in every controller of version 1 and in version 2, by files and by systemd', () => {
    const [one, two] = [newId(), newId()];
    const ofOne = [
      folder('docker', one),
      folder('memory', 'docker', one),
      folder('memory', 'system.slice', `docker-${one}.scope`),
    ];
    folder('memory', 'docker', 'buildkit');
    folder('memory', 'system.slice', 'ssh.service');
    folder('memory', 'other', newId());
    const found = cgroupFolders(root);
    expect([...found.keys()]).toEqual([one]);
    expect([...(found.get(one) ?? [])].sort()).toEqual(ofOne.sort());
    expect(found.has(two)).toBe(false);
  });

  it('are removed with those inside, and one that is in use says so', () => {
    const inner = folder('docker', newId(), 'inner');
    const busy = file('docker', newId(), 'process');
    expect(removeCgroups([join(inner, '..')])).toBeNull();
    expect(existsSync(join(inner, '..'))).toBe(false);
    expect(removeCgroups([join(busy, '..')])).toBe('ENOTEMPTY');
    expect(existsSync(busy)).toBe(true);
  });
});

describe('sockets of shims', () => {
  it('are known by the engine and the container, and left alone while somebody listens', async () => {
    const id = newId();
    const digest = createHash('sha256').update(`${root}/containerd/containerd.sock/moby/${id}`).digest('hex');
    const path = join(root, digest);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(shimSockets(id, root, root)).toEqual([]);
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(path, '');
    expect(shimSockets(id, root, root)).toEqual([path]);
    expect(shimSockets(newId(), root, root)).toEqual([]);
    expect(shimSockets(id, join(root, 'another'), root)).toEqual([]);
  });
});
