import { createHash } from 'node:crypto';
import { closeSync, createReadStream, createWriteStream, fstatSync, openSync } from 'node:fs';
import { arch } from 'node:os';
import { posix } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { imageAgentSchema } from '@crucible/domain';
import type { ImageAgent } from '@crucible/domain';
import { z } from 'zod';
import { UsageFailure } from '../exit.ts';
import { readSpan, readTar, TarProblem } from './tar-read.ts';
import type { Span, TarEntry } from './tar-read.ts';
import { tarFileBytesMax } from './tar-write.ts';

/**
 * What somebody saved as an image, read without an engine. Of its own description only what is named here goes on: names
 * that it would give itself, steps that it would have run, volumes, checks and users do not.
 */

/** Of an image with everything in it, unpacked. */
export const imageBytesMax = Math.min(16 * 1024 ** 3, 2 * tarFileBytesMax);
const DESCRIPTION_BYTES_MAX = 4 * 1024 * 1024;
const LAYERS_MAX = 125;
const ENTRIES_OF_IMAGE_MAX = 10_000;

export interface OpenImage {
  /** As they are in the file; a layer may be compressed by gzip. */
  readonly layers: readonly Span[];
  /** SHA-256 of each layer, unpacked. */
  readonly diffIds: readonly string[];
  readonly architecture: string;
  readonly agent: ImageAgent;
  close(): void;
}

const refuse = (
  why: string,
  remedy = 'save it anew by docker save IMAGE > FILE.tar, or docker export CONTAINER',
): never => {
  throw new UsageFailure(`the file cannot be added: ${why}\n       ${remedy}`);
};

const sha = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const manifestSchema = z.array(z.object({ Config: z.string(), Layers: z.array(z.string()).max(LAYERS_MAX) }));
const words = z.array(z.string()).nullish();
const configSchema = z.object({
  architecture: z.string().max(100),
  os: z.string().max(100),
  config: z.object({ Env: words, Entrypoint: words, Cmd: words, WorkingDir: z.string().nullish() }).nullish(),
  rootfs: z.object({ diff_ids: z.array(sha).max(LAYERS_MAX) }),
});
const descriptor = z.object({
  mediaType: z.string().optional(),
  digest: sha,
  platform: z.object({ architecture: z.string(), os: z.string() }).optional(),
});
const indexSchema = z.object({ manifests: z.array(descriptor).max(1_000) });
const ociSchema = z.object({ config: descriptor, layers: z.array(descriptor).max(LAYERS_MAX) });

/** Names of machines as images have them. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
export const thisArchitecture = architectures[arch()] ?? arch();

/** The files of an archive that holds an image, by their paths. */
class Contents {
  readonly #fd: number;
  readonly #entries = new Map<string, TarEntry>();

  constructor(fd: number, size: number) {
    this.#fd = fd;
    for (const entry of readTar({ fd, offset: 0, size })) {
      // A root file system has many; what names an image stands among few.
      if (this.#entries.size < ENTRIES_OF_IMAGE_MAX || /^(manifest|index)\.json$/.test(entry.path))
        this.#entries.set(entry.path, entry);
    }
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Bytes of a file; some archives name a layer twice, the second time by a link. */
  span(path: string): Span | undefined {
    const plain = posix.normalize(path);
    const entry = this.#entries.get(plain);
    const target = entry?.type === 'link' ? posix.join(posix.dirname(plain), entry.target) : entry?.target;
    const found = entry?.type === 'link' || entry?.type === 'hard-link' ? this.#entries.get(target ?? '') : entry;
    return found?.type === 'file' ? { fd: this.#fd, offset: found.offset, size: found.size } : undefined;
  }

  json<T>(path: string, schema: z.ZodType<T>): T | undefined {
    const span = this.span(path);
    if (span === undefined || span.size > DESCRIPTION_BYTES_MAX) return undefined;
    try {
      const read = schema.safeParse(JSON.parse(readSpan(span).toString('utf8')));
      return read.success ? read.data : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}

const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

/** Configuration and layers of an image, by their paths in the archive; undefined when it describes none. */
const describedIn = (contents: Contents): { readonly config: string; readonly layers: string[] } | undefined => {
  const saved = contents.json('manifest.json', manifestSchema);
  const [first, ...others] = saved ?? [];
  if (others.length > 0) refuse(`it holds ${others.length + 1} images`, 'save one alone');
  if (first !== undefined) return { config: first.Config, layers: first.Layers };
  let index = contents.json('index.json', indexSchema);
  for (let depth = 0; index !== undefined && depth < 2; depth += 1) {
    const real = index.manifests.filter(({ platform }) => platform === undefined || platform.os !== 'unknown');
    const fitting = real.filter(({ platform }) => platform?.architecture === thisArchitecture);
    const [chosen, ...more] = fitting.length > 0 ? fitting : real;
    if (chosen === undefined) return undefined;
    if (more.length > 0) refuse(`it holds ${more.length + 1} images`, 'save one alone');
    const manifest = contents.json(blob(chosen.digest), ociSchema);
    if (manifest !== undefined)
      return { config: blob(manifest.config.digest), layers: manifest.layers.map(({ digest }) => blob(digest)) };
    index = contents.json(blob(chosen.digest), indexSchema);
  }
  return undefined;
};

/** Variables by name, the last word of each; what is no variable that a program could be given is refused by name. */
const environment = (env: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    env.map((pair) => {
      const equals = pair.indexOf('=');
      return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );

const agentOf = (config: z.infer<typeof configSchema>['config']): ImageAgent => {
  const { Env, Entrypoint, Cmd, WorkingDir } = config ?? {};
  const command = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  const folder = posix.normalize(`/${WorkingDir ?? ''}`);
  const read = imageAgentSchema.safeParse({ command, env: environment(Env ?? []), folder });
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const field = { command: 'its entry point and command', env: 'its environment', folder: 'its working folder' };
  const name = field[String(issue?.path[0]) as keyof typeof field];
  return refuse(`${name} ${issue?.message ?? 'cannot be used'}`, 'change that in the image, and save it anew');
};

/** What a layer is packed by, from its first bytes. */
const packingOf = (layer: Span): 'none' | 'gzip' => {
  const start = readSpan({ ...layer, size: Math.min(layer.size, 4) }).toString('hex');
  if (start.startsWith('1f8b')) return 'gzip';
  if (/^(28b52ffd|fd377a58|425a68)/.test(start)) refuse('one of its layers is packed by something other than gzip');
  return 'none';
};

/** Counts and hashes what goes by, up to a bound. */
const measure = (bytesMax: number) => {
  const hash = createHash('sha256');
  let bytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      hash.update(chunk);
      done(bytes > bytesMax ? new UsageFailure(`the image is larger than ${bytesMax} bytes`) : null, chunk);
    },
  });
  return { meter, told: () => ({ bytes, digest: `sha256:${hash.digest('hex')}` }) };
};

const readable = ({ fd, offset, size }: Span) =>
  createReadStream('', { fd, start: offset, end: offset + Math.max(size, 1) - 1, autoClose: false });

/** SHA-256 and bytes of a layer, unpacked. @throws UsageFailure beyond the bound, or when it cannot be unpacked */
const unpacked = async (
  layer: Span,
  bytesMax: number,
): Promise<{ readonly bytes: number; readonly digest: string }> => {
  if (layer.size === 0) return refuse('one of its layers is empty');
  const packing = packingOf(layer);
  const { meter, told } = measure(bytesMax);
  meter.resume();
  try {
    if (packing === 'gzip') await pipeline(readable(layer), createGunzip(), meter);
    else await pipeline(readable(layer), meter);
  } catch (error) {
    if (error instanceof UsageFailure) throw error;
    return refuse('one of its layers cannot be unpacked');
  }
  return told();
};

/** A file as it is, or what is in it: tools that save images pack them as well. @throws UsageFailure beyond the bound */
export const plainFile = async (file: string, scratch: string): Promise<string> => {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (packingOf({ fd, offset: 0, size }) === 'none') return size < 1_024 ? refuse('it is no tar archive') : file;
  } finally {
    closeSync(fd);
  }
  const { meter } = measure(imageBytesMax);
  try {
    await pipeline(createReadStream(file), createGunzip(), meter, createWriteStream(scratch, { mode: 0o600 }));
  } catch (error) {
    if (error instanceof UsageFailure) throw error;
    return refuse('it is packed by gzip, and cannot be unpacked');
  }
  return scratch;
};

const readImage = async (fd: number): Promise<Omit<OpenImage, 'close'>> => {
  const whole = { fd, offset: 0, size: fstatSync(fd).size };
  const contents = new Contents(fd, whole.size);
  if (contents.isEmpty) return refuse('there is nothing in it');
  const described = describedIn(contents);
  if (described === undefined) {
    const { digest } = await unpacked(whole, imageBytesMax);
    return { layers: [whole], diffIds: [digest], architecture: thisArchitecture, agent: agentOf(null) };
  }
  const config = contents.json(described.config, configSchema);
  if (config === undefined) return refuse('its description is missing or broken');
  const { diff_ids: diffIds } = config.rootfs;
  if (config.os !== 'linux') return refuse(`it is for ${JSON.stringify(config.os)}`, 'sandboxes run Linux');
  if (diffIds.length === 0 || diffIds.length !== described.layers.length)
    return refuse('it says of other layers than it holds');
  const layers: Span[] = [];
  let left = imageBytesMax;
  for (const [at, path] of described.layers.entries()) {
    const layer = contents.span(path) ?? refuse('one of its layers is missing');
    const { bytes, digest } = await unpacked(layer, left);
    if (digest !== diffIds[at]) return refuse('one of its layers is not what the image says');
    left -= bytes;
    layers.push(layer);
  }
  return { layers, diffIds, architecture: config.architecture, agent: agentOf(config.config) };
};

/**
 * An image as `docker save` or `docker export` wrote it, or an OCI layout, and which layers it has.
 * @param file not packed: see `plainFile`
 * @throws UsageFailure saying why it cannot be used, with the remedy
 */
export const openImage = async (file: string): Promise<OpenImage> => {
  const fd = openSync(file, 'r');
  try {
    return { ...(await readImage(fd)), close: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    if (error instanceof TarProblem) return refuse(error.message);
    throw error;
  }
};
