import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_LABEL, imageReference, runtimeEnv, runtimePython } from '@crucible/domain';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { askEngine, runContainer } from '../platform/engine-api.ts';
import { startEngine, type TestEngine } from '../platform/testing.ts';
import { inspectImage, listImages, removeImage } from './engine-images.ts';
import { layerOf, rootTar, savedTar } from './image-file.fixture.ts';
import { addImage } from './make.ts';

let engine: TestEngine;
let scratch: string;
let own: string;
beforeAll(async () => {
  engine = await startEngine();
  own = engine.images['python'] ?? '';
  scratch = mkdtempSync(join(tmpdir(), 'crucible-images-'));
}, 180_000);
afterEach(async () => {
  for (const { name } of await listImages(engine.socket))
    if (name.startsWith('spec-')) await removeImage(engine.socket, name);
});
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await engine.stop();
});

const add = (name: string, file: string) =>
  addImage({ socket: engine.socket, runtime: engine.unwatchedRuntime, own }, name, file, scratch);
const imagesThere = async (): Promise<string[]> =>
  (await askEngine<{ Id: string }[]>(engine.socket, { path: '/images/json?all=1' })).map(({ Id }) => Id).sort();
/** What our own Python sees in a sandbox made from an image. */
const seen = async (image: string, program: string): Promise<string> => {
  const [loader = '', ...rest] = runtimePython(program);
  const asked = { image, runtime: engine.unwatchedRuntime, command: [], timeoutMs: 60_000 };
  return (
    await runContainer(engine.socket, { ...asked, entrypoint: [loader, ...rest], env: runtimeEnv })
  ).output.trim();
};
const LISTING = `
import posix
def names(path):
    try:
        return ",".join(sorted(posix.listdir(path))) or "nothing"
    except OSError as error:
        return "errno %d" % error.errno
print(names("/.crucible"), names("/.crucible/lib"), names("/etc"), names("/work"), sep="\\n")
`;

describe('an image that wants to be the sandbox itself', () => {
  const hostileRoot = {
    'evil/lib/ld.so': 'no loader',
    'evil/etc/ld.so.preload': '/evil/lib/evil.so\n',
    'evil/etc/localtime': 'no time zone',
    'evil/work/planted': 'x',
    '.crucible': '-> /evil',
    etc: '-> /evil/etc',
    work: '-> /evil/work',
    tmp: '-> /evil',
    proc: '-> /evil',
    dev: '-> /evil',
    home: '-> /evil',
    usr: '-> /evil',
    'lib/x86_64-linux-gnu/libc.so.6': 'no library',
    'lib/aarch64-linux-gnu/libc.so.6': 'no library',
    agent: '#!/agent',
  };

  it('gets none of its links, files, names and settings below what we put over it', async () => {
    const before = (await inspectImage(engine.socket, own))?.Id;
    const config = {
      Env: ['LD_PRELOAD=/evil/lib/evil.so', 'PYTHONHOME=/evil', 'GLIBC_TUNABLES=x=y', 'LD_LIBRARY_PATH=/evil/lib'],
      Entrypoint: ['/agent'],
      WorkingDir: '/evil',
      User: '0',
      Volumes: { '/evil': {}, '/.crucible': {} },
      OnBuild: ['RUN /agent'],
      Healthcheck: { Test: ['CMD', '/agent'], Interval: 1_000_000_000 },
      Labels: { [AGENT_LABEL]: '{"command":["/forged"],"env":{},"folder":"/"}', 'crucible.executor': 'one' },
    };
    const layers = [layerOf(scratch, hostileRoot)];
    const file = savedTar(scratch, { layers, config, repoTags: [own, imageReference('spec-stolen')] });
    const { digest, agent, replaced } = await add('spec-hostile', file);
    expect(replaced).toBeNull();
    // Its names would have been those of the platform's own image, and of one that nobody added.
    expect((await inspectImage(engine.socket, own))?.Id).toBe(before);
    expect(await inspectImage(engine.socket, imageReference('spec-stolen'))).toBeUndefined();
    const { Config } = (await inspectImage(engine.socket, digest)) as unknown as { Config: Record<string, unknown> };
    const kept = Object.entries(Config).filter(
      ([, value]) => value && (typeof value !== 'object' || Object.keys(value).length),
    );
    expect(Object.fromEntries(kept)).toEqual({ Labels: { [AGENT_LABEL]: JSON.stringify(agent) } });
    expect(agent).toMatchObject({ command: ['/agent'], folder: '/evil', env: { LD_PRELOAD: '/evil/lib/evil.so' } });
    const [runtime, libraries, etc, work] = (await seen(digest, LISTING)).split('\n');
    expect([runtime, work]).toEqual(['bin,lib', 'nothing']);
    expect(libraries).toMatch(/ld\.so,libc\.so\.6.*python3/);
    expect(etc).toBe('hostname,hosts,mtab,resolv.conf');
  });

  it('gets no file of its own into our folder, and no library that is loaded before all others', async () => {
    const root = {
      '.crucible/lib/libm.so.6': 'no library',
      '.crucible/lib/glibc-hwcaps/x86-64-v2/libc.so.6': 'no library',
      '.crucible/pyvenv.cfg': 'home = /evil',
      'etc/ld.so.preload': '/evil.so\n',
      'etc/passwd': 'nobody:x:65534:65534::/evil:/bin/sh\n',
      'etc/group': 'wheel:x:10:nobody\n',
    };
    const { digest } = await add('spec-files', rootTar(scratch, root));
    const [runtime, libraries, etc] = (await seen(digest, LISTING)).split('\n');
    expect(runtime).toBe('bin,lib');
    expect(libraries).not.toContain('glibc-hwcaps');
    expect(etc).toBe('group,hostname,hosts,mtab,passwd,resolv.conf');
  });

  it('is refused where no sandbox could be proven, and leaves nothing behind', async () => {
    const before = await imagesThere();
    const file = rootTar(scratch, { 'run/docker.sock': 'x', agent: 'x' });
    await expect(add('spec-socket', file)).rejects.toThrow(/there is \/run\/docker\.sock in it/);
    await expect(
      add('spec-arch', savedTar(scratch, { layers: [layerOf(scratch, { a: 'x' })], architecture: 's390x' })),
    ).rejects.toThrow(/is for s390x/);
    // Sound outside, and no archive inside: the engine is who finds out.
    const broken = savedTar(scratch, { layers: [Buffer.alloc(2_048, 'x')] });
    await expect(add('spec-broken', broken)).rejects.toThrow(/the engine cannot load the image/);
    expect(await imagesThere()).toEqual(before);
    expect(await inspectImage(engine.socket, imageReference('spec-socket'))).toBeUndefined();
    expect(readdirSync(scratch).filter((name) => name.startsWith('image-add-'))).toEqual([]);
  });
});

describe('an image under a name', () => {
  it('is the same from the same file, another from another, and gone when it is removed', async () => {
    const before = await imagesThere();
    const [one, other] = [rootTar(scratch, { agent: 'one' }), rootTar(scratch, { agent: 'other' })];
    const first = await add('spec-agent', one);
    expect(await add('spec-agent', one)).toEqual(first);
    expect((await add('spec-twin', one)).digest).toBe(first.digest);
    const second = await add('spec-agent', other);
    expect(second).toMatchObject({ replaced: first.digest });
    expect(second.digest).not.toBe(first.digest);
    const ours = (await listImages(engine.socket)).filter(({ name }) => name.startsWith('spec-'));
    expect(ours.map(({ name, digest }) => [name, digest])).toEqual([
      ['spec-agent', second.digest],
      ['spec-twin', first.digest],
    ]);
    await removeImage(engine.socket, 'spec-twin');
    await removeImage(engine.socket, 'spec-agent');
    expect(await imagesThere()).toEqual(before);
    expect(readFileSync(one).length).toBeGreaterThan(0);
  });
});
