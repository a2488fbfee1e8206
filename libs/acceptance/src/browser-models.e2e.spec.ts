import { readFile } from 'node:fs/promises';
import type { SubmitRequest } from '@crucible/api';
import { say, WireServer } from '@crucible/models/testing';
import type { WireReply, WireRequest } from '@crucible/models/testing';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf, evaluationOf, submit } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import { allReady, crucible } from './support/cli.ts';
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

/** Every download of the page has the bytes that the command line prints for the same evaluations. @returns CSV of evaluations */
const expectSameBytes = async (page: Page, ids: readonly string[]): Promise<string> => {
  const printed = new Map<string, string>();
  for (const [button, ...options] of [
    ['Samples CSV', '--csv'],
    ['Evaluations CSV', '--csv', '--table', 'evaluations'],
    ['Classes CSV', '--csv', '--table', 'classes'],
    ['JSON', '--json'],
  ] as const) {
    const { stdout, stderr, code } = await crucible(['compare', ...ids, ...options]);
    expect(code, stderr).toBe(0);
    expect(await downloaded(page, button)).toBe(stdout);
    printed.set(button, stdout);
  }
  return printed.get('Evaluations CSV') ?? '';
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

    await expectSameBytes(page, ids);

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

/** A suite of two samples; what is said to either names it. */
const gridSuite = (name: string, samples: readonly [string, string], tools: boolean): SubmitRequest['suite'] => ({
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name, version: '1.0.0', title: name, capability: 'system-access' },
  dataset: { samples: samples.map((id) => ({ id, input: `Case ${id}.`, target: `${id} done` })) },
  solver: tools ? { kind: 'agent', tools: ['bash'] } : { kind: 'generate' },
  scorers: [{ kind: 'includes' }],
});
const usage = { inputTokens: 1_000, outputTokens: 200 };
const outward = `python3 -c 'import socket; socket.create_connection(("203.0.113.9", 80), 1)'`;

/** The priced one is right in everything and reaches for the network in one sample; the other one fails in one and is quiet. */
const gridReply = ({ body }: WireRequest): WireReply => {
  const text = JSON.stringify(body.messages);
  const sample = /Case ([a-z]+)\./.exec(text)?.[1] ?? '';
  const hasActed = (body.messages as readonly { readonly role: string }[]).some(({ role }) => role === 'tool');
  if (body.model === 'priced' && sample === 'nosy' && !hasActed) {
    const toolCalls = [{ id: 'call-out', tool: 'bash', arguments: JSON.stringify({ command: outward }) }];
    return say('', { toolCalls, finishReason: 'tool-calls', usage });
  }
  return say(body.model === 'slow' && sample === 'sky' ? 'I do not know.' : `${sample} done`, { usage });
};

/** Texts of the cells in rows under a heading, each on one line. */
const cellsOf = async (table: Locator, heading: string): Promise<string[]> => {
  const rows = table.getByRole('row').filter({ has: table.page().getByRole('rowheader').filter({ hasText: heading }) });
  const texts = await rows.getByRole('cell').allInnerTexts();
  return texts.map((text) => text.replaceAll(/\s+/g, ' ').trim());
};

describe('two suites by two models', () => {
  let wire: WireServer;
  let ids: string[];
  beforeAll(async () => {
    await allReady();
    wire = await WireServer.start(platform().modelPort);
    wire.script(gridReply);
    const suites = [gridSuite('grid-words', ['sum', 'sky'], false), gridSuite('grid-tools', ['calm', 'nosy'], true)];
    const asked = suites.flatMap((of) => ['wire/priced', 'wire/slow'].map((model) => ({ suite: of, model })));
    ids = [];
    for (const { suite: of, model } of asked)
      ids.push((await submit({ suite: of, subject: { kind: 'model', model } })).id);
    for (const id of ids) await endOf(id, 120_000);
  }, 300_000);
  afterAll(() => wire?.stop());

  const openComparison = async (width?: number): Promise<Page> => {
    const page = await browser.openPage(width, 1_000);
    await page.goto(`${platform().url}/compare?ids=${ids.join(',')}`);
    await page.getByRole('region', { name: 'Models by suites' }).getByText('wire/priced').waitFor();
    return page;
  };

  it('are a grid of scores with intervals and containment, and what each came to in the class', async () => {
    const page = await openComparison();
    await page.getByRole('list', { name: 'Warnings' }).getByText('different suites: grid-words, grid-tools').waitFor();
    const grid = page.getByRole('region', { name: 'Models by suites' });
    expect(await grid.getByRole('columnheader').allInnerTexts()).toEqual(['Model', 'grid-words', 'grid-tools']);
    expect(await cellsOf(grid, 'wire/priced')).toEqual([
      '100% ± 0.0 95%: 100% – 100% 2 contained',
      '100% ± 0.0 95%: 100% – 100% 1 attempted 1 contained',
    ]);
    expect(await cellsOf(grid, 'wire/slow')).toEqual([
      '50.0% ± 50.0 95%: 0% – 100% 2 contained',
      '100% ± 0.0 95%: 100% – 100% 2 contained',
    ]);
    expect(await grid.getByRole('link').count()).toBe(4);

    const classes = page.getByRole('region', { name: 'Classes of capabilities' });
    expect(await cellsOf(classes, 'system-access')).toEqual([
      ...['wire/priced', '100% ± 0.0 95%: 100% – 100%', '4', 'grid-words, grid-tools'],
      ...['wire/slow', '75.0% ± 25.0 95%: 25.0% – 100%', '4', 'grid-words, grid-tools'],
    ]);
  });

  it('tell what each cost and used, and in which samples they differ', async () => {
    const page = await openComparison();
    const results = page.getByRole('region', { name: 'Results of each evaluation' });
    // Passed, containment, tokens, cost, calls: at least so much where a model has no price.
    const shown = async (title: string) => (await cellsOf(results, title)).slice(1, 6);
    expect(await shown('grid-words × wire/priced')).toEqual(['2 / 2', '2 contained', '2400', '$0.0120', '2 + 0']);
    expect(await shown('grid-words × wire/slow')).toEqual(['1 / 2', '2 contained', '≥ 2400', '≥ $0', '2 + 0']);
    const tools = await shown('grid-tools × wire/priced');
    expect([tools[0], ...tools.slice(2)]).toEqual(['2 / 2', '3600', '$0.0180', '3 + 1']);
    expect(tools[1]).toMatch(/^1 attempted 1 contained/);

    const words = page.getByRole('region', { name: 'Samples of grid-words' });
    expect(await cellsOf(words, 'sky')).toEqual(['100% contained', '0% contained']);
    const acts = page.getByRole('region', { name: 'Samples of grid-tools' });
    expect(await cellsOf(acts, 'nosy')).toEqual(['100% attempted', '100% contained']);
    // What came to the same is left out until it is asked for.
    expect(await page.getByText('1 of 2 samples differ').count()).toBe(2);
    expect(await words.getByRole('rowheader').allInnerTexts()).toEqual(['sky']);
    await page.getByRole('checkbox', { name: 'Also the 1 that came to the same' }).first().check();
    expect(await cellsOf(words, 'sum')).toEqual(['100% contained', '100% contained']);
  });

  it('are taken along as tables for spreadsheets, the same bytes as the command line prints', async () => {
    const page = await openComparison();
    const [head = '', ...rows] = (await expectSameBytes(page, ids)).trimEnd().split('\r\n');
    const names = head.split(',');
    const at = (row: number, name: string): string | undefined => rows[row]?.split(',')[names.indexOf(name)];
    const of = (name: string) => rows.map((_, row) => at(row, name));
    expect(of('evaluation')).toEqual(ids);
    expect(of('suite')).toEqual(['grid-words', 'grid-words', 'grid-tools', 'grid-tools']);
    expect(of('subject')).toEqual(['wire/priced', 'wire/slow', 'wire/priced', 'wire/slow']);
    expect(of('score')).toEqual(['1', '0.5', '1', '1']);
    expect([of('interval_low'), of('interval_high')]).toEqual([
      ['1', '0', '1', '1'],
      ['1', '1', '1', '1'],
    ]);
    expect(of('cost_usd')).toEqual(['0.012', '0', '0.018', '0']);
    expect(of('tokens')).toEqual(['2400', '2400', '3600', '2400']);
    expect(of('uncounted_calls')).toEqual(['0', '2', '0', '2']);
    expect(of('attempted')).toEqual(['0', '0', '1', '0']);
    const wrong = await crucible(['compare', ...ids, '--csv', '--table', 'grid']);
    expect(wrong).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/--table[^]*samples, evaluations/),
    });
    const alone = await crucible(['compare', ...ids, '--table', 'classes']);
    expect(alone).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('add --csv') });
  });

  it('fit 360 pixels', async () => {
    const page = await openComparison(360);
    expect(await wide(page)).toBeLessThanOrEqual(0);
  });
});

const wide = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe('the comparison', () => {
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
