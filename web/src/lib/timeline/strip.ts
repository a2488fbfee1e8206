import { laneOf, lanes } from './kinds.ts';
import type { Kind } from './kinds.ts';

/** How the strip lays its events out: one step an event, or true to the clock. */
export type Scale = 'events' | 'time';

/** Where an event stands on the strip, from 0 to 1. `timesMs` never descend. */
export const shareOf = (scale: Scale, timesMs: readonly number[], index: number): number => {
  const last = timesMs.length - 1;
  if (last < 1) return last < 0 ? 0 : 1;
  if (scale === 'events') return index / last;
  const first = timesMs[0] as number;
  const span = (timesMs[last] as number) - first;
  return span === 0 ? index / last : ((timesMs[index] as number) - first) / span;
};

/** The event nearest to a place of the strip. Of events at one instant it takes the last: all of them had happened then. */
export const indexAtShare = (scale: Scale, timesMs: readonly number[], share: number): number => {
  const last = timesMs.length - 1;
  if (last < 1) return Math.max(0, last);
  const wanted = Math.min(1, Math.max(0, share));
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (shareOf(scale, timesMs, middle) <= wanted) low = middle;
    else high = middle - 1;
  }
  if (low === last) return last;
  const before = wanted - shareOf(scale, timesMs, low);
  const behind = shareOf(scale, timesMs, low + 1) - wanted;
  return behind < before ? indexAtShare(scale, timesMs, shareOf(scale, timesMs, low + 1)) : low;
};

export interface Marks {
  readonly kind: Kind;
  /** An SVG path of upright strokes, one a pixel column at most. */
  readonly path: string;
}

export const lanePx = 17;
const markPx = 11;
export const stripHeightPx = lanes.length * lanePx;

/**
 * The strip's marks, a path for each kind. A kind is drawn at most once a pixel, so ten thousand events cost as much as
 * the strip is wide.
 */
export const marksOf = (kinds: readonly Kind[], timesMs: readonly number[], scale: Scale, widthPx: number): Marks[] => {
  const columns = new Map<Kind, Set<number>>();
  kinds.forEach((kind, index) => {
    const known = columns.get(kind);
    const x = Math.round(shareOf(scale, timesMs, index) * Math.max(0, widthPx));
    if (known === undefined) columns.set(kind, new Set([x]));
    else known.add(x);
  });
  return [...columns].map(([kind, xs]) => {
    const top = laneOf[kind] * lanePx + (lanePx - markPx) / 2;
    return { kind, path: [...xs].map((x) => `M${x} ${top}v${markPx}`).join('') };
  });
};

/** Indexes at which the axis is labelled: the ends and what fits evenly between. */
export const ticksOf = (scale: Scale, timesMs: readonly number[], widthPx: number, labelPx: number): number[] => {
  const last = timesMs.length - 1;
  if (last < 0) return [];
  const parts = Math.max(1, Math.min(last, Math.floor(widthPx / labelPx) - 1));
  const wanted = Array.from({ length: parts + 1 }, (_, part) => indexAtShare(scale, timesMs, part / parts));
  const isApart = (one: number, other: number): boolean =>
    (shareOf(scale, timesMs, other) - shareOf(scale, timesMs, one)) * widthPx >= labelPx * 0.95;
  // The end is labelled in any case, and the rest as far as it leaves room.
  const inner = wanted
    .slice(0, -1)
    .reduce<number[]>(
      (kept, index) => (kept.length === 0 || isApart(kept.at(-1) as number, index) ? [...kept, index] : kept),
      [],
    );
  return [...inner.filter((index) => isApart(index, last)), last];
};

export const speeds = [1, 10, 100] as const;
export type Speed = (typeof speeds)[number];
/** So long at most nothing moves while it plays: longer silences are cut short. */
export const silenceMsMax = 1_500;

export interface Playing {
  readonly index: number;
  /** The moment on the log's clock. */
  readonly atMs: number;
}

/** Where a playing timeline stands `elapsedMs` of the reader's time later. */
export const played = (
  { index, atMs }: Playing,
  timesMs: readonly number[],
  speed: number,
  elapsedMs: number,
): Playing => {
  let at = index;
  let now = atMs + elapsedMs * speed;
  const next = timesMs[at + 1];
  if (next !== undefined) now = Math.max(now, next - silenceMsMax * speed);
  while (at + 1 < timesMs.length && (timesMs[at + 1] as number) <= now) at += 1;
  return { index: at, atMs: now };
};

/** Where a key leads on the timeline: an index, `live` behind the last event, or null when the key does not move. */
export const movedBy = (key: string, index: number, total: number): number | 'live' | null => {
  const page = Math.max(1, Math.round(total / 20));
  const bounded = (target: number): number | 'live' => (target > total - 1 ? 'live' : Math.max(0, target));
  switch (key) {
    case 'ArrowRight':
    case 'ArrowUp':
      return bounded(index + 1);
    case 'ArrowLeft':
    case 'ArrowDown':
      return bounded(index - 1);
    case 'PageUp':
      return bounded(index + page);
    case 'PageDown':
      return bounded(index - page);
    case 'Home':
      return 0;
    case 'End':
      return 'live';
    default:
      return null;
  }
};
