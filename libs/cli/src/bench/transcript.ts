import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JetStreamEventLog, JetStreamEvidence, openBus } from '@crucible/event-log';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import { readSettings } from '../config.ts';
import { ApiClient } from '../client/api-client.ts';
import { getEvaluation } from '../client/evaluations.ts';
import { loginLink } from '../login-link.ts';
import { findBrowser } from '../platform/browser.ts';
import { PlatformFailure } from '../platform/failure.ts';
import { locateHome } from '../platform/home.ts';
import { stopProcess } from '../platform/process.ts';
import { startPlatform } from '../platform/testing-platform.ts';
import { median, percentile } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';
import { TranscriptAuthor } from './transcript-author.ts';

export interface TranscriptOptions {
  /** Entries of each trial; every figure is told against the first one. */
  readonly sizes: readonly number[];
  readonly rounds: number;
}

const SHOWN_MS_MAX = 60_000;
const WHEEL_STEPS = 90;
const WHEEL_PX = 240;
const FRAME_MS = 16;
const WINDOW = { width: 1280, height: 900 };
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'];
const MEGABYTE = 1024 ** 2;

/** Run in the page before its own scripts: when the first entry stands there and has been painted, on the page's clock. */
const WATCH_FIRST = `(() => {
  const look = () => {
    if (globalThis.firstEntryMs !== undefined || document.querySelector('article[data-n]') === null) return;
    globalThis.firstEntryMs = null;
    requestAnimationFrame(() => setTimeout(() => { globalThis.firstEntryMs = performance.now(); }));
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true });
  addEventListener('click', () => { globalThis.clickedMs ??= performance.now(); }, { capture: true });
})()`;
/** From when it was asked for: by a click, or by the page's address. */
const FIRST_SHOWN = `typeof globalThis.firstEntryMs === 'number' ? globalThis.firstEntryMs - (globalThis.clickedMs ?? 0) : null`;
/** Frames from now on, in milliseconds from one to the next. */
const WATCH_FRAMES = `(() => {
  const gaps = []; let last = performance.now();
  globalThis.frameGaps = gaps; globalThis.framesOver = false;
  const tell = (now) => { gaps.push(now - last); last = now; if (!globalThis.framesOver) requestAnimationFrame(tell); };
  requestAnimationFrame(tell);
})()`;
const FRAMES = '(globalThis.framesOver = true, globalThis.frameGaps)';
const FETCHED_BYTES = `performance.getEntriesByType('resource')
  .filter(({ name }) => name.includes('/api/v1/')).reduce((sum, { transferSize }) => sum + transferSize, 0)`;

type Round = Readonly<Record<'openMs' | 'clickMs' | 'endMs' | 'frameMs' | 'heapMiB' | 'nodes' | 'fetchedKiB', number>>;

/** Asked again and again from outside: the page's policy lets nothing be evaluated within it. */
const shown = async (page: Page): Promise<number> => {
  await page.locator('article[data-n]').first().waitFor({ timeout: SHOWN_MS_MAX });
  for (;;) {
    const ms: unknown = await page.evaluate(FIRST_SHOWN);
    if (typeof ms === 'number') return ms;
    await page.waitForTimeout(FRAME_MS);
  }
};

/** What the page holds once everything that can be given back has been. */
const memoryOf = async (session: CDPSession): Promise<{ heapMiB: number; nodes: number }> => {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const valueOf = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN;
  return { heapMiB: valueOf('JSHeapUsedSize') / MEGABYTE, nodes: valueOf('Nodes') };
};

const scrolled = async (page: Page): Promise<number> => {
  const list = page.getByRole('region', { name: 'Transcript' });
  await list.hover();
  await page.evaluate(WATCH_FRAMES);
  for (let step = 0; step < WHEEL_STEPS; step += 1) {
    await page.mouse.wheel(0, WHEEL_PX);
    await page.waitForTimeout(FRAME_MS);
  }
  return percentile((await page.evaluate(FRAMES)) as number[], 0.95);
};

/** From a click on the trial, on its evaluation's page, to its first entries. */
const openByClick = async (context: BrowserContext, url: string): Promise<number> => {
  const page = await context.newPage();
  try {
    await page.addInitScript(WATCH_FIRST);
    await page.goto(url);
    await page.locator('a[href*="trial="]').first().click();
    return await shown(page);
  } finally {
    await page.close();
  }
};

interface Place {
  readonly evaluation: string;
  readonly trial: string;
}

/** One look at a trial in a page of its own: opened, scrolled through for a while, and gone to its end. */
const lookAt = async (context: BrowserContext, { evaluation, trial }: Place, entries: number): Promise<Round> => {
  const clickMs = await openByClick(context, evaluation);
  const page = await context.newPage();
  try {
    const session = await context.newCDPSession(page);
    await session.send('Performance.enable');
    await page.addInitScript(WATCH_FIRST);
    await page.goto(trial);
    const openMs = await shown(page);
    const frameMs = await scrolled(page);
    const begin = performance.now();
    await page.getByRole('button', { name: 'To the end' }).click();
    await page.locator(`article[data-n="${entries}"]`).waitFor({ timeout: SHOWN_MS_MAX });
    const endMs = performance.now() - begin;
    const fetchedKiB = Number(await page.evaluate(FETCHED_BYTES)) / 1024;
    return { openMs, clickMs, endMs, frameMs, fetchedKiB, ...(await memoryOf(session)) };
  } finally {
    await page.close();
  }
};

const openBrowser = async (): Promise<{ context: BrowserContext; close: () => Promise<void> }> => {
  const executablePath = findBrowser(readSettings().inherited['PATH'] ?? '');
  if (executablePath === undefined)
    throw new PlatformFailure('there is no chromium to measure with', 'apt-get install chromium');
  const { chromium } = await import('playwright-core');
  const folder = mkdtempSync(join(tmpdir(), 'crucible-bench-'));
  const context = await chromium.launchPersistentContext(folder, { executablePath, args: FLAGS, viewport: WINDOW });
  const close = async (): Promise<void> => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { context, close };
};

const rowOf = (entries: number, rounds: readonly Round[], first: BenchRow | undefined): BenchRow => {
  const middle = (name: keyof Round): number => median(rounds.map((round) => round[name]));
  const [openMs, heapMiB] = [middle('openMs'), middle('heapMiB')];
  return {
    entries,
    'open ms': Math.round(openMs),
    'open to first': openMs / Number(first?.['open ms'] ?? openMs),
    'by a click ms': Math.round(middle('clickMs')),
    'to the end ms': Math.round(middle('endMs')),
    'frame p95 ms': middle('frameMs'),
    'heap MiB': heapMiB,
    'heap to first': heapMiB / Number(first?.['heap MiB'] ?? heapMiB),
    nodes: middle('nodes'),
    'fetched KiB': Math.round(middle('fetchedKiB')),
  };
};

/**
 * A browser looks at trials that lie in a real platform: their events in its log, their transcripts and kernel records in its
 * evidence store. No trial runs: they are written as services would have written them.
 */
export const benchTranscript = async (
  { sizes, rounds }: TranscriptOptions,
  note: (line: string) => void,
): Promise<BenchReport> => {
  const platform = await startPlatform();
  const home = locateHome(platform.home);
  const { natsUrl: url, natsUser: user, natsPassword: password } = platform;
  const bus = await openBus({ url, user, password, name: 'bench' });
  const { context, close } = await openBrowser();
  try {
    // Nobody may take the made-up evaluations for work, or bring its takers back.
    for (const name of ['keeper', 'scheduler', 'sandbox-executor', 'notifier']) await stopProcess(home, name);
    const author = new TranscriptAuthor(new JetStreamEventLog(bus), new JetStreamEvidence(bus));
    const link = await loginLink(platform);
    if (link === undefined) throw new PlatformFailure('the gateway gave no link to log in with');
    await (await context.newPage()).goto(link);
    const rows: BenchRow[] = [];
    for (const entries of sizes) {
      note(`writing a trial of ${entries} entries`);
      const { id, trialId, position } = await author.write(entries);
      await getEvaluation(new ApiClient(platform), id, position);
      const evaluation = `${platform.url}/evaluations/${id}`;
      const place = { evaluation, trial: `${evaluation}?trial=${trialId}` };
      await lookAt(context, place, entries);
      const looks: Round[] = [];
      for (let round = 0; round < rounds; round += 1) looks.push(await lookAt(context, place, entries));
      rows.push(rowOf(entries, looks, rows[0]));
      note(`${entries} entries: first ones shown after ${String(rows.at(-1)?.['open ms'])} ms`);
    }
    const about = `A headless browser opens a finished trial's transcript, by its address in a page of its own and by a click on its evaluation's page: until its first entries are painted; then ${WHEEL_STEPS} turns of the wheel, a leap to the last entry, and what the page holds after a collection of garbage. Medians of ${rounds} rounds behind one to warm up; against the first row.`;
    return { bench: 'transcript', about, rows };
  } finally {
    await close();
    await bus.nc.close();
    await platform.stop();
  }
};
