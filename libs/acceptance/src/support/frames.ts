import type { Page } from 'playwright-core';

/** Frames while something is done, in milliseconds from one to the next. */
export const framesDuring = async (page: Page, work: () => Promise<void>): Promise<number[]> => {
  await page.evaluate(() => {
    const gaps: number[] = [];
    let last = performance.now();
    const tell = (now: number): void => {
      gaps.push(now - last);
      last = now;
      if (!('framesOver' in globalThis)) requestAnimationFrame(tell);
    };
    Reflect.deleteProperty(globalThis, 'framesOver');
    Object.assign(globalThis, { frameGaps: gaps });
    requestAnimationFrame(tell);
  });
  await work();
  return page.evaluate(() => {
    Object.assign(globalThis, { framesOver: true });
    return (globalThis as unknown as { frameGaps: number[] }).frameGaps;
  });
};

/** The smoothest of three passes: a pause of the machine is not one of the page. */
const bestOfThree = async (page: Page, pass: () => Promise<void>): Promise<number[]> => {
  const passes: number[][] = [];
  for (let time = 0; time < 3; time += 1) passes.push(await framesDuring(page, pass));
  const drawn = passes.filter((frames) => frames.length > 0);
  return drawn.toSorted((a, b) => Math.max(...a) - Math.max(...b))[0] ?? [];
};

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const REST_MS = 500;

/**
 * How long a frame takes while something is done, in frames of the same page at rest just before: what else a machine does
 * is in both. A page that lays out all of a long list takes dozens.
 */
export const framesAgainstRest = async (
  page: Page,
  pass: () => Promise<void>,
): Promise<{ readonly median: number; readonly longest: number }> => {
  const restMs = median(await framesDuring(page, () => page.waitForTimeout(REST_MS)));
  const frames = await bestOfThree(page, pass);
  return { median: median(frames) / restMs, longest: Math.max(...frames) / restMs };
};

/** Smooth enough to work with, on a machine that is shared: in frames at rest. */
export const smooth = { median: 4, longest: 30 } as const;
