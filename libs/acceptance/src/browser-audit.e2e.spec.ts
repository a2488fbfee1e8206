import { readFileSync } from 'node:fs';
import { eventListSchema, historyPageSchema } from '@crucible/api';
import { parseVerifierKey, utf8, verifierKey, verifyTlogProof } from '@crucible/transparency';
import type { Locator, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { endOf, request, submit } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import { platform } from './support/facts.ts';
import { framesAgainstRest, smooth } from './support/frames.ts';
import { sample, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const browser = useBrowser();
const open = browser.openPage;

const answerOf = async (path: string): Promise<unknown> => (await request(path)).json();

interface Seen {
  readonly position: number;
  readonly type: string;
}
/** Events of an evaluation in the order of the log. */
const eventsOf = async (id: string): Promise<Seen[]> => {
  const { items } = historyPageSchema.parse(await answerOf(`/api/v1/evaluations/${id}/events?limit=2000`));
  return items.map(({ position, event }) => ({ position, type: String(event?.['type']) }));
};

describe('a past moment of an evaluation', () => {
  const samples = 6;
  let id: string;
  let events: Seen[];
  let firstFinished: Seen;
  const passed = (page: Page): Locator =>
    page
      .getByText(/^Passed$/)
      .locator('..')
      .locator('dd')
      .first();

  beforeAll(async () => {
    const programs = Array.from({ length: samples }, (_, index) => sample(`step-${index}`, 'print(1)'));
    ({ id } = await submit({ suite: suiteOf(programs, { title: 'Looked back at', concurrency: 2 }) }));
    await endOf(id);
    events = await eventsOf(id);
    firstFinished = events.find(({ type }) => type === 'crucible.trial.finished.v2') as Seen;
  });

  it('is reached by the keyboard, is in the address, and is left by it', async () => {
    const page = await open();
    await page.goto(`${platform().url}/evaluations/${id}`);
    await page.getByText(`${events.length} events`).waitFor();
    await page.getByText('Completed', { exact: true }).waitFor();
    const slider = page.getByRole('slider', { name: 'Moment of the evaluation' });
    await slider.focus();
    await page.keyboard.press('Home');
    await page.getByText('Submitted', { exact: true }).first().waitFor();
    await page.getByRole('note').getByText(`As it was at position`).waitFor();
    expect(await passed(page).textContent()).toContain(`0 / ${samples}`);
    const steps = events.indexOf(firstFinished);
    for (let step = 0; step < steps; step += 1) await page.keyboard.press('ArrowRight');
    expect(await passed(page).textContent()).toContain(`1 / ${samples}`);
    await page.getByText('Running', { exact: true }).first().waitFor();
    await page.waitForURL(`**?at=${firstFinished.position}`);
    await page.keyboard.press('ArrowLeft');
    expect(await passed(page).textContent()).toContain(`0 / ${samples}`);
    await page.keyboard.press('End');
    await page.getByText('Completed', { exact: true }).waitFor();
    expect(await page.getByRole('note').count()).toBe(0);
    await waitFor('the address to be the present’s', () => Promise.resolve(!page.url().includes('at=')));
    await page.goBack();
    await page.getByRole('note').getByText('As it was at position').waitFor();
  });

  it('can be linked: the page, its trial and what the API says of it agree', async () => {
    const page = await open();
    const answer = (await answerOf(`/api/v1/evaluations/${id}?at=${firstFinished.position}`)) as {
      evaluation: { trials: Record<string, number> };
    };
    expect(answer.evaluation.trials['passed']).toBe(1);
    await page.goto(`${platform().url}/evaluations/${id}?at=${firstFinished.position}&trial=${samples - 1}-1-1`);
    await page.getByRole('note').getByText(String(firstFinished.position), { exact: true }).waitFor();
    expect(await passed(page).textContent()).toContain(`1 / ${samples}`);
    expect(await page.getByRole('complementary', { name: 'Trial' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Back to live' }).click();
    await page.getByText('Completed', { exact: true }).waitFor();
    await page.getByRole('complementary', { name: 'Trial' }).waitFor();
  });

  it('is chosen in the list of events, and plays on from there to the present', async () => {
    const page = await open();
    await page.goto(`${platform().url}/evaluations/${id}`);
    await page.getByRole('button', { name: 'List' }).click();
    const list = page.getByRole('listbox', { name: 'Events of this evaluation' });
    await list.focus();
    await page.keyboard.press('Home');
    await list.getByRole('option').first().click();
    await page.getByRole('note').getByText(String(events[0]?.position), { exact: true }).waitFor();
    await page.getByLabel('Speed of playing').selectOption({ label: '1×' });
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.getByText('Completed', { exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  });

  it('says where there is none', async () => {
    const window = await browser.open();
    const { page } = window;
    await page.goto(`${platform().url}/evaluations/${id}?at=1`);
    await page.getByText('At position 1 this evaluation did not exist').waitFor();
    await page.goto(`${platform().url}/evaluations/${id}?at=99999999`);
    await page.getByText('Position 99,999,999 cannot be shown').waitFor();
    await page.getByRole('button', { name: 'Back to live' }).first().click();
    await page.getByText('Completed', { exact: true }).waitFor();
    // The browser itself names answers that are no success on its console.
    expect(window.errors.every((error) => /status of (404|409)/.test(error))).toBe(true);
    await window.close();
  });
});

describe('the audit page', () => {
  const keyField = (page: Page): Locator => page.getByRole('textbox', { name: /^Key/ });

  it('verifies the log in the browser, with the key it was given', async () => {
    const page = await open();
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('heading', { name: 'Audit', level: 1 }).waitFor();
    await page.getByText('Signed', { exact: true }).waitFor();
    const key = (await (await request('/audit/key')).text()).trim();
    await keyField(page).fill(key);
    await page.getByRole('button', { name: 'Verify the log' }).click();
    const result = page.getByText('The log is whole and unchanged').locator('..');
    await result.waitFor({ timeout: 60_000 });
    expect(await result.textContent()).toMatch(/\d+ events under \d+ signed checkpoint/);
    const root = await result.locator('[data-whole]').getAttribute('data-whole');
    expect(root).toMatch(/^[0-9a-f]{64}$/);
    expect(await page.getByText('none', { exact: true }).count()).toBe(1);

    await page.getByRole('button', { name: 'Verify the log' }).click();
    await result.waitFor({ timeout: 60_000 });
  });

  it('refuses the log under another key, and says where', async () => {
    const page = await open();
    await page.goto(`${platform().url}/audit`);
    const own = parseVerifierKey((await (await request('/audit/key')).text()).trim());
    if (own === undefined) throw new Error('the platform’s key cannot be read');
    const other = verifierKey({ ...own, publicKey: own.publicKey.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) });
    await keyField(page).fill(other);
    await page.getByText('This is not the key that the platform shows.').waitFor();
    await page.getByRole('button', { name: 'Verify the log' }).click();
    const alert = page.getByRole('alert').filter({ hasText: 'The log does not verify' });
    await alert.waitFor({ timeout: 60_000 });
    expect(await alert.textContent()).toMatch(/signature|signed|key/);
    await keyField(page).fill('no key');
    await page.getByRole('button', { name: 'Verify the log' }).click();
    await page.getByText(/is no key of a log/).waitFor();
  });

  it('filters events, opens one whole, and gives its proof and its bytes', async () => {
    const { id } = await submit({ suite: suiteOf([sample('only', 'print(1)')], { title: 'Audited' }) });
    await endOf(id);
    const found = await waitFor('the event to be listed', async () => {
      const path = `/api/v1/events?evaluation=${id}&type=crucible.trial.finished.v2`;
      const { items } = eventListSchema.parse(await answerOf(path));
      return items[0];
    });
    const page = await open();
    await page.goto(`${platform().url}/audit`);
    const list = page.getByRole('listbox', { name: /^Events of the log/ });
    await list.getByRole('option').first().waitFor();
    await page.getByLabel('Evaluation', { exact: true }).fill(id);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**evaluation=${id}*`);
    await page.getByLabel('Type').selectOption('crucible.trial.*');
    await page.getByText('3 events', { exact: true }).waitFor();
    expect(await list.getByRole('option').allTextContents()).toEqual([
      expect.stringContaining('trial.finished'),
      expect.stringContaining('trial.started'),
      expect.stringContaining('trial.dispatched'),
    ]);

    await list.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('complementary', { name: 'Event' });
    await drawer.getByRole('heading', { name: `Event ${found.position.toLocaleString('en')}` }).waitFor();
    await drawer.getByText('"type": "crucible.trial.finished.v2"').waitFor();
    await drawer.getByRole('button', { name: 'Check its proof' }).click();
    await drawer.getByText(/^It stands at position/).waitFor();

    const taken = async (button: Locator): Promise<string> => {
      const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
      return readFileSync(await download.path(), 'utf8');
    };
    const proof = await taken(drawer.getByRole('link', { name: 'Proof' }));
    const bytes = await taken(drawer.getByRole('button', { name: 'Bytes' }));
    const verifier = parseVerifierKey((await (await request('/audit/key')).text()).trim());
    if (verifier === undefined) throw new Error('the platform’s key cannot be read');
    expect(verifyTlogProof(proof, utf8(bytes), verifier)).toMatchObject({ ok: true, index: found.position - 1 });

    await page.keyboard.press('Escape');
    await waitFor('the event to close', async () => (await drawer.count()) === 0);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.waitForURL((url) => !url.search.includes('type='));
    await page.getByLabel('Go to position').fill('2');
    await page.keyboard.press('Enter');
    await waitFor('the list to have the focus', () => list.evaluate((box) => box === document.activeElement));
    await page.keyboard.press('Enter');
    await drawer.getByRole('heading', { name: 'Event 2' }).waitFor();
  });
});

/** Answers in the platform's place, so that the log of all specs need not be filled for one. */
const events10k = 10_000;
const timeOf = (position: number): string => new Date(1_700_000_000_000 + position * 50).toISOString();

describe('ten thousand events', () => {
  it('scroll in the audit page with a screenful of rows', async () => {
    const page = await open();
    await page.route('**/api/v1/events?*', (route) => {
      const asked = new URL(route.request().url()).searchParams;
      const before = Math.min(events10k + 1, Number(asked.get('before') ?? events10k + 1));
      const count = Math.min(Number(asked.get('limit')), before - 1 - Number(asked.get('after') ?? 0));
      const items = Array.from({ length: count }, (_, index) => {
        const position = before - 1 - index;
        return {
          position,
          id: null,
          type: 'crucible.trial.started.v2',
          subject: 'crucible.events.platform.executor',
          time: timeOf(position),
          actor: `actor ${position}`,
          team: 'default',
          evaluationId: null,
          trialId: null,
        };
      });
      return route.fulfill({ json: { items, position: events10k } });
    });
    await page.goto(`${platform().url}/audit`);
    const list = page.getByRole('listbox', { name: /^Events of the log/ });
    await page.getByText('10,000 events', { exact: true }).waitFor();
    await list.getByText('actor 10000').waitFor();
    const rowsMax: number[] = [];
    const frames = await framesAgainstRest(page, async () => {
      await list.evaluate((box) => void (box.scrollTop = 0));
      for (let step = 0; step < 40; step += 1) {
        rowsMax.push(
          await list.evaluate((box) => {
            box.scrollTop += 8_000;
            return box.querySelectorAll('[role=option]').length;
          }),
        );
      }
    });
    await list.getByText('actor 1', { exact: true }).waitFor();
    expect(Math.max(...rowsMax)).toBeLessThan(200);
    expect(frames.median).toBeLessThan(smooth.median);
    expect(frames.longest).toBeLessThan(smooth.longest);
    await page.getByLabel('Go to position').fill('5,000');
    await page.keyboard.press('Enter');
    await list.getByText('actor 5000').waitFor();
    await waitFor('the list to have the focus', () => list.evaluate((box) => box === document.activeElement));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**event=4999');
  });

  it('are stepped through on the timeline smoothly', async () => {
    const { id } = await submit({ suite: suiteOf([sample('only', 'print(1)')], { title: 'Stepped through' }) });
    await endOf(id);
    const { items } = historyPageSchema.parse(await answerOf(`/api/v1/evaluations/${id}/events`));
    const [submitted, , dispatched] = items.map(({ event }) => event as Record<string, unknown>);
    const data = (event: Record<string, unknown> | undefined) => event?.['data'] as Record<string, unknown>;
    const whole = Array.from({ length: events10k }, (_, index) => {
      const event =
        index === 0
          ? { ...submitted, data: { ...data(submitted), samples: events10k } }
          : {
              ...dispatched,
              data: { ...data(dispatched), trialId: `${index}-1-1`, sampleIndex: index, sampleId: `s-${index}` },
            };
      return { position: index + 1, event: { ...event, time: timeOf(index) } };
    });
    const window = await browser.open();
    const { page } = window;
    await page.route('**/events?*', (route) => {
      const asked = new URL(route.request().url()).searchParams;
      const after = Number(asked.get('after'));
      const page = whole.slice(after, after + Number(asked.get('limit')));
      const next = after + page.length < whole.length ? after + page.length : null;
      return route.fulfill({ json: { items: page, next, position: 99_999_999 } });
    });
    await page.goto(`${platform().url}/evaluations/${id}`);
    await page.getByText('10,000 events').waitFor();
    await page.getByRole('button', { name: 'List' }).click();
    const slider = page.getByRole('slider', { name: 'Moment of the evaluation' });
    const box = await slider.boundingBox();
    if (box === null) throw new Error('the strip is not in sight');
    await page.mouse.move(box.x + 10, box.y + 20);
    await page.mouse.down();
    const frames = await framesAgainstRest(page, async () => {
      for (let step = 0; step < 60; step += 1)
        await page.mouse.move(box.x + ((step * 37) % Math.floor(box.width - 20)), box.y + 20);
    });
    await page.mouse.up();
    expect(frames.median).toBeLessThan(smooth.median);
    await slider.focus();
    await page.keyboard.press('Home');
    for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowRight');
    await page.getByText('6 of 10,000 events').waitFor();
    const list = page.getByRole('listbox', { name: 'Events of this evaluation' });
    expect(await list.getByRole('option').count()).toBeLessThan(200);
    await page
      .getByText(/^Dispatched$/)
      .first()
      .waitFor();
    await window.close();
  });
});
