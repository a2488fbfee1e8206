import { describe, expect, it } from 'vitest';
import { polylineOf, seriesOf } from './usage-series.ts';

const bounds = { memoryBytesMax: 100, diskBytesMax: 50, pidsMax: 8, cpuMillis: 500 };

describe('usage', () => {
  it('is told as series on one clock, CPU as cores between two samples', () => {
    const series = seriesOf(
      [
        { n: 2, at: 2_000, cpuUs: 500_000, memoryBytes: 20, tasks: 3, diskBytes: 0 },
        { n: 1, at: 1_000, cpuUs: 0, memoryBytes: 10, tasks: 2, diskBytes: 0 },
      ],
      bounds,
    );
    expect(series.map(({ name, points, max }) => [name, points, max])).toEqual([
      ['CPU', [[1, 0.5]], 0.5],
      [
        'Memory',
        [
          [0, 10],
          [1, 20],
        ],
        100,
      ],
      [
        'Disk',
        [
          [0, 0],
          [1, 0],
        ],
        50,
      ],
      [
        'Tasks',
        [
          [0, 2],
          [1, 3],
        ],
        null,
      ],
    ]);
  });

  it('leaves out what is no sample', () => {
    expect(seriesOf([{ at: 'x' }, {}, { at: 1, memoryBytes: 'much' }], bounds)).toEqual([]);
  });

  it('is drawn against its bound', () => {
    const [memory] = seriesOf(
      [
        { at: 0, memoryBytes: 0 },
        { at: 1_000, memoryBytes: 50 },
      ],
      bounds,
    );
    expect(memory && polylineOf(memory)).toBe('0.0,36.0 200.0,18.0');
    const [single] = seriesOf([{ at: 0, memoryBytes: 100 }], bounds);
    expect(single && polylineOf(single)).toBe('0,0.0 200,0.0');
  });
});
