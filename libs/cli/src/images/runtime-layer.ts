import { posix } from 'node:path';
import { RUNTIME_FOLDER } from '@crucible/domain';
import { PlatformFailure } from '../platform/failure.ts';
import type { OpenImage } from './archive.ts';
import { interpreterOf, neededBy } from './elf.ts';
import { readSpan, readTar } from './tar-read.ts';
import type { Span, TarEntry } from './tar-read.ts';
import { tarEnd, tarFile, tarFolder } from './tar-write.ts';

/**
 * The layer that lies over an image that was added: a Python of our own for the first process of its sandboxes, and the
 * folders and files that a sandbox needs to be what the image cannot make of them.
 */

const LINKS_MAX = 40;
const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Modules of the sandbox's first process that are files of their own wherever Python was not built with them. */
const modules = ['_ctypes', 'resource', 'select', '_socket', 'time', '_signal', 'posix'];

interface Placed extends TarEntry {
  readonly fd: number;
}

/** The files of an image that we made: no layer of it takes anything away. */
class Files {
  readonly #entries = new Map<string, Placed>();

  constructor(layers: readonly Span[]) {
    for (const layer of layers)
      for (const entry of readTar(layer)) this.#entries.set(entry.path, { ...entry, fd: layer.fd });
  }

  get paths(): string[] {
    return [...this.#entries.keys()];
  }

  /** Where a path leads, by all links on the way; undefined when nothing is there. */
  follow(path: string): Placed | undefined {
    let left = path.split('/').filter(Boolean);
    let at = '';
    for (let links = 0; ;) {
      const [step, ...rest] = left;
      if (step === undefined) return this.#entries.get(at);
      const next = posix.join(at, step);
      const entry = this.#entries.get(next);
      if (entry?.type !== 'link' && entry?.type !== 'hard-link') {
        at = next;
        left = rest;
        continue;
      }
      if ((links += 1) > LINKS_MAX) return undefined;
      const isRooted = entry.type === 'hard-link' || entry.target.startsWith('/');
      const target = posix.normalize(isRooted ? `/${entry.target}` : `/${at}/${entry.target}`);
      left = [...target.split('/').filter(Boolean), ...rest];
      at = '';
    }
  }

  /** @throws PlatformFailure when there is no such file */
  read(path: string): { readonly path: string; readonly content: Buffer } {
    const entry = this.follow(path);
    if (entry === undefined || entry.type !== 'file' || entry.size > FILE_BYTES_MAX)
      throw new PlatformFailure(`the platform's own image lacks /${path}`, 'run ./crucible up, which makes it anew');
    return { path: entry.path, content: readSpan(entry) };
  }
}

type Placement = readonly [path: string, content: Buffer, mode: number];

/** A program with its loader, and every library that is loaded with it or its modules, whatever the image has. */
const programOf = (files: Files): Placement[] => {
  const python = files.read('usr/bin/python3');
  const interpreter = interpreterOf(python.content);
  if (interpreter === null) throw new PlatformFailure('the Python of the platform’s own image has no loader');
  const loader = files.read(interpreter.slice(1));
  const version = posix.basename(python.path);
  const library = `usr/lib/${version}`;
  const dynload = `${library}/lib-dynload/`;
  const isWanted = (path: string): boolean =>
    path === `${library}/os.py` ||
    path.startsWith(`${library}/encodings/`) ||
    (path.startsWith(dynload) && modules.includes(posix.basename(path).split('.')[0] ?? ''));
  const standard = files.paths
    .filter((path) => isWanted(path) && files.follow(path)?.type === 'file')
    .map((path): Placement => [`lib/${version}/${path.slice(library.length + 1)}`, files.read(path).content, 0o644]);
  const extensions = standard.filter(([path]) => path.endsWith('.so')).map(([, content]) => content);
  return [
    ['bin/python3', python.content, 0o755],
    ['lib/ld.so', loader.content, 0o755],
    ...librariesOf(files, [python.content, ...extensions], posix.dirname(loader.path), posix.basename(interpreter)),
    ...standard,
  ];
};

/**
 * All of them, and those that they need: one that was left out would be looked for in the image, where it may be anything.
 */
const librariesOf = (files: Files, programs: readonly Buffer[], folder: string, loader: string): Placement[] => {
  const found = new Map<string, Buffer>();
  const left = programs.flatMap(neededBy);
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (found.has(name) || name === loader) continue;
    const place = [folder, 'usr/lib'].find((each) => files.follow(`${each}/${name}`) !== undefined);
    const { content } = files.read(`${place ?? folder}/${name}`);
    found.set(name, content);
    left.push(...neededBy(content));
  }
  return [...found].map(([name, content]): Placement => [`lib/${name}`, content, 0o644]);
};

/** Takes away what earlier layers have of that name; in a folder, all that they have there. */
const gone = (path: string): Buffer[] =>
  tarFile(posix.join(posix.dirname(path), `.wh.${posix.basename(path)}`), Buffer.alloc(0));
const alone = (folder: string): Buffer[] => tarFile(`${folder}/.wh..wh..opq`, Buffer.alloc(0));

/**
 * A link or a file of the image's in one of these places would move what a sandbox has mounted there, or what init looks at.
 * The three files are mounted over by the engine. Time and libraries are what our Python would read of the image's by itself.
 */
const ground = (): Buffer[] => [
  ...['dev', 'proc', 'sys', 'work', 'etc', 'usr', 'home', 'home/operator', 'var'].flatMap((path) => tarFolder(path)),
  ...['tmp', 'var/tmp'].flatMap((path) => tarFolder(path, 0o1777)),
  ...['hosts', 'hostname', 'resolv.conf'].flatMap((name) => tarFile(`etc/${name}`, Buffer.alloc(0))),
  ...['ld.so.preload', 'localtime'].flatMap((name) => gone(`etc/${name}`)),
];

const folders = (placements: readonly Placement[]): string[] => {
  const all = placements.flatMap(([path]) => {
    const parts = path.split('/').slice(0, -1);
    return parts.map((_, depth) => parts.slice(0, depth + 1).join('/'));
  });
  return [...new Set(all)].sort();
};

/** The layer as a tar archive: the same from the same image of ours. */
export const runtimeLayer = ({ layers }: Pick<OpenImage, 'layers'>): Buffer => {
  const root = RUNTIME_FOLDER.slice(1);
  const placements = programOf(new Files(layers)).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Buffer.concat([
    ...ground(),
    ...tarFolder(root),
    ...alone(root),
    ...folders(placements).flatMap((path) => tarFolder(`${root}/${path}`)),
    ...placements.flatMap(([path, content, mode]) => tarFile(`${root}/${path}`, content, mode)),
    tarEnd,
  ]);
};
