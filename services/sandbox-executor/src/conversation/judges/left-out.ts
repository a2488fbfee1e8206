import type { LeftOut, SnapshotEnd } from '../../sandbox/port.ts';

type Taken = Extract<SnapshotEnd, { kind: 'taken' }>;

/** Of the list: who leaves more behind has said enough. */
const ENTRIES_MAX = 1_000;

/**
 * What a trial left and its judge is not given, as a file of JSON for that judge: a subject may hide something as a file
 * that is too big, or behind more files than are looked at.
 */
export const leftOutFile = ({ leftOut, complete }: Pick<Taken, 'leftOut' | 'complete'>): Buffer => {
  const entries = leftOut.slice(0, ENTRIES_MAX);
  return Buffer.from(`${JSON.stringify({ complete, entries, omitted: leftOut.length - entries.length })}\n`, 'utf8');
};

/** A link holds nothing that could be missed. */
const matters = ({ why }: LeftOut): boolean => why !== 'link';

/** The same for people, in a few words; null when nothing of weight was left out. */
export const leftOutWords = (end: SnapshotEnd | null): string | null => {
  if (end?.kind !== 'taken') return null;
  const count = end.leftOut.filter(matters).length;
  if (!end.complete) return 'the trial left more files than are looked at';
  return count === 0 ? null : `${count} of the final files could not be given to the scoring program`;
};
