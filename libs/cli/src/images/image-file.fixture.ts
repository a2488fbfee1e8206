import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { thisArchitecture } from './archive.ts';
import { tarEnd, tarFile } from './tar-write.ts';

/** Files, folders (null) and links (`-> target`) of a root, by their paths. */
export type Root = Readonly<Record<string, string | Buffer | null>>;

/** A root file system as a tar archive, made by the machine's own tar. */
export const rootTar = (scratch: string, root: Root, format = 'gnu'): string => {
  const folder = mkdtempSync(join(scratch, 'root-'));
  for (const [path, content] of Object.entries(root)) {
    const place = join(folder, path);
    mkdirSync(content === null ? place : dirname(place), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> ')) symlinkSync(content.slice(3), place);
    else if (content !== null) writeFileSync(place, content, { mode: 0o755 });
  }
  const file = `${folder}.tar`;
  execFileSync('tar', ['-C', folder, `--format=${format}`, '-cf', file, '.']);
  return file;
};

export interface SavedImage {
  readonly layers: readonly Buffer[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly diffIds?: readonly string[];
  readonly repoTags?: readonly string[];
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** What `docker save` writes of one image, or of several. */
export const savedTar = (scratch: string, ...images: readonly SavedImage[]): string => {
  const parts: Buffer[] = [];
  const manifest = images.map((image, at) => {
    const diffIds = image.diffIds ?? image.layers.map((layer) => `sha256:${sha256(layer)}`);
    const architecture = image.architecture ?? thisArchitecture;
    const description = {
      architecture,
      os: 'linux',
      config: image.config ?? {},
      rootfs: { type: 'layers', diff_ids: diffIds },
    };
    parts.push(...tarFile(`${at}.json`, Buffer.from(JSON.stringify(description))));
    const names = image.layers.map((_, layer) => `${at}-${layer}/layer.tar`);
    image.layers.forEach((layer, index) => parts.push(...tarFile(names[index] ?? '', layer)));
    return { Config: `${at}.json`, RepoTags: image.repoTags ?? null, Layers: names };
  });
  parts.push(...tarFile('manifest.json', Buffer.from(JSON.stringify(manifest))), tarEnd);
  const file = join(mkdtempSync(join(scratch, 'saved-')), 'image.tar');
  writeFileSync(file, Buffer.concat(parts));
  return file;
};

/** An OCI layout of one image. */
export const ociTar = (scratch: string, layer: Buffer, packed: Buffer): string => {
  const parts: Buffer[] = [];
  const blob = (content: Buffer): { readonly digest: string; readonly size: number } => {
    const hex = sha256(content);
    parts.push(...tarFile(`blobs/sha256/${hex}`, content));
    return { digest: `sha256:${hex}`, size: content.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const diff = { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] };
  const config = blob(json({ architecture: thisArchitecture, os: 'linux', config: { Cmd: ['/agent'] }, rootfs: diff }));
  const manifest = blob(json({ schemaVersion: 2, config, layers: [blob(packed)] }));
  const index = {
    schemaVersion: 2,
    manifests: [{ ...manifest, platform: { os: 'linux', architecture: thisArchitecture } }],
  };
  parts.push(
    ...tarFile('index.json', json(index)),
    ...tarFile('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
    tarEnd,
  );
  const file = join(mkdtempSync(join(scratch, 'oci-')), 'image.tar');
  writeFileSync(file, Buffer.concat(parts));
  return file;
};

export const layerOf = (scratch: string, root: Root): Buffer => readFileSync(rootTar(scratch, root));
