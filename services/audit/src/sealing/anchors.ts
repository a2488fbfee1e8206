import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Checkpoints } from '@crucible/event-log';
import { parseCheckpoint } from '@crucible/transparency';
import { openNote } from '@crucible/transparency';
import type { NoteVerifier } from '@crucible/transparency';
import type { Sealed } from './sealer.ts';
import { Trail } from './trail.ts';
import type { Anchor } from './trail.ts';

/**
 * The last note, kept outside the bus as well: whoever brings back an older copy of the whole bus brings back its
 * checkpoints with it, and only a memory of our own can tell.
 */
export class OwnRecord {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  get path(): string {
    return this.#path;
  }

  async read(): Promise<string | null> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  async write(note: string): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeFile(`${this.#path}.next`, note, { mode: 0o600, flush: true });
    await rename(`${this.#path}.next`, this.#path);
  }
}

type KeptNote = Anchor & { readonly note: string };

const anchorOf = (note: string, from: string, verifier: NoteVerifier): KeptNote | string => {
  const opened = openNote(note, verifier);
  if (!opened.ok) return `${from} cannot be trusted: ${opened.reason}`;
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint === undefined || checkpoint.origin !== verifier.name) return `${from} is no checkpoint of this log`;
  return { checkpoint, from, note };
};

/** A trail that must agree with the last checkpoints signed here; already broken when one of them is not ours. */
export const openTrail = async (
  checkpoints: Checkpoints,
  own: OwnRecord,
  verifier: NoteVerifier,
): Promise<{ readonly trail: Trail; readonly last: Sealed | null }> => {
  const notes = [
    { note: await checkpoints.last(), from: 'the last checkpoint of the stream' },
    { note: await own.read(), from: `the last checkpoint kept in ${own.path}` },
  ];
  const read = notes.flatMap(({ note, from }) => (note === null ? [] : [anchorOf(note, from, verifier)]));
  const anchors = read.filter((anchor) => typeof anchor !== 'string');
  const trail = new Trail(anchors);
  for (const problem of read) if (typeof problem === 'string') trail.break(problem);
  const newest = anchors.toSorted((one, other) => one.checkpoint.size - other.checkpoint.size).at(-1);
  const last = newest === undefined ? null : { note: newest.note, checkpoint: newest.checkpoint, sequence: null };
  return { trail, last };
};
