import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { endOf, evaluationOf, submit, trialsOf } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import { allReady, pidOf } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { sleepers, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const browser = useBrowser();

/** Sample and outcome of every row of the page's table, in its order. */
const rowsOf = (page: Page): Promise<string[]> =>
  page
    .getByRole('table', { name: 'Trials' })
    .getByRole('row')
    .filter({ has: page.getByRole('link') })
    .evaluateAll((rows) =>
      rows.map((row) =>
        [...row.querySelectorAll('a, .outcome')]
          .map((part) => part.textContent?.trim())
          .sort()
          .join(' '),
      ),
    );

describe('a page whose gateway is killed', () => {
  it('goes on by itself where it was: no reload, no gap, nothing twice', async () => {
    const { page, errors, close } = await browser.open();
    const { id } = await submit({ suite: suiteOf(sleepers(20, 1), { title: 'Lost and found', concurrency: 4 }) });
    const list = await page.context().newPage();
    await list.goto(platform().url);
    await page.goto(`${platform().url}/evaluations/${id}`);
    for (const each of [page, list]) {
      await each.getByRole('status').getByText('Live').waitFor();
      await each.evaluate(() => void Object.assign(globalThis, { marked: true }));
    }
    await waitFor('some trials to end', async () => (await evaluationOf(id)).trials.passed >= 2);
    process.kill(await pidOf('gateway'), 'SIGKILL');
    await page
      .getByRole('status')
      .getByText(/Reconnecting|Offline/)
      .waitFor();
    await page.getByRole('status').getByText('Live').waitFor({ timeout: 30_000 });
    await endOf(id);
    await page.getByText('Completed').waitFor();

    const trials = await trialsOf(id);
    expect(await rowsOf(page)).toEqual(trials.map(({ sampleId }) => ['Passed', sampleId].sort().join(' ')));
    const { position } = await evaluationOf(id);
    await page
      .getByText(new RegExp(`True of log position ${position.toLocaleString('en').replaceAll(',', '.?')}`))
      .waitFor();
    const row = list.getByRole('listitem').filter({ hasText: 'Lost and found' }).first();
    await row.getByText('20 of 20').waitFor();
    for (const each of [page, list]) expect(await each.evaluate(() => 'marked' in globalThis)).toBe(true);
    // That nobody answered for a while is the browser's own message; nothing else may be there.
    expect(
      errors.filter(
        (text) =>
          !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|503/.test(text),
      ),
    ).toEqual([]);
    await close();
    await allReady();
  });
});
