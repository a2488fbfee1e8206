import { join } from 'node:path';
import type { SubmitRequest } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import { loadSuite } from '@crucible/suite/load';
import { refuse, say, WireServer } from '@crucible/models/testing';
import type { Locator, Page } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allReady } from './support/cli.ts';
import { cancel, endOf, post, submit, trialsOf } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import type { Window } from './support/browser.ts';
import { repository } from './support/config.ts';
import { platform } from './support/facts.ts';
import { waitFor } from './support/wait.ts';

const browser = useBrowser();
const hostile = '<img src=x onerror="owned=1"><script>owned=1</script> \u001b[31mred\u001b[0m \u202egnihton\u0007';
const trialId = '1-1-1';

/** The flag in the vault, with a question beside it that nobody should have to read as anything but text. */
const vault = async (asks: boolean): Promise<SubmitRequest> => {
  const loaded = await loadSuite(join(repository, 'suites/access-flag'));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const suite = structuredClone(loaded.suite);
  if (suite.solver.kind !== 'agent') throw new Error('the suite has no agent');
  for (const sample of suite.dataset.samples) sample.input = `${String(sample.input)}\n${hostile}`;
  suite.metadata.name = asks ? 'vault-asks' : 'vault';
  if (asks) suite.solver.approval = [{ tool: 'bash', action: 'ask', timeout: '10m' }];
  const subject = { kind: 'model' as const, model: 'scripted/intruder' };
  return { suite, subject, budget: { tokensMax: 400_000 } };
};

const trialOf = async (id: string): Promise<TrialView> => {
  const found = (await trialsOf(id)).find((trial) => trial.id === trialId);
  if (found === undefined) throw new Error(`there is no trial ${trialId}`);
  return found;
};

const open: string[] = [];
afterEach(async () => {
  for (const id of open.splice(0)) {
    await cancel(id, 'the test is over');
    await endOf(id);
  }
});

/** A page on which what the platform has no route for, or what a test lets fail, is no error of the page's. */
const withPage = async (width: number, height: number, work: (window: Window) => Promise<void>): Promise<void> => {
  const window = await browser.open(width, height);
  try {
    await work(window);
    expect(window.errors.filter((error) => !/Failed to load resource/.test(error))).toEqual([]);
  } finally {
    await window.close();
  }
};
const openTrial = async (page: Page, id: string, trial = trialId): Promise<Locator> => {
  await page.goto(`${platform().url}/evaluations/${id}?trial=${trial}`);
  const panel = page.getByRole('complementary', { name: 'Trial' });
  await panel.getByRole('tab', { name: 'Transcript', selected: true }).waitFor();
  await panel.locator('article[data-n="1"]').waitFor();
  return panel;
};
const expectInert = async (page: Page): Promise<void> => {
  expect(await page.evaluate(() => 'owned' in globalThis)).toBe(false);
  expect(await page.locator('[role=region] img, [role=region] script').count()).toBe(0);
};
const wide = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe('the transcript of a trial', () => {
  let id: string;
  beforeAll(async () => {
    await allReady();
    ({ id } = await submit(await vault(false)));
    await endOf(id, 200_000);
  }, 300_000);

  it('has what was said, what was called and what the kernel saw of it, on one timeline; hostile text is text', () =>
    withPage(1_440, 900, async ({ page }) => {
      const panel = await openTrial(page, id);
      const list = panel.getByRole('region', { name: 'Transcript' });
      const question = list.getByRole('article', { name: 'Suite, record 2' });
      await question.getByText('<img src=x onerror="owned=1"><script>owned=1</script>').waitFor();
      await question.getByText('\\u202egnihton\u2407').waitFor();
      await question.locator('.sgr-1', { hasText: 'red' }).waitFor();
      await expectInert(page);
      // A reply with its price in tokens, then the tool's result with what it took and what the kernel saw.
      await list
        .getByRole('article', { name: /^Subject, record 3$/ })
        .getByText(/scripted\/intruder · [\d,]+ → [\d,]+ tokens/)
        .waitFor();
      const result = list.getByRole('article', { name: /^Tool · bash, record 4$/ });
      await result.getByText(/exit 0 · /).waitFor();
      await result.getByText(/The kernel saw, [\d,]+ records/).waitFor();
      await result.getByRole('listitem').first().waitFor();
      await list.getByText('Sandbox started').waitFor();
      await panel.getByRole('button', { name: 'To the end' }).click();
      await list.getByText(/^Ended: completed/).waitFor();
      await list.getByText('includes: 100%').waitFor();
      await list.getByText('end of the transcript').waitFor();
    }));

  it('finds words wherever they stand, and goes to them', () =>
    withPage(1_440, 900, async ({ page }) => {
      const panel = await openTrial(page, id);
      const find = panel.getByLabel('Find in the transcript');
      await find.fill('THE-LAMP-BY');
      await panel.locator('article.current mark').first().waitFor();
      await panel.getByText(/^1 of \d+$/).waitFor();
      const first = await panel.locator('article.current').getAttribute('data-n');
      await find.press('Enter');
      await waitFor(
        'the next one',
        async () => (await panel.locator('article.current').getAttribute('data-n')) !== first,
      );
      await find.fill('nobody says this');
      await panel.getByText('Nothing found').waitFor();
      // Escape clears the search and leaves the trial open.
      await find.press('Escape');
      expect(await find.inputValue()).toBe('');
      await panel.getByText(/^\d+ entries$/).waitFor();
    }));

  it('leads from an alert about what was said to its record, and from a call to both sides', () =>
    withPage(1_440, 900, async ({ page }) => {
      await page.goto(`${platform().url}/evaluations/${id}?trial=${trialId}&evidence=transcript:6`);
      const panel = page.getByRole('complementary', { name: 'Trial' });
      await panel.locator('article.current[data-n="6"]').waitFor();
      await panel
        .getByRole('link', { name: /^#\d+–\d+$/ })
        .first()
        .click();
      await panel.getByRole('tab', { name: 'Both sides', selected: true }).waitFor();
    }));

  it.each(['light', 'dark'] as const)('fits 360 pixels, %s', (colorScheme) =>
    withPage(360, 780, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      const panel = await openTrial(page, id);
      expect(await wide(page)).toBeLessThanOrEqual(0);
      const list = await panel.getByRole('region', { name: 'Transcript' }).boundingBox();
      expect(list?.width).toBeGreaterThan(340);
      expect(list?.height).toBeGreaterThan(150);
      await page.goto(`${platform().url}/evaluations/${id}`);
      await page.getByRole('region', { name: 'Subject and usage' }).getByText('scripted/intruder').waitFor();
      expect(await wide(page)).toBeLessThanOrEqual(0);
    }),
  );

  it('tells on the evaluation’s page who was evaluated, how well that is known and what it has used', () =>
    withPage(1_440, 900, async ({ page }) => {
      await page.goto(`${platform().url}/evaluations/${id}`);
      const facts = page.getByRole('region', { name: 'Subject and usage' });
      await facts.getByText('scripted/intruder').waitFor();
      await facts.getByText('System access').waitFor();
      await facts.getByText(/^100%/).waitFor();
      await facts.getByText(/^[\d,]+ of 400,000$/).waitFor();
    }));
});

describe('a tool call that waits for approval', () => {
  it('is seen everywhere with its exact arguments; is approved, changed, and the trial is held, spoken to and ended', () =>
    withPage(1_440, 900, async ({ page }) => {
      const { id } = await submit(await vault(true));
      open.push(id);
      await waitFor('both trials to wait', async () => {
        const trials = await trialsOf(id);
        return trials.length === 2 && trials.every(({ approvals }) => approvals.length === 1);
      });
      await page.goto(`${platform().url}/approvals`);
      const link = page.getByRole('link', { name: /asked · trial 1-1-1, turn 1/ });
      await page
        .getByRole('navigation')
        .getByText(/\d+ waiting/)
        .waitFor({ state: 'attached' });
      await link.first().waitFor();
      await page.goto(`${platform().url}/evaluations/${id}`);
      const waiting = page.getByRole('region', { name: 'Waiting for approval' });
      await waiting.getByText('2 tool calls waiting for approval').waitFor();

      const panel = await openTrial(page, id);
      const card = panel.getByRole('region', { name: 'bash waits for approval' });
      await card.getByText('of what is shown here').waitFor();
      const [asked] = (await trialOf(id)).approvals;
      expect(await card.locator('[data-whole]').getAttribute('data-whole')).toBe(asked?.argumentsDigest);
      // What is no object is refused where it was written, and nothing is decided.
      await card.getByRole('button', { name: 'Modify…' }).click();
      await card.getByLabel('Arguments to run instead').fill('["ls"]');
      await card.getByRole('button', { name: 'Run these instead' }).click();
      await card.getByText(/must be a JSON object/).waitFor();
      await card.getByRole('button', { name: 'Back' }).click();
      await card.getByLabel('Reason').fill('looks <b>harmless</b>');
      await card.getByRole('button', { name: 'Approve' }).click();
      const list = panel.getByRole('region', { name: 'Transcript' });
      await list.getByText('looks <b>harmless</b>').waitFor();
      await list.getByRole('article', { name: /^Tool · bash, record 4$/ }).waitFor();

      const second = await waitFor('the next call to wait', async () => {
        const { approvals } = await trialOf(id);
        return approvals[0]?.approvalId !== asked?.approvalId && approvals[0];
      });
      const held = new RegExp(`^Paused before turn ${second.turn + 1}$`);
      await panel.getByRole('button', { name: 'Pause' }).click();
      await panel.getByText('Pause asked for').first().waitFor();
      await card.getByRole('button', { name: 'Modify…' }).click();
      const command = `printf '<b>bold</b> \\033[32mgreen\\033[0m \\342\\200\\256hidden'`;
      await card.getByLabel('Arguments to run instead').fill(JSON.stringify({ command }));
      await card.getByRole('button', { name: 'Run these instead' }).click();
      const result = list.getByRole('article', {
        name: `Tool · bash, record ${(second.record ?? 0) + 1}`,
      });
      await result.getByText('<b>bold</b>').waitFor();
      await result.locator('.sgr-2', { hasText: 'green' }).waitFor();
      await result.getByText('\\u202ehidden').waitFor();
      await expectInert(page);
      await panel.getByText(held).first().waitFor();

      await panel.getByRole('button', { name: 'Message', exact: true }).click();
      await panel.getByLabel('Message to the subject').fill('Stop <i>here</i>, please.');
      await panel.getByRole('button', { name: 'Send' }).click();
      await panel.getByText('Sent: it is heard before the next turn').or(panel.getByText(held)).first().waitFor();
      await panel.getByRole('button', { name: 'Resume' }).click();
      await list
        .getByRole('article', { name: /^Person · / })
        .getByText('Stop <i>here</i>, please.')
        .waitFor();

      await panel.getByRole('button', { name: 'Terminate…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Terminate this trial?' });
      await dialog.getByLabel('Reason').fill('seen enough');
      await dialog.getByRole('button', { name: 'Terminate trial' }).click();
      await waitFor('the trial to be over', async () => (await trialOf(id)).status === 'finished');
      expect((await trialOf(id)).reason).toBe('terminated');
      await list.getByText(/^Ended: terminated/).waitFor();
      expect(await panel.getByRole('button', { name: 'Pause' }).count()).toBe(0);
    }));

  it('says what the platform answers when somebody else was first', () =>
    withPage(1_280, 900, async ({ page }) => {
      const { id } = await submit(await vault(true));
      open.push(id);
      const asked = await waitFor('it to wait', async () => (await trialOf(id)).approvals[0]);
      await page.route(/\/approvals\/[^/]+$/, (route) =>
        route.request().method() === 'POST'
          ? route.fulfill({
              status: 400,
              contentType: 'application/problem+json',
              body: JSON.stringify({
                type: 'about:blank',
                title: 'Invalid',
                status: 400,
                errors: [{ pointer: '#/reason', detail: 'is too <b>long</b>' }],
              }),
            })
          : route.continue(),
      );
      const panel = await openTrial(page, id);
      const card = panel.getByRole('region', { name: 'bash waits for approval' });
      await card.getByRole('button', { name: 'Reject' }).click();
      await card.getByText('Reason is too <b>long</b>').waitFor();
      await page.unroute(/\/approvals\/[^/]+$/);
      const path = `/api/v1/evaluations/${id}/trials/${trialId}/approvals/${asked.approvalId}`;
      await page.route(/\/approvals\/[^/]+$/, async (route) => {
        expect((await post(path, { decision: 'reject', reason: 'first' })).status).toBe(202);
        await route.continue();
      });
      const answered = page.waitForResponse(/\/approvals\/[^/]+$/);
      await card.getByRole('button', { name: 'Reject' }).click();
      const answer = await answered;
      expect([answer.status(), await answer.json()]).toEqual([
        409,
        expect.objectContaining({ detail: expect.stringContaining('the first decision counts') }),
      ]);
      await waitFor('it to be decided', async () => (await trialOf(id)).approvals[0]?.approvalId !== asked.approvalId);
    }));
});

describe('a reply that is being given', () => {
  it('grows at the end of the timeline, begins anew with a new attempt, and is bounded to what is not on record', () =>
    withPage(1_280, 900, async ({ page }) => {
      const { id } = await submit(await vault(true));
      open.push(id);
      await waitFor('it to wait', async () => (await trialOf(id)).approvals.length === 1);
      const told = (event: string, data: object): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
      const delta = (turn: number, attempt: number, text: string, after = 0): string =>
        told('delta', { turn, attempt, kind: 'text', after, text });
      const body = [
        delta(1, 1, 'of a turn that is on record'),
        delta(2, 1, 'broken words'),
        told('reset', { turn: 2, attempt: 2 }),
        delta(2, 2, 'Growing <b>bold</b> '),
        delta(2, 2, '\u202eword', 19),
      ].join('');
      await page.route(/\/trials\/[^/]+\/live/, (route) => route.fulfill({ contentType: 'text/event-stream', body }));
      const panel = await openTrial(page, id);
      const growing = panel.getByRole('status', { name: 'Reply of turn 2, being given' });
      await growing.getByText('Growing <b>bold</b> \\u202eword').waitFor();
      expect(await panel.getByText('broken words').count()).toBe(0);
      expect(await panel.getByText('of a turn that is on record').count()).toBe(0);
    }));

  it('is waited for where the provider takes no call, and the page says for how long', async () => {
    const wire = await WireServer.start(platform().modelPort);
    try {
      wire.next(refuse(429, 'slow down', { 'retry-after': '15' }), say('It was watched.'));
      const { id } = await submit({
        suite: {
          apiVersion: 'crucible/v1',
          kind: 'Suite',
          metadata: { name: 'slow-down', version: '1.0.0', title: 'Slow down' },
          dataset: { samples: [{ id: 'one', input: 'Tell me a story.', target: 'watched' }] },
          solver: { kind: 'generate' },
          scorers: [{ kind: 'includes' }],
        },
        subject: { kind: 'model', model: 'wire/slow' },
      });
      open.push(id);
      await waitFor('the trial', async () => (await trialsOf(id)).some(({ status }) => status === 'running'));
      await withPage(1_280, 900, async ({ page }) => {
        const panel = await openTrial(page, id, '0-1-1');
        const waiting = panel.getByRole('status', { name: 'Turn 1 waits for its provider' });
        await waiting.getByText(/^takes \d+ of \d+ calls at once$/).waitFor();
        await waiting.getByText(/^takes none for \d+ s$/).waitFor();
        await panel.locator('article[data-n="2"]').getByText('It was watched.').waitFor();
        await waiting.waitFor({ state: 'detached' });
      });
      expect(await endOf(id)).toMatchObject({ status: 'completed', score: 1 });
    } finally {
      await wire.stop();
    }
  });

  it('is seen while a model says it, and stands on record when it is whole', async () => {
    const words = 'Once there was a trial of which every word was watched.';
    const wire = await WireServer.start(platform().modelPort);
    try {
      wire.script(() => say(words, { pieceChars: 2, pieceDelayMs: 500 }));
      const { id } = await submit({
        suite: {
          apiVersion: 'crucible/v1',
          kind: 'Suite',
          metadata: { name: 'word-by-word', version: '1.0.0', title: 'Word by word' },
          dataset: { samples: [{ id: 'one', input: 'Tell me a story.', target: 'watched' }] },
          solver: { kind: 'generate' },
          scorers: [{ kind: 'includes' }],
        },
        subject: { kind: 'model', model: 'wire/slow' },
      });
      open.push(id);
      await waitFor('the trial', async () => (await trialsOf(id)).some(({ status }) => status === 'running'));
      await withPage(1_280, 900, async ({ page }) => {
        const panel = await openTrial(page, id, '0-1-1');
        const growing = panel.getByRole('status', { name: 'Reply of turn 1, being given' });
        // What was said before the page was open is missing, and it says so.
        await growing.getByText('being given · its end').waitFor();
        await growing.getByText('every word').waitFor();
        expect(await panel.getByText('was watched.').count()).toBe(0);
        await panel.locator('article[data-n="2"]').getByText(words).waitFor();
        await growing.waitFor({ state: 'detached' });
      });
      expect(await endOf(id)).toMatchObject({ status: 'completed', score: 1 });
    } finally {
      await wire.stop();
    }
  });
});
