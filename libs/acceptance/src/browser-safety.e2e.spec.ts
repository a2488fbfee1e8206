import type { Page } from 'playwright-core';
import { afterEach, describe, expect, it } from 'vitest';
import { stopListSchema } from '@crucible/api';
import { endOf, post, request, submit, trialsOf } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import { platform } from './support/facts.ts';
import { framesAgainstRest, smooth } from './support/frames.ts';
import { sample, sleepers, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const browser = useBrowser();

const stops = async () => stopListSchema.parse(await (await request('/api/v1/stops')).json()).items;

/** What one test has stopped must not hold back the next one. */
afterEach(async () => {
  for (const { stopId, releasedAt } of await stops())
    if (releasedAt === null) await post(`/api/v1/stops/${stopId}/release`, { reason: 'the test is over' });
});

const openTrial = async (page: Page, id: string, more = ''): Promise<void> => {
  await page.goto(`${platform().url}/evaluations/${id}?trial=0-1-1${more}`);
  await page.getByRole('complementary', { name: 'Trial' }).waitFor();
};

describe('the emergency stop', () => {
  it('is engaged by a click and a hold, kills what runs, is seen on every page, and is released with a reason', async () => {
    const { id } = await submit({
      suite: suiteOf(sleepers(6, 200), { concurrency: 2, title: 'To be stopped', sandbox: { wallTime: '300s' } }),
    });
    const page = await browser.openPage();
    await page.goto(`${platform().url}/evaluations/${id}`);
    await waitFor('two running trials', async () => {
      const trials = await trialsOf(id);
      return trials.filter(({ status }) => status === 'running').length === 2;
    });

    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Emergency stop' });
    await dialog.getByLabel('This evaluation').check();
    await dialog.getByLabel('Reason').fill('it reached for <b>too</b> much');
    const hold = dialog.getByRole('button', { name: 'Hold to stop' });
    // A mere click is no hold.
    await hold.click();
    expect(await stops()).not.toContainEqual(expect.objectContaining({ releasedAt: null }));
    await hold.hover();
    await page.mouse.down();
    const banner = page.getByRole('alert').filter({ hasText: 'is stopped' });
    // Held until it is engaged, however late the page's timer is.
    await banner.getByText('it reached for <b>too</b> much').waitFor();
    await page.mouse.up();
    await banner.getByText(/2 sandboxes gone in/).waitFor();

    const killed = await waitFor('both trials to be ended', async () => {
      const ended = (await trialsOf(id)).filter(({ reason }) => reason === 'stopped');
      return ended.length === 2 && ended;
    });
    expect(killed.every(({ kill }) => kill?.gone === true && kill.cause === 'stop')).toBe(true);
    // Nothing of it starts while the stop holds.
    expect((await trialsOf(id)).filter(({ status }) => status === 'running')).toEqual([]);

    await page.goto(platform().url);
    await banner.waitFor();
    await banner.getByRole('button', { name: 'Release…' }).click();
    const release = page.getByRole('dialog', { name: 'Release this stop?' });
    await release.getByRole('button', { name: 'Release' }).click();
    await release.getByText('must say why it is safe to go on').waitFor();
    await release.getByLabel('Reason').fill('looked at');
    await release.getByRole('button', { name: 'Release' }).click();
    await waitFor('the banner to go', async () => (await banner.count()) === 0);
    await waitFor('what had not begun to begin', async () =>
      (await trialsOf(id)).some(({ status }) => status === 'running'),
    );
    await post(`/api/v1/evaluations/${id}/cancel`, { reason: 'the test has seen enough' });
    await endOf(id);
  });
});

describe('an alert', () => {
  const program = [
    'print("hello, I am harmless", flush=True)',
    'import socket',
    's = socket.socket(socket.AF_UNIX)',
    'try: s.connect("/var/run/docker.sock")',
    'except OSError as error: print("engine:", error, flush=True)',
    'print(open("/home/operator/.aws/credentials").read()[:20].replace("a", "b"), flush=True)',
    '',
  ].join('\n');

  it('is listed, leads to its exact evidence beside what the guest said, and is acknowledged', async () => {
    const { id } = await submit({ suite: suiteOf([sample('nosy', program)], { title: 'Nosy' }) });
    await endOf(id);
    const page = await browser.openPage();
    await page.goto(`${platform().url}/alerts?evaluation=${id}`);
    const items = page.getByRole('main').getByRole('listitem');
    const alert = items
      .filter({ has: page.locator('summary') })
      .filter({ hasText: 'docker.sock' })
      .first();
    await alert.locator('summary').click();
    await alert
      .getByRole('link', { name: /^kernel:\d+$/ })
      .first()
      .click();

    const rows = page.getByRole('listbox', { name: /What the guest said/ });
    const chosen = rows.getByRole('option', { selected: true });
    await chosen.getByText('docker.sock').waitFor();
    await page.getByRole('region', { name: 'The chosen row' }).getByText('"kind": "connect"').waitFor();
    // Beside it, on the same clock, what the program printed before and after.
    await page.getByLabel('Find in both sides').fill('harmless');
    await rows.getByText('hello, I am harmless').waitFor();
    await page.getByLabel('Find in both sides').fill('');
    await page.getByRole('group', { name: 'Show' }).getByRole('button', { name: 'Files' }).click();
    expect(await rows.getByText(/^open/).count()).toBe(0);

    await page.getByRole('tab', { name: /^Alerts/ }).click();
    const own = page.getByRole('tabpanel').getByRole('listitem').filter({ hasText: 'docker.sock' }).first();
    await own.locator('summary').click();
    await own.getByLabel('What you found').fill('expected <i>here</i>');
    await own.getByRole('button', { name: 'Acknowledge' }).click();
    await own.getByText('acknowledged', { exact: true }).waitFor();

    await page.getByRole('tab', { name: 'Sandbox' }).click();
    await page.getByText('strict', { exact: true }).waitFor();
    await page.getByText('Proven before it started').waitFor();
  });
});

describe('a hundred thousand kernel events', () => {
  // Each opening is two records at the most; the bound of what is kept in full is reached.
  const storm = 'for _ in range(100_500): open("/dev/null").close()\nprint("done")\n';

  it('scroll smoothly: only the rows in sight exist, and the end is one key away', async () => {
    const { id } = await submit({
      suite: suiteOf([sample('storm', storm)], { title: 'Storm', sandbox: { wallTime: '120s' } }),
    });
    const { verdicts } = await endOf(id, 180_000);
    expect(verdicts.contained).toBe(1);
    const page = await browser.openPage();
    await openTrial(page, id);
    await page.getByRole('tab', { name: 'Both sides' }).click();
    const rows = page.getByRole('listbox', { name: /What the guest said/ });
    await waitFor(
      'all records to be there',
      async () =>
        Number(
          await rows
            .getByRole('option')
            .first()
            .getAttribute('aria-setsize', { timeout: 2_000 })
            .catch(() => 0),
        ) > 100_000,
      60_000,
    );
    expect(await rows.getByRole('option').count()).toBeLessThan(120);
    await rows.focus();
    await page.keyboard.press('End');
    await rows.getByText('done').waitFor();
    expect(await rows.getByRole('option').count()).toBeLessThan(120);
    await page.keyboard.press('Home');
    await rows.getByText(/preflight/).waitFor();

    const frames = await framesAgainstRest(page, async () => {
      await rows.evaluate((box) => void (box.scrollTop = 0));
      for (let step = 0; step < 60; step += 1) {
        // Row by row at first, then in leaps to rows that were never drawn.
        const kept = await rows.evaluate((box, leaps) => {
          box.scrollTop += leaps ? box.scrollHeight / 40 : 2 * box.clientHeight;
          return box.querySelectorAll('[role=option]').length;
        }, step >= 30);
        expect(kept).toBeLessThan(120);
      }
    });
    expect(frames.median).toBeLessThan(smooth.median);
    expect(frames.longest).toBeLessThan(smooth.longest);
  }, 300_000);
});
