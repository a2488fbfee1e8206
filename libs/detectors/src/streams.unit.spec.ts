import { describe, expect, it } from 'vitest';
import { OutputEvents } from './output-events.ts';
import { UsageEvents } from './usage-events.ts';

describe('OutputEvents', () => {
  it('shows a text whole that came in two pieces, and knows where it began', () => {
    const output = new OutputEvents();
    output.take('stdout', Buffer.from(`${'x'.repeat(1_000)}cru`), 1);
    const [event] = output.take('stdout', Buffer.from('cible.events.'), 2);
    expect(event?.text).toContain('crucible.events.');
    expect(event).toMatchObject({ bytes: 13, place: { offset: 1_003 - 512 } });
    expect(output.take('stderr', Buffer.from('y'), 3)).toMatchObject([
      { text: 'y', stream: 'stderr', place: { offset: 0 } },
    ]);
  });

  it('joins a character that came in two pieces, and counts what is no text', () => {
    const output = new OutputEvents();
    expect(output.take('stdout', Buffer.from([0xe2, 0x82]), 1)).toEqual([]);
    expect(output.take('stdout', Buffer.from([0xac]), 2)).toMatchObject([{ text: '€', invalid: 0 }]);
    expect(output.take('stdout', Buffer.from([0xff, 0x00, 0x1b, 0x0a]), 3)).toMatchObject([
      { controls: 2, invalid: 1 },
    ]);
  });

  it('cuts a flood into pieces', () => {
    const pieces = new OutputEvents().take('stdout', Buffer.alloc(100_000, 'z'), 1);
    expect(pieces).toHaveLength(7);
    expect(Math.max(...pieces.map(({ text }) => text.length))).toBeLessThanOrEqual(16_384 + 512);
    expect(pieces.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(100_000);
  });
});

describe('UsageEvents', () => {
  const sample = { memoryBytes: 96, tasks: 4, diskBytes: 10, tmpBytes: 0 };
  const limits = { cpuMillis: 500, memoryBytesMax: 128, pidsMax: 16, diskBytesMax: 100, tmpBytesMax: 0 };

  it('gives shares of what was given, and rates between samples', () => {
    const usage = new UsageEvents(limits);
    expect(usage.take({ ...sample, at: 1_000, cpuUs: 0 }, 1)).toMatchObject({
      cpuCores: 0,
      memoryShare: 0.75,
      tasksShare: 0.25,
      tmpShare: 0,
    });
    usage.count(4_000, 30_000);
    expect(usage.take({ ...sample, at: 3_000, cpuUs: 500_000, diskBytes: 50 }, 2)).toMatchObject({
      cpuCores: 0.25,
      cpuShare: 0.5,
      diskShare: 0.5,
      diskBytesPerSecond: 20,
      outputBytesPerSecond: 2_000,
      callsPerSecond: 15_000,
      place: { channel: 'usage', record: 2 },
    });
  });

  it('makes no rate of two samples at once', () => {
    const usage = new UsageEvents(limits);
    usage.take({ ...sample, at: 1_000, cpuUs: 0 }, 1);
    expect(usage.take({ ...sample, at: 1_001, cpuUs: 900_000 }, 2)).toMatchObject({ cpuCores: 0 });
  });
});
