import type { EvidenceRecord } from '@crucible/api';

/** One measure of a sandbox over time. */
export interface Series {
  readonly name: string;
  /** Pairs of seconds since the first sample and the value, the latter in the unit that `unit` names. */
  readonly points: readonly (readonly [number, number])[];
  readonly unit: 'bytes' | 'cores' | 'count';
  /** What the sandbox may have at most, where it has a bound. */
  readonly max: number | null;
}

export interface UsageBounds {
  readonly memoryBytesMax: number;
  readonly diskBytesMax: number;
  readonly pidsMax: number;
  readonly cpuMillis: number;
}

interface Sample {
  readonly at: number;
  readonly cpuUs: number | null;
  readonly memoryBytes: number | null;
  readonly tasks: number | null;
  readonly diskBytes: number | null;
}

const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

const sampleOf = (record: EvidenceRecord): Sample[] => {
  const at = numberOf(record['at']);
  if (at === null) return [];
  const read = (name: string): number | null => numberOf(record[name]);
  return [
    {
      at,
      cpuUs: read('cpuUs'),
      memoryBytes: read('memoryBytes'),
      tasks: read('guestTasks') ?? read('tasks'),
      diskBytes: read('diskBytes'),
    },
  ];
};

const usPerMs = 1_000;

/** What a sandbox used, as series to draw; CPU is told as cores in use between two samples. Bad samples are left out. */
export const seriesOf = (records: readonly EvidenceRecord[], bounds: UsageBounds): Series[] => {
  const samples = records.flatMap(sampleOf).sort((a, b) => a.at - b.at);
  const begin = samples[0]?.at ?? 0;
  const seconds = ({ at }: Sample): number => (at - begin) / 1_000;
  const points = (read: (sample: Sample) => number | null) =>
    samples.flatMap((sample) => {
      const value = read(sample);
      return value === null ? [] : [[seconds(sample), value] as const];
    });
  const cores = samples.slice(1).flatMap((sample, index) => {
    const before = samples[index];
    if (before === undefined || before.cpuUs === null || sample.cpuUs === null || sample.at <= before.at) return [];
    return [[seconds(sample), Math.max(0, sample.cpuUs - before.cpuUs) / usPerMs / (sample.at - before.at)] as const];
  });
  const all: Series[] = [
    { name: 'CPU', unit: 'cores', points: cores, max: bounds.cpuMillis / 1_000 },
    { name: 'Memory', unit: 'bytes', points: points(({ memoryBytes }) => memoryBytes), max: bounds.memoryBytesMax },
    { name: 'Disk', unit: 'bytes', points: points(({ diskBytes }) => diskBytes), max: bounds.diskBytesMax },
    { name: 'Tasks', unit: 'count', points: points(({ tasks }) => tasks), max: null },
  ];
  return all.filter((series) => series.points.length > 0);
};

const widthPx = 200;
const heightPx = 36;

/** A series as the `points` of an SVG polyline in a box of 200 by 36; the top is the bound, or the largest value. */
export const polylineOf = ({ points, max }: Series): string => {
  const last = Math.max(0.001, points.at(-1)?.[0] ?? 0);
  const top = Math.max(max ?? 0, ...points.map(([, value]) => value), Number.MIN_VALUE);
  const placed = points.map(
    ([at, value]) => `${((at / last) * widthPx).toFixed(1)},${((1 - value / top) * heightPx).toFixed(1)}`,
  );
  // A single sample is a level.
  return placed.length === 1
    ? `0,${placed[0]?.split(',')[1]} ${widthPx},${placed[0]?.split(',')[1]}`
    : placed.join(' ');
};
