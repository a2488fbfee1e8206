import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBrowser } from '@crucible/cli/testing';
import { loginLinkSchema } from '@crucible/api';
import { chromium } from 'playwright-core';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { post } from './api.ts';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A person's window: one page, and everything that went wrong in it. */
export interface Window {
  readonly page: Page;
  /** Messages of the console's error level, uncaught exceptions and violations of the content security policy. */
  readonly errors: string[];
  close(): Promise<void>;
}

const launch = async (): Promise<BrowserContext & { readonly folder: string }> => {
  const executablePath = findBrowser(process.env['PATH'] ?? '');
  if (executablePath === undefined)
    throw new Error('there is no chromium: apt-get install chromium, or ./crucible test');
  const folder = mkdtempSync(join(tmpdir(), 'crucible-browser-'));
  const context = await chromium.launchPersistentContext(folder, { executablePath, headless: true, args: flags });
  return Object.assign(context, { folder });
};

/** Runs in every page before its own scripts: a violation of the policy is an error like any other. */
const watchPolicy = (): void =>
  document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI}`),
  );

/** A link that logs a browser in once. */
export const loginLink = async (): Promise<string> =>
  loginLinkSchema.parse(await (await post('/api/v1/login-links', {})).json()).url;

/**
 * One browser for a spec file; `open` gives a new window in a session of its own that is logged in. That of `openPage` is
 * closed after the test, which fails when the page said of an error.
 */
export const useBrowser = (): {
  open: (width?: number, height?: number) => Promise<Window>;
  openPage: (width?: number, height?: number) => Promise<Page>;
  openStranger: () => Promise<Window>;
} => {
  let browser: Awaited<ReturnType<typeof launch>>;
  beforeAll(async () => {
    browser = await launch();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    if (browser !== undefined) rmSync(browser.folder, { recursive: true, force: true });
  });

  const openStranger = async (width = 1280, height = 900): Promise<Window> => {
    const owner = browser.browser();
    if (owner === null) throw new Error('the browser is gone');
    const context = await owner.newContext({ viewport: { width, height }, colorScheme: 'light' });
    context.setDefaultTimeout(45_000);
    await context.addInitScript(watchPolicy);
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(String(error)));
    return { page, errors, close: () => context.close() };
  };
  const open = async (width?: number, height?: number): Promise<Window> => {
    const window = await openStranger(width, height);
    await window.page.goto(await loginLink());
    return window;
  };
  const windows: Window[] = [];
  const openPage = async (width?: number, height?: number): Promise<Page> => {
    const window = await open(width, height);
    windows.push(window);
    return window.page;
  };
  afterEach(async () => {
    const opened = windows.splice(0);
    await Promise.all(opened.map((window) => window.close()));
    expect(opened.flatMap(({ errors }) => errors)).toEqual([]);
  });
  return { open, openPage, openStranger };
};
