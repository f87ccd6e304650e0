/** A browser for the tests of the page: Debian's Chromium by Playwright, with axe, and screenshots that are kept. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect, vi } from 'vitest';
import { buildPage } from '../../../query/web/build.ts';
import { findProgram } from '../../servers/process.ts';

const screenshots = path.resolve(import.meta.dirname, '../../.generated/screenshots');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Pages wait for a machine that may be busy with other suites. */
const PATIENCE_MS = 60_000;
vi.setConfig({ testTimeout: 5 * PATIENCE_MS });

export const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** Path of a Chromium, from CHROMIUM_PATH or PATH; null after saying loudly that there is none. */
export function chromiumProgram(): string | null {
  const found = process.env.CHROMIUM_PATH || NAMES.map(findProgram).find((program) => program !== null);
  if (found) return found;
  console.warn('SKIPPED: no Chromium: install it, or set CHROMIUM_PATH. The page is not tested.');
  return null;
}

export async function openBrowser(): Promise<Browser> {
  await buildPage();
  return chromium.launch({
    executablePath: chromiumProgram()!,
    args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
  });
}

/** A visitor: a fresh profile with one page, and what went wrong in it. */
export interface Visitor {
  page: Page;
  /** Errors of the console and of scripts. */
  errors: string[];
  leave: () => Promise<void>;
}

/** English, light, wide and without motion of its own, unless `options` say otherwise. */
export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({
    ...{ viewport: WIDE, colorScheme: 'light', locale: 'en-GB', timezoneId: 'UTC' },
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  return { page, errors, leave: () => context.close() };
}

/** Keeps how the page looks from top to bottom, as `test/.generated/screenshots/<name>.png`. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: true });
}

/** Holds the page to the rules of axe (WCAG 2.2 A and AA, and good practice). */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  );
  expect(found).toEqual([]);
}

/** Asks again until the answer is as expected; other work on the machine may take its time. */
export function eventually<T>(read: () => T | Promise<T>): ReturnType<typeof expect.poll<T>> {
  return expect.poll(read, { timeout: PATIENCE_MS, interval: 100 });
}
