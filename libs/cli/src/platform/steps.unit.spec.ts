import { describe, expect, it } from 'vitest';
import { Steps, type StepDisplay } from './steps.ts';

const record = (display: StepDisplay, shownFromMs = 0) => {
  let text = '';
  const steps = new Steps({ display, shownFromMs, write: (more) => (text += more) });
  return { steps, text: () => text };
};

describe('steps', () => {
  it('prints one line a step, with its time and note', async () => {
    const { steps, text } = record('lines');
    const result = await steps.step('nats', async (note) => {
      note('port 1');
      return 7;
    });
    expect(result).toBe(7);
    expect(text()).toMatch(/^\S+ nats +0\.0\d s {2}port 1\n$/);
    expect(steps.records).toMatchObject([{ name: 'nats', note: 'port 1' }]);
  });

  it('prints objects for programs', async () => {
    const { steps, text } = record('json');
    await steps.step('web', async () => undefined);
    expect(JSON.parse(text())).toMatchObject({ type: 'step', name: 'web' });
  });

  it('passes a failure on, and shows it even where quick steps are not shown', async () => {
    const { steps, text } = record('lines', 10_000);
    await steps.step('quick', async () => undefined);
    await expect(steps.step('bad', () => Promise.reject(new Error('no\nmore')))).rejects.toThrow('no');
    expect(text()).toMatch(/^\S+ bad .*no\n$/);
    expect(steps.records.map(({ name, failed }) => [name, failed])).toEqual([
      ['quick', undefined],
      ['bad', true],
    ]);
  });
});
