import { stopAnswerSchema, stopListSchema } from '@crucible/api';
import type { Page } from 'playwright-core';
import { afterEach, expect, it } from 'vitest';
import { endOf, cancel, post, request, submit, trialsOf } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import { platform } from './support/facts.ts';
import { history } from './support/history.ts';
import { sleepers, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const AIM_MS = 2_000;
const CONCURRENCY = 2;
const ROUNDS_MAX = 3;

const browser = useBrowser();
const engaged = async () => stopListSchema.parse(await (await request('/api/v1/stops?engaged=true')).json()).items;
const releaseAll = async (): Promise<void> => {
  for (const { stopId } of await engaged())
    await post(`/api/v1/stops/${stopId}/release`, { reason: 'the test is over' });
};
afterEach(releaseAll);

const running = async (id: string): Promise<number> =>
  (await trialsOf(id)).filter(({ status }) => status === 'running').length;

/** What a person does, from the first click on. @returns milliseconds until the last sandbox was seen to be gone */
const stopByHand = async (page: Page, id: string): Promise<number> => {
  const begun = Date.now();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Emergency stop' });
  await dialog.getByLabel('This evaluation').check();
  await dialog.getByRole('button', { name: 'Hold to stop' }).hover();
  const answered = page.waitForResponse(
    (response) => response.request().method() === 'POST' && response.url().endsWith('/api/v1/stops'),
  );
  await page.mouse.down();
  const { stop } = stopAnswerSchema.parse(await (await answered).json());
  await page.mouse.up();
  const gone = await waitFor('every kill to be on record', async () => {
    const kills = (await history()).flatMap(({ event }) =>
      event.type === 'crucible.sandbox.kill-confirmed.v1' && event.data.stopId === stop.stopId ? [event] : [],
    );
    return kills.length === CONCURRENCY && kills;
  });
  expect(gone.map(({ data }) => [data.evaluationId, data.gone])).toEqual(gone.map(() => [id, true]));
  return Math.max(...gone.map(({ time }) => Date.parse(time))) - begun;
};

it('the stop button takes less than two seconds from the first click to the last process gone', async () => {
  const { id } = await submit({ suite: suiteOf(sleepers(CONCURRENCY * ROUNDS_MAX, 29), { concurrency: CONCURRENCY }) });
  const page = await browser.openPage();
  await page.goto(`${platform().url}/evaluations/${id}`);
  const took: number[] = [];
  // On a machine that others use as well the best of three counts.
  while (took.length < ROUNDS_MAX && !took.some((ms) => ms < AIM_MS)) {
    await waitFor('trials to run', async () => (await running(id)) === CONCURRENCY, 60_000);
    took.push(await stopByHand(page, id));
    await releaseAll();
    await waitFor('the banner to go', async () => (await page.getByRole('alert').count()) === 0);
  }
  process.stdout.write(`stop by hand: ${took.join(', ')} ms\n`);
  expect(Math.min(...took)).toBeLessThan(AIM_MS);
  // It cannot have been a slip: a hold is a part of it.
  expect(Math.min(...took)).toBeGreaterThan(800);
  await cancel(id);
  await endOf(id);
});
