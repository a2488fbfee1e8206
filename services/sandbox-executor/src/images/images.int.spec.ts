import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { OWN_IMAGE, runtimePython, strict } from '@crucible/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerSandboxEngine } from '../sandbox/engine.ts';
import { limits, testEngine } from '../sandbox/sandbox.fixture.ts';
import { DockerImages, EngineImages } from './engine-images.ts';
import { imageEnvironment } from './image.ts';

/** Everything in the way of what a sandbox is made of, that files and links can put there. */
const links = {
  '.crucible': '/evil',
  etc: '/evil/etc',
  work: '/evil',
  tmp: '/evil',
  dev: '/evil',
  proc: '/evil',
  home: '/evil',
};
const files = [
  'evil/etc/ld.so.preload',
  'evil/lib/ld.so',
  'lib/x86_64-linux-gnu/libc.so.6',
  'lib64/ld-linux-x86-64.so.2',
];
const name = `spec-${randomUUID().slice(0, 8)}`;
const repository = join(import.meta.dirname, '../../../..');

const crucible = (...argv: string[]): string =>
  execFileSync(join(repository, 'crucible'), ['images', ...argv, '--engine', testEngine().socketPath, '--json'], {
    encoding: 'utf8',
  });

let engine: DockerSandboxEngine;
let folder: string;
let digest: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'crucible-image-'));
  const root = join(folder, 'root');
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '/evil/evil.so\n', { mode: 0o755 });
  }
  chmodSync(join(root, 'evil'), 0o777);
  for (const [link, target] of Object.entries(links)) symlinkSync(target, join(root, link));
  execFileSync('tar', ['-C', root, '-cf', join(folder, 'image.tar'), '.']);
  ({ digest } = JSON.parse(crucible('add', name, join(folder, 'image.tar'))) as { digest: string });
  const { socketPath, runtime } = testEngine();
  engine = new DockerSandboxEngine({ socketPath, runtime, executorId: `images-test-${randomUUID()}` });
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await engine.drain();
  expect(await engine.list()).toEqual([]);
  crucible('remove', name);
});

describe('a sandbox of an image that was added', () => {
  it('is found in the engine by its name and its digest, beside the platform’s own', async () => {
    const { socketPath, image } = testEngine();
    const told: string[] = [];
    const images = new EngineImages({
      source: new DockerImages(socketPath),
      own: { [OWN_IMAGE]: image, gone: 'crucible/gone:1' },
      tell: (found) => Promise.resolve(void told.push(...found.map((each) => each.name))),
      logger: { debug: () => undefined } as never,
    });
    await images.begin();
    images.close();
    expect(told).toEqual(expect.arrayContaining([OWN_IMAGE, name]));
    expect(images.find(name)).toEqual({
      name,
      reference: digest,
      digest,
      agent: { command: [], env: {}, folder: '/' },
    });
    expect(images.find(OWN_IMAGE)).toMatchObject({ reference: image, agent: null });
    expect(images.find(OWN_IMAGE)?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(images.find('gone')).toBeUndefined();
  });

  it('is proven by every check, though its image is in the way of all of them, and runs what it is given as its guest', async () => {
    const wish = { image: digest, bundled: true, profile: strict, limits };
    const prepared = await engine.prepare(wish);
    const own = await engine.prepare({ ...wish, image: testEngine().image, bundled: false });
    await own.discard();
    expect(prepared.preflight.checks.map((check) => check.name)).toEqual(
      own.preflight.checks.map((check) => check.name),
    );
    expect(prepared.preflight.checks.filter(({ held }) => !held)).toEqual([]);
    const agent = { command: [], env: { LD_PRELOAD: '/evil/evil.so', HOME: '/root', PATH: '/opt/bin' }, folder: '/' };
    const program = `
import posix
env = posix.environ
print(posix.getuid(), posix.getcwd(), env[b"PATH"].decode(), env[b"HOME"].decode(), b"LC_ALL" in env)
posix.open("/work/written", posix.O_CREAT | posix.O_WRONLY)
try:
    posix.open("/evil/written", posix.O_CREAT | posix.O_WRONLY)
except OSError as error:
    print(error.errno)
`;
    const out: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
    const spec = {
      evaluationId: 'test',
      trialId: '0-1-1',
      image: digest,
      argv: runtimePython(program),
      stdin: null,
      files: [{ path: 'given', content: Buffer.from('x') }],
      env: imageEnvironment(agent),
      limits,
    };
    const sandbox = engine.run(prepared, spec, {
      onOutput: ({ stream, bytes }) => void (out[stream] += Buffer.from(bytes).toString('utf8')),
    });
    const end = await sandbox.ended;
    expect([end.reason, end.exitCode, out.stdout], out.stderr).toEqual([
      'exit',
      0,
      '65534 /work /opt/bin /work False\n30\n',
    ]);
    // What the image wants loaded before all else is the guest's affair: it got as far as being asked for.
    expect(out.stderr).toContain('/evil/evil.so');
  });

  it('says what it lacks where something is to be run that is not in it', async () => {
    const prepared = await engine.prepare({ image: digest, bundled: true, profile: strict, limits });
    let said = '';
    const spec = { evaluationId: 'test', trialId: '0-1-1', image: digest, stdin: null, files: [], env: {}, limits };
    const sandbox = engine.run(
      prepared,
      { ...spec, argv: ['bash', '-c', 'true'] },
      {
        onOutput: ({ bytes }) => void (said += Buffer.from(bytes).toString('utf8')),
      },
    );
    expect((await sandbox.ended).exitCode).toBe(127);
    expect(said).toBe('cannot run bash: No such file or directory\n');
  });
});
