import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { AGENT_LABEL, imageReference } from '@crucible/domain';
import type { ImageAgent } from '@crucible/domain';
import { displayableLine } from '@crucible/events';
import { UsageFailure } from '../exit.ts';
import { askEngine, callEngine, downloadFrom } from '../platform/engine-api.ts';
import { PlatformFailure } from '../platform/failure.ts';
import { openImage, plainFile, thisArchitecture } from './archive.ts';
import type { OpenImage } from './archive.ts';
import { inspectImage, prune } from './engine-images.ts';
import type { ImageEngine } from './engine-images.ts';
import { probeImage } from './probe.ts';
import { runtimeLayer } from './runtime-layer.ts';
import { tarEnd, tarFile, tarFileBytesMax, tarHeader, tarPadding } from './tar-write.ts';

const LOAD_MS_MAX = 1_800_000;

export interface Added {
  readonly name: string;
  readonly digest: string;
  /** What the name stood for before; null when it is a new one. */
  readonly replaced: string | null;
  readonly agent: ImageAgent;
}

/**
 * The description of the image that is run. Of the other one's there is only what our label says of its agent: an engine
 * finds no user, volume, check, environment or step in it that it could act on. It has no time, so that the same file gives
 * the same image.
 */
const descriptionOf = ({ diffIds, architecture, agent }: OpenImage, runtimeId: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: { Labels: { [AGENT_LABEL]: JSON.stringify(agent) } },
      rootfs: { type: 'layers', diff_ids: [...diffIds, runtimeId] },
    }),
  );

/** What an engine loads: an image of those layers with ours on top, without a name. */
async function* archiveOf(image: OpenImage, runtime: Buffer, description: Buffer): AsyncGenerator<Buffer> {
  yield* tarFile('config.json', description);
  const names = image.layers.map((_, at) => `${at}.tar`);
  for (const [at, { fd, offset, size }] of image.layers.entries()) {
    yield tarHeader({ path: names[at] ?? '', type: 'file', mode: 0o600, size });
    yield* createReadStream('', { fd, start: offset, end: offset + size - 1, autoClose: false });
    yield tarPadding(size);
  }
  yield* tarFile('runtime.tar', runtime);
  const manifest = [{ Config: 'config.json', RepoTags: null, Layers: [...names, 'runtime.tar'] }];
  yield* tarFile('manifest.json', Buffer.from(JSON.stringify(manifest)));
  yield tarEnd;
}

/** @returns what the engine knows the image by. @throws PlatformFailure with the engine's reason */
const load = async (socket: string, stream: Readable): Promise<string> => {
  const answer = await callEngine(socket, {
    method: 'POST',
    path: '/images/load?quiet=1',
    stream,
    timeoutMs: LOAD_MS_MAX,
  });
  const told = answer.body.toString();
  const digest = /Loaded image ID: (sha256:[0-9a-f]{64})/.exec(told)?.[1];
  if (answer.status === 200 && digest !== undefined && !/"error"\s*:/.test(told)) return digest;
  const why = /"(?:error|message)"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(told)?.[1];
  throw new PlatformFailure(
    `the engine cannot load the image: ${displayableLine(why === undefined ? `status ${answer.status}` : String(JSON.parse(why)), 500)}`,
    'look whether docker load takes the file elsewhere; see also ./crucible logs engine',
  );
};

/** @throws PlatformFailure unless the engine holds exactly what was put together */
const verify = async (engine: ImageEngine, digest: string, layers: readonly string[]): Promise<void> => {
  const found = await inspectImage(engine.socket, digest);
  const { Volumes, OnBuild, Healthcheck, User, Env } = found?.Config ?? {};
  const clean = [Volumes, OnBuild, Healthcheck, User, Env].every(
    (value) => value === undefined || value === null || Object.keys(value).length === 0,
  );
  if (!clean || JSON.stringify(found?.RootFS?.Layers) !== JSON.stringify(layers))
    throw new PlatformFailure('the engine made another image than it was given', 'see ./crucible logs engine');
  await probeImage(engine, digest);
};

const readRuntime = async (engine: ImageEngine, folder: string): Promise<Buffer> => {
  const file = join(folder, 'own.tar');
  await downloadFrom(engine.socket, `/images/${encodeURIComponent(engine.own)}/get`, file, LOAD_MS_MAX);
  const own = await openImage(file);
  try {
    return runtimeLayer(own);
  } finally {
    own.close();
  }
};

const checked = (image: OpenImage): OpenImage => {
  if (image.architecture !== thisArchitecture)
    throw new UsageFailure(
      `the file cannot be added: the image is for ${displayableLine(image.architecture, 40)}, and this machine is ${thisArchitecture}\n       build it for linux/${thisArchitecture}`,
    );
  if (image.layers.some(({ size }) => size > tarFileBytesMax))
    throw new UsageFailure(
      'the file cannot be added: one of its layers is larger than 8 GiB\n       save a smaller image',
    );
  return image;
};

const made = async (engine: ImageEngine, image: OpenImage, runtime: Buffer): Promise<string> => {
  const runtimeId = `sha256:${createHash('sha256').update(runtime).digest('hex')}`;
  const archive = archiveOf(image, runtime, descriptionOf(image, runtimeId));
  const digest = await load(engine.socket, Readable.from(archive));
  try {
    await verify(engine, digest, [...image.diffIds, runtimeId]);
    return digest;
  } catch (error) {
    // Unless it was there before, under a name: then it is not ours to take away.
    await prune(engine.socket, digest);
    throw error;
  }
};

/**
 * Puts an image into the engine under a name that suites can use. Nothing of it is left where that fails.
 * @throws UsageFailure for a file that cannot be used; PlatformFailure when the engine makes no sandbox of it
 */
export const addImage = async (engine: ImageEngine, name: string, file: string, scratch: string): Promise<Added> => {
  const folder = mkdtempSync(join(scratch, 'image-add-'));
  try {
    const runtime = await readRuntime(engine, folder);
    const image = await openImage(await plainFile(file, join(folder, 'plain.tar')));
    try {
      const digest = await made(engine, checked(image), runtime);
      const reference = imageReference(name);
      const before = (await inspectImage(engine.socket, reference))?.Id ?? null;
      const [repo = '', tag = ''] = reference.split(':');
      const query = new URLSearchParams({ repo, tag }).toString();
      await askEngine(engine.socket, { method: 'POST', path: `/images/${digest}/tag?${query}` });
      const replaced = before === digest ? null : before;
      if (replaced !== null) await prune(engine.socket, replaced);
      return { name, digest, replaced, agent: image.agent };
    } finally {
      image.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
