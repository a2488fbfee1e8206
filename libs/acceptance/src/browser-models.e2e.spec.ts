import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { endOf, evaluationOf } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import { crucible } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { waitFor } from './support/wait.ts';

const browser = useBrowser();
const suite = 'access-flag';

const downloaded = async (page: Page, button: string): Promise<string> => {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button, exact: true }).click(),
  ]);
  return readFile(await download.path(), 'utf8');
};

const idsIn = (page: Page): string[] => new URL(page.url()).searchParams.get('ids')?.split(',') ?? [];

/** Chooses the suite and two scripted models, of one sample, and runs it. @returns ids of the evaluations */
const submitTwo = async (page: Page): Promise<string[]> => {
  await page.goto(`${platform().url}/submit?suite=${suite}`);
  const run = page.getByRole('button', { name: 'Run suite' });
  await page.getByText('Choose at least one model.').waitFor();
  expect(await run.isDisabled()).toBe(true);
  // Of the operator's own models beside the scripted ones.
  await page.getByRole('checkbox', { name: 'wire/slow' }).waitFor();
  for (const name of ['scripted/benign', 'scripted/intruder']) await page.getByRole('checkbox', { name }).check();
  await page.getByLabel('Samples', { exact: true }).fill('1.5');
  await page.getByLabel('Model calls', { exact: true }).fill('200');
  await run.click();
  await page.getByText('Samples must be a whole number').waitFor();
  await page.getByLabel('Samples', { exact: true }).fill('1');
  await page.getByLabel('Epochs', { exact: true }).fill('1');
  await page.getByText('2 evaluations, 2 trials in all').waitFor();
  await run.click();
  await page.waitForURL('**/compare?ids=*');
  return idsIn(page);
};

describe('models, from the browser', () => {
  it('are chosen, run, compared and taken along as the command line does', async () => {
    const page = await browser.openPage();
    const ids = await submitTwo(page);
    expect(ids).toHaveLength(2);
    for (const id of ids) await endOf(id, 120_000);
    const evaluations = await Promise.all(ids.map(evaluationOf));
    expect(evaluations.map(({ subject, budget, samples }) => [subject, budget.callsMax, samples])).toEqual(
      ['scripted/benign', 'scripted/intruder'].map((model) => [{ kind: 'model', model, provider: null }, 200, 1]),
    );
    const results = page.getByRole('region', { name: 'Results of each evaluation' });
    await results.getByRole('link', { name: 'scripted/intruder' }).waitFor();
    // What has not ended is said to; the page looks again until it has.
    await waitFor('both to be shown as ended', async () => (await page.getByText('has not ended').count()) === 0);
    await page.getByText(/^[01] of 1 sample differ$/).waitFor();

    for (const format of ['CSV', 'JSON'] as const) {
      const { stdout, code } = await crucible(['compare', ...ids, `--${format.toLowerCase()}`]);
      expect(code).toBe(0);
      expect(await downloaded(page, format)).toBe(stdout);
    }

    await page.goto(`${platform().url}/?model=scripted%2Fintruder`);
    const boxes = page.getByRole('checkbox', { name: /scripted\/intruder/ });
    await boxes.first().waitFor();
    expect(await page.getByRole('checkbox', { name: /scripted\/benign/ }).count()).toBe(0);
    await page.getByRole('combobox', { name: 'Model' }).selectOption('');
    const rowOf = (id: string) => page.getByRole('checkbox', { name: new RegExp(`${id.slice(-8)}$`) });
    for (const id of ids) await rowOf(id).check();
    await page.getByText('2 evaluations chosen').waitFor();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.waitForURL('**/compare?ids=*');
    expect(idsIn(page)).toEqual(ids);
  }, 240_000);

  it('that nobody has are refused where they were chosen', async () => {
    const { page, errors, close } = await browser.open();
    await page.route('**/api/v1/models', async (route) => {
      const answer = await route.fetch();
      const list = await answer.json();
      await route.fulfill({
        response: answer,
        json: { ...list, items: [...list.items, { ...list.items[0], name: 'gone' }] },
      });
    });
    await page.goto(`${platform().url}/submit?suite=${suite}`);
    await page.getByRole('checkbox', { name: 'gone' }).check();
    const refused = page.waitForResponse((answer) => answer.request().method() === 'POST' && answer.status() === 422);
    await page.getByRole('button', { name: 'Run suite' }).click();
    await refused;
    await page.getByRole('alert').filter({ hasText: 'There is no model "gone" on this platform' }).waitFor();
    await close();
    // What the browser itself says of the refusal is no error of the page.
    expect(errors.filter((error) => !/Failed to load resource/.test(error))).toEqual([]);
  });
});

describe('the comparison', () => {
  const wide = (page: Page): Promise<number> =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  it.each([360, 1600])('fits %i pixels, also with nothing to compare and what is not there', async (width) => {
    const page = await browser.openPage(width, 800);
    await page.goto(`${platform().url}/compare`);
    await page.getByText('Nothing to compare').waitFor();
    expect(await wide(page)).toBeLessThanOrEqual(0);
    await page.goto(`${platform().url}/compare?ids=nothing,<b>`);
    await page.getByText('Nothing to compare').waitFor();
    expect(await wide(page)).toBeLessThanOrEqual(0);
  });
});
