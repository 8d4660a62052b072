import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { findOnPath } from '../../services/supervisor/embedded/search-path.ts';

/** Chromium of this machine, or what WEIR_CHROMIUM names. */
export function findChromium(): string | undefined {
  const named = process.env['WEIR_CHROMIUM'];
  if (named !== undefined && named !== '') return named;
  return findOnPath('chromium') ?? findOnPath('chromium-browser') ?? findOnPath('google-chrome');
}

const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']; // prettier-ignore

/** A headless browser for all tests of a file. */
export function useBrowser(): { open(options?: OpenOptions): Promise<OpenPage> } {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: findChromium()!,
      // Chromium refuses its own sandbox to root.
      args: [...FLAGS, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    });
  });
  afterAll(async () => browser?.close());
  return { open: (options) => openPage(browser!, options) };
}

export interface OpenOptions {
  theme?: 'light' | 'dark';
  width?: number;
  height?: number;
}

export interface OpenPage {
  page: Page;
  /** What went wrong in the page, and requests that left the machine or were refused. */
  complaints: string[];
}

async function openPage(browser: Browser, options: OpenOptions = {}): Promise<OpenPage> {
  const { theme = 'light', width = 1280, height = 900 } = options;
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height } });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith('http://127.0.0.1:')) complaints.push(request.url());
  });
  return { page, complaints };
}

/** Everything that axe finds against WCAG 2.1 A and AA, one line each. */
export async function expectAccessible(page: Page): Promise<void> {
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  // Not as a script of the page, which its policy would refuse.
  await page.evaluate(await readFile(axe, 'utf8'));
  const found = await page.evaluate(
    async () =>
      (
        await (
          globalThis as unknown as {
            axe: { run(options: object): Promise<{ violations: Violation[] }> };
          }
        ).axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })
      ).violations,
  );
  const lines = found.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes
        .map(({ html }) => html)
        .slice(0, 3)
        .join(' ')}`,
  );
  expect(lines).toEqual([]);
}

interface Violation {
  id: string;
  help: string;
  nodes: { html: string }[];
}

/** Kept where WEIR_SCREENSHOTS names a folder, for people who want to look. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env['WEIR_SCREENSHOTS'];
  if (folder !== undefined)
    await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}
