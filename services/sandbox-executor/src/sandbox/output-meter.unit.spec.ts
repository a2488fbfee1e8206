import { describe, expect, it } from 'vitest';
import { OutputMeter } from './output-meter.ts';

const meterOf = (bytesMax: number) => {
  const kept: string[] = [];
  let passed = 0;
  const meter = new OutputMeter(
    bytesMax,
    ({ bytes }) => void kept.push(Buffer.from(bytes).toString()),
    () => (passed += 1),
  );
  return { meter, kept, passed: () => passed };
};

describe('OutputMeter', () => {
  it('keeps exactly the bound, counts the rest and tells once', async () => {
    const { meter, kept, passed } = meterOf(10);
    await meter.take('stdout', Buffer.from('1234567'), 0);
    await meter.take('stderr', Buffer.from('89abcd'), 0);
    await meter.take('stdout', Buffer.from('more'), 0);
    expect(kept.join('')).toBe('123456789a');
    expect(meter.counts).toEqual({ bytes: 10, dropped: 7 });
    expect(passed()).toBe(1);
  });

  it('lets exactly the bound pass', async () => {
    const { meter, passed } = meterOf(4);
    await meter.take('stdout', Buffer.from('1234'), 0);
    expect(meter.counts).toEqual({ bytes: 4, dropped: 0 });
    expect(passed()).toBe(0);
  });

  it('waits for the sink and passes its refusal on', async () => {
    const meter = new OutputMeter(
      10,
      () => Promise.reject(new Error('no room')),
      () => undefined,
    );
    await expect(meter.take('stdout', Buffer.from('1'), 0)).rejects.toThrow('no room');
  });
});
