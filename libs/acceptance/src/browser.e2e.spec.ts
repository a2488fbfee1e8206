import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { endOf, evaluationOf, submit, trialsOf } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import { crucible, startCrucible } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { sample, sleepers, suiteOf, writeSuite } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const browser = useBrowser();
const open = browser.openPage;

/** Marks the document, so that a reload would be seen. */
const mark = (page: Page): Promise<void> => page.evaluate(() => void Object.assign(globalThis, { marked: true }));
const isMarked = (page: Page): Promise<boolean> => page.evaluate(() => 'marked' in globalThis);

/** Writes a program over the one that stands in the editor. */
const pasteProgram = async (page: Page, source: string): Promise<void> => {
  const editor = page.getByRole('textbox', { name: 'Program', exact: true });
  await editor.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(source);
};
const evaluationIn = (page: Page): string => new URL(page.url()).pathname.split('/').at(-1) ?? '';

describe('logging in', () => {
  it('takes a link of status, once', async () => {
    const { stdout } = await crucible(['status']);
    const link = /http:\S+\/login\?code=\S+/.exec(stdout)?.[0] ?? '';
    const first = await browser.openStranger();
    await first.page.goto(link);
    await first.page.getByRole('heading', { name: 'Evaluations', level: 1 }).waitFor();
    expect(first.page.url()).toBe(`${platform().url}/`);
    const [cookie] = await first.page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });

    // What another site's page could make this browser send changes nothing.
    const forged = await first.page.context().request.post(`${platform().url}/api/v1/evaluations`, { data: {} });
    expect(forged.status()).toBe(403);

    const second = await browser.openStranger();
    expect((await second.page.goto(link))?.status()).toBe(401);
    await second.page.getByRole('heading', { name: 'Crucible needs a login link' }).waitFor();
    expect((await second.page.goto(platform().url))?.status()).toBe(401);
    expect(first.errors).toEqual([]);
    await Promise.all([first.close(), second.close()]);
  });
});

describe('the list', () => {
  it('follows what the command line does, without a reload', async () => {
    const page = await open();
    await mark(page);
    const title = `Seen in the list ${Date.now()}`;
    // The last two run for so long that the state between is there to be seen, also by a page that is slow.
    const slow = sleepers(2, 10).map((each, index) => ({ ...each, id: `slow-${index}` }));
    const suite = suiteOf([...sleepers(2, 1), ...slow], { title, concurrency: 2 });
    const run = startCrucible(['run', writeSuite(suite), '--no-start', '--json']);
    const row = page.getByRole('listitem').filter({ hasText: title });
    await row.getByText('Running', { exact: true }).waitFor();
    await row.getByText('2 of 4').waitFor();
    await row.getByText('Completed').waitFor();
    await row.getByText('4 of 4').waitFor();
    await row.getByText('100%').waitFor();
    expect((await run.ended).code).toBe(0);
    expect(await isMarked(page)).toBe(true);
    expect(await page.getByRole('listitem').filter({ hasText: title }).count()).toBe(1);
  });
});

describe('a pasted program', () => {
  const hostile = '<img src=x onerror="globalThis.owned=1"><script>globalThis.owned=1</script><b>bold</b>';
  const program = [
    'import sys, time',
    `print(${JSON.stringify(hostile)}, flush=True)`,
    'print("\\x1b[31mred\\x1b[0m \\x1b[2J\\x00 first", flush=True)',
    'time.sleep(15)',
    'print("second", file=sys.stderr)',
    '',
  ].join('\n');

  it('runs, and its output is live and only text', async () => {
    const page = await open();
    await page.getByRole('link', { name: 'Submit' }).first().click();
    await page.getByRole('tab', { name: 'A program' }).click();
    await page.getByLabel('Title').fill('Pasted <b>program</b>');
    await page.getByLabel('Wall time').fill('60');
    await pasteProgram(page, program);
    await page.getByRole('button', { name: 'Run program' }).click();
    await page.waitForURL('**/evaluations/*');
    await page.getByRole('heading', { name: 'Pasted <b>program</b>', level: 1 }).waitFor();
    await page.getByRole('table', { name: 'Trials' }).getByRole('link').first().click();

    const output = page.getByRole('region', { name: 'Output of the program' });
    await output.getByText('first').waitFor();
    expect((await evaluationOf(evaluationIn(page))).status).toBe('running');
    expect(await output.getByText('second').count()).toBe(0);
    await output.getByText('second').waitFor({ timeout: 40_000 });
    await page.getByText('Completed').waitFor();

    await page.getByRole('button', { name: 'Wrap' }).click();
    await output.getByText(hostile).waitFor();
    expect(await output.locator('img, script, b').count()).toBe(0);
    expect(await page.evaluate(() => 'owned' in globalThis)).toBe(false);
    expect((await output.textContent())?.match(/first/g)?.length).toBe(1);
    expect(await output.getByText('red', { exact: true }).getAttribute('class')).toContain('sgr-1');

    await page.getByRole('tab', { name: 'Sample' }).click();
    await page.getByRole('textbox', { name: 'Source' }).or(page.getByText('time.sleep(15)')).first().waitFor();
    await page.keyboard.press('Escape');
    await waitFor(
      'the trial to close',
      async () => (await page.getByRole('complementary', { name: 'Trial' }).count()) === 0,
    );
  });

  it('is refused beside its field when a limit is over the platform’s', async () => {
    const page = await open();
    await page.goto(`${platform().url}/submit?program`);
    await page.getByLabel('Memory').fill('999999');
    await page.getByRole('button', { name: 'Run program' }).click();
    await page.getByRole('alert').getByText('Not submitted').waitFor();
    expect(await page.getByLabel('Memory').getAttribute('aria-invalid')).toBe('true');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe(
      await page.getByLabel('Memory').getAttribute('id'),
    );
  });
});

describe('names that are HTML', () => {
  it('are text wherever they stand: in the list, the grid, the table, a trial and its findings', async () => {
    const name = '<img src=x onerror="globalThis.owned=2">';
    const source = `try: open("/root/<script>globalThis.owned=3</script>", "w")\nexcept OSError: pass\nraise SystemExit(1)`;
    const { id } = await submit({ suite: suiteOf([sample(name, source)], { title: name }) });
    await endOf(id);
    const page = await open();
    await page.getByRole('listitem').filter({ hasText: name }).first().waitFor();
    await page.goto(`${platform().url}/evaluations/${id}?trial=0-1-1`);
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    await page.getByRole('heading', { name, level: 2 }).waitFor();
    await page.getByText('<script>globalThis.owned=3</script>').first().waitFor();
    expect(await page.locator('img, [onerror], main script').count()).toBe(0);
    expect(await page.evaluate(() => 'owned' in globalThis)).toBe(false);
  });
});

describe('cancelling', () => {
  it('asks first, and shows who said why', async () => {
    const { id } = await submit({
      suite: suiteOf(sleepers(6, 200), { concurrency: 2, sandbox: { wallTime: '300s' } }),
    });
    const page = await open();
    await page.goto(`${platform().url}/evaluations/${id}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    const dialog = page.getByRole('dialog', { name: 'Cancel this evaluation?' });
    await dialog.getByRole('button', { name: 'Keep running' }).click();
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect((await evaluationOf(id)).status).toBe('running');

    await page.getByRole('button', { name: 'Cancel' }).click();
    await dialog.getByLabel('Reason').fill('seen <i>enough</i>');
    await dialog.getByRole('button', { name: 'Cancel evaluation' }).click();
    await page.getByText('Cancelled because: seen <i>enough</i>').waitFor();
    await page.getByText('Cancelled', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0);
    expect(await endOf(id)).toMatchObject({ status: 'cancelled', cancelReason: 'seen <i>enough</i>' });
  });
});

describe('colours', () => {
  it('change by the toggle and stay over a reload', async () => {
    const page = await open();
    const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await background();
    await page.getByRole('button', { name: 'Colours: system. Change to light' }).click();
    await page.getByRole('button', { name: 'Colours: light. Change to dark' }).click();
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await background()).toBe(dark);
    await page.getByRole('button', { name: 'Colours: dark. Change to system' }).click();
    expect(await background()).toBe(light);
  });
});

describe('every page', () => {
  const wide = (page: Page): Promise<number> =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  let id: string;
  beforeAll(async () => {
    const samples = [
      sample('a-very-long-name-without-any-space-'.repeat(2), `print("x" * 3000)\nprint("word " * 400)`),
      ...Array.from({ length: 20 }, (_, index) => sample(`s${index}`, 'print(1)')),
    ];
    ({ id } = await submit({ suite: suiteOf(samples, { title: 'W'.repeat(110), concurrency: 6 }) }));
    await endOf(id);
  });

  it.each([360, 1600])('fits %i pixels without scrolling sideways', async (width) => {
    const page = await open(width, 800);
    for (const path of ['/', '/submit', '/submit?program', `/evaluations/${id}`, `/evaluations/${id}?trial=0-1-1`]) {
      await page.goto(platform().url + path);
      await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' });
      await waitFor(
        'the page to have its content',
        async () => (await page.getByText(/^(Loading|Connecting)/).count()) === 0,
      );
      expect(await wide(page), path).toBeLessThanOrEqual(0);
    }
  });
});

describe('the keyboard alone', () => {
  /** Presses Tab until the focus is on what has this name, as a person would. */
  const tabTo = async (page: Page, name: string): Promise<void> => {
    for (let press = 0; press < 60; press += 1) {
      await page.keyboard.press('Tab');
      const found = await page.evaluate(() => {
        const { activeElement: active } = document;
        return active?.getAttribute('aria-label') ?? active?.textContent?.trim() ?? '';
      });
      if (found === name) return;
    }
    throw new Error(`Tab does not lead to ${name}`);
  };

  it('submits a program and reads its trial', async () => {
    const page = await open();
    await page.getByRole('heading', { name: 'Evaluations' }).waitFor();
    await tabTo(page, 'Submit');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Submit an evaluation' }).waitFor();
    await tabTo(page, 'A suite');
    await page.keyboard.press('ArrowRight');
    await tabTo(page, 'Program');
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText('print("by keyboard")');
    await page.keyboard.press('Escape');
    await tabTo(page, 'Run program');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/evaluations/*');
    const id = evaluationIn(page);
    await endOf(id);
    const [trial] = await trialsOf(id);
    await tabTo(page, trial?.sampleId ?? '');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Output of the program' }).getByText('by keyboard').waitFor();
    await page.keyboard.press('Escape');
    await waitFor(
      'the trial to close',
      async () => (await page.getByRole('complementary', { name: 'Trial' }).count()) === 0,
    );
  });
});
