import { readFileSync } from 'node:fs';
import { stopAnswerSchema } from '@crucible/api';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cancel, endOf, evaluationOf, post, submit, trialsOf } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import type { Window } from './support/browser.ts';
import { platform } from './support/facts.ts';
import { sample, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const browser = useBrowser();

/** A window in which the platform's answers are replaced: what the browser itself says of a failed one is no error. */
const withFaults = async (work: (window: Window) => Promise<void>): Promise<void> => {
  const window = await browser.open();
  try {
    await work(window);
    expect(window.errors.filter((error) => !/Failed to load resource/.test(error))).toEqual([]);
  } finally {
    await window.close();
  }
};
const problem = (status: number, detail: string) => ({
  status,
  contentType: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: 'Not now', status, detail }),
});

describe('a suite', () => {
  it('is chosen among those of the platform and run', async () => {
    const page = await browser.openPage();
    await page.getByRole('link', { name: 'Submit' }).first().click();
    const run = page.getByRole('button', { name: 'Run suite' });
    await page.getByText('Choose a suite.').waitFor();
    expect(await run.isDisabled()).toBe(true);
    await page.getByText(/^first-contact@/).click();
    await page.getByRole('radio', { name: /first-contact@/, checked: true }).waitFor({ state: 'attached' });
    await page.getByText('11 trials, each in a sandbox of its own.').waitFor();
    await run.click();
    await page.waitForURL('**/evaluations/*');
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    await page.getByRole('heading', { level: 1 }).waitFor();
    const { suite, trials } = await evaluationOf(id);
    expect([suite.name, trials.total]).toEqual(['first-contact', 11]);
    await page.getByRole('table', { name: 'Trials' }).getByRole('link').first().waitFor();
    // What its programs do is another test's.
    await cancel(id);
    await endOf(id);
    await page.getByText('Cancelled', { exact: true }).waitFor();
  });
});

describe('every page', () => {
  const wide = (page: Page): Promise<number> =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  const expectFits = async (page: Page, what: string): Promise<void> => {
    await waitFor(
      `${what} to have its content`,
      async () => (await page.getByText(/^(Loading|Connecting)/).count()) === 0,
    );
    expect(await wide(page), what).toBeLessThanOrEqual(0);
  };
  const longWord = 'without-any-space-in-it-'.repeat(8);
  let id: string;
  beforeAll(async () => {
    const program = [
      `print("x" * 3000)`,
      'import socket',
      'try: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock")',
      'except OSError: pass',
      `try: open("/root/${longWord}", "w")`,
      'except OSError: pass',
    ].join('\n');
    id = (await submit({ suite: suiteOf([sample(longWord.slice(0, 64), program)], { title: 'W'.repeat(110) }) })).id;
    await endOf(id);
  });

  it.each([360, 1600])('fits %i pixels: alerts, audit, each part of a trial, and what is not there', async (width) => {
    const page = await browser.openPage(width, 800);
    for (const path of [
      `/alerts?evaluation=${id}`,
      '/alerts',
      `/audit?evaluation=${id}`,
      '/audit?event=1',
      '/nowhere',
    ]) {
      await page.goto(platform().url + path);
      await page.getByRole('heading').first().waitFor({ state: 'attached' });
      await expectFits(page, path);
    }
    await page.goto(`${platform().url}/evaluations/${id}?trial=0-1-1`);
    const trial = page.getByRole('complementary', { name: 'Trial' });
    await trial.waitFor();
    const tabs = trial.getByRole('tab');
    await waitFor('the tab of alerts', async () => (await tabs.count()) === 6);
    for (const tab of await tabs.all()) {
      await tab.click();
      await expectFits(page, `the trial's ${await tab.textContent()}`);
    }
  });

  it.each([360, 1600])('fits %i pixels while a stop holds, and with its dialogs open', async (width) => {
    const scope = { kind: 'team', team: 'nobody' };
    const engaged = await post('/api/v1/stops', { scope, reason: longWord.repeat(2) });
    const { stop } = stopAnswerSchema.parse(await engaged.json());
    try {
      const page = await browser.openPage(width, 800);
      const banner = page.getByRole('alert').filter({ hasText: 'Team nobody is stopped' });
      await banner.waitFor();
      await expectFits(page, 'the banner of a stop');
      await banner.getByRole('button', { name: 'Release…' }).click();
      await page.getByRole('dialog', { name: 'Release this stop?' }).waitFor();
      await expectFits(page, 'the dialog that releases');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Stop', exact: true }).click();
      const dialog = page.getByRole('dialog', { name: 'Emergency stop' });
      await dialog.waitFor();
      await expectFits(page, 'the dialog that stops');
      const box = await dialog.boundingBox();
      expect(box?.x).toBeGreaterThanOrEqual(0);
      expect((box?.x ?? 0) + (box?.width ?? width)).toBeLessThanOrEqual(width);
      await page.keyboard.press('Escape');
    } finally {
      await post(`/api/v1/stops/${stop.stopId}/release`, { reason: 'the test is over' });
    }
  });
});

describe('a platform on which nothing ran yet', () => {
  it('says what to do first, and leads to it', () =>
    withFaults(async ({ page }) => {
      const empty = { items: [], nextCursor: null, position: 0 };
      await page.route(/\/api\/v1\/evaluations\?/, (route) => route.fulfill({ json: empty }));
      await page.route(/\/api\/v1\/stream/, (route) =>
        route.fulfill({
          contentType: 'text/event-stream',
          body: `id: 0\nevent: snapshot\ndata: ${JSON.stringify(empty)}\n\n`,
        }),
      );
      await page.goto(platform().url);
      await page.getByRole('heading', { name: 'Nothing has been evaluated yet' }).waitFor();
      await page.getByText('./crucible run suites/first-contact').waitFor();
      await page.getByRole('link', { name: 'Choose first-contact' }).click();
      await page.waitForURL('**/submit?suite=first-contact');
      await page.getByRole('radio', { name: /first-contact@/, checked: true }).waitFor({ state: 'attached' });
      expect(await page.getByRole('button', { name: 'Run suite' }).isEnabled()).toBe(true);
    }));
});

describe('what is not there', () => {
  it('is told apart: no such page, no such evaluation, nothing that fits a filter', () =>
    withFaults(async ({ page }) => {
      await page.goto(`${platform().url}/nowhere`);
      await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
      await page.getByRole('link', { name: 'All evaluations', exact: true }).click();
      await page.getByRole('heading', { name: 'Evaluations' }).waitFor();
      await page.goto(`${platform().url}/evaluations/00000000-0000-7000-8000-000000000000`);
      await page.getByRole('heading', { name: 'There is no such evaluation' }).waitFor();
      await page.goto(`${platform().url}/?suite=no-suite-has-this-name`);
      await page.getByText('No evaluation fits these filters').waitFor();
      await page.getByRole('link', { name: 'Show all' }).click();
      await page.getByRole('listitem').first().waitFor();
    }));
});

describe('an answer that fails', () => {
  it.each([
    ['/', /\/api\/v1\/evaluations\?/, 'The evaluations could not be loaded'],
    ['/submit', /\/api\/v1\/suites/, 'The suites could not be loaded'],
    ['/alerts', /\/api\/v1\/alerts\?.*limit=(?!1(&|$))/, 'Alerts could not be loaded'],
    ['/audit', /\/api\/v1\/events\?/, 'Events could not be loaded'],
    ['/audit', /\/audit\/checkpoint/, 'The audit service does not answer'],
  ])('is explained on %s (%s), and tried again when asked', (path, address, title) =>
    withFaults(async ({ page }) => {
      let isDown = true;
      await page.route(address, (route) =>
        isDown ? route.fulfill(problem(503, 'Down for a <b>moment</b>.')) : route.continue(),
      );
      await page.goto(platform().url + path);
      const notice = page.getByRole('alert').filter({ hasText: title });
      const again = notice.getByRole('button', { name: 'Try again' });
      await notice.getByText('Down for a <b>moment</b>.').waitFor();
      await Promise.all([page.waitForRequest(address), again.click()]);
      await notice.getByText('Down for a <b>moment</b>.').waitFor();
      isDown = false;
      // Some pages ask again by themselves as well, and may have done so already.
      await again.click({ timeout: 2_000 }).catch(() => undefined);
      await notice.waitFor({ state: 'detached' });
    }),
  );
});

describe('the audit page', () => {
  it('gives the whole log as a file, and one evaluation’s', async () => {
    const page = await browser.openPage();
    const { id } = await submit({ suite: suiteOf([sample('exported', 'print(1)')]) });
    await endOf(id);
    const [trial] = await trialsOf(id);
    const taken = async (name: string | RegExp): Promise<{ file: string; lines: Record<string, unknown>[] }> => {
      const link = page.getByRole('link', { name });
      const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
      const text = readFileSync(await download.path(), 'utf8');
      const lines = text.trimEnd().split('\n');
      return {
        file: download.suggestedFilename(),
        lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
      };
    };
    await page.goto(`${platform().url}/audit`);
    const whole = await taken('Export the log');
    expect(whole.file).toBe('crucible-log.ndjson');
    await page.goto(`${platform().url}/audit?evaluation=${id}`);
    const part = await taken(/^Export evaluation /);
    expect(part.file).toBe(`crucible-evaluation-${id}.ndjson`);
    for (const { lines } of [whole, part]) {
      expect(JSON.stringify(lines[0])).toContain('crucible-export/1');
      expect(lines.some((line) => JSON.stringify(line).includes(trial?.id ?? '?'))).toBe(true);
    }
    expect(part.lines.length).toBeLessThan(whole.lines.length);
  });

  it('shows how far a verification is, and ends it when asked, without a finding', async () => {
    const page = await browser.openPage();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route(/\/audit\/export/, async (route) => {
      await held;
      await route.continue().catch(() => undefined);
    });
    await page.goto(`${platform().url}/audit`);
    const card = page.getByRole('region', { name: 'Verify' });
    const verify = card.getByRole('button', { name: 'Verify the log' });
    await verify.click();
    await card.getByRole('progressbar', { name: 'Verification' }).waitFor();
    await card.getByText('Waiting for the log…').waitFor();
    await card.getByRole('button', { name: 'Cancel verification' }).click();
    await card.getByText('This says nothing about the log.').waitFor();
    expect(await card.getByRole('progressbar').count()).toBe(0);

    // Whatever was shown, however short it stood there.
    await page.evaluate(() => {
      const shown: string[] = [];
      Object.assign(globalThis, { shown });
      const look = (): void => {
        for (const bar of document.querySelectorAll('[role=progressbar][aria-label=Verification]'))
          shown.push(bar.parentElement?.textContent?.trim() ?? '');
      };
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    release();
    await verify.click();
    await card.getByText('The log is whole and unchanged').waitFor({ timeout: 60_000 });
    const shown = await page.evaluate(() => (globalThis as unknown as { shown: string[] }).shown);
    expect(
      shown.some((text) => /\d[\d,]* of \d[\d,]* events · [\d,]+ events\/s · \d/.test(text)),
      shown.join('\n'),
    ).toBe(true);
  });
});
