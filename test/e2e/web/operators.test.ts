/** The pages of operators in a browser, served by a real pipeline in which one video has failed. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveOps } from '../../../ops/process.ts';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { createLogger } from '../../../shared/telemetry/logger.ts';
import type { App } from '../../../workers/app.ts';
import { openPipeline, pipelineStages, temporaryFolder, upload } from '../../fixtures/pipeline.ts';
import {
  chromiumProgram,
  expectAccessible,
  openBrowser,
  PHONE,
  shoot,
  type Visitor,
  visit,
} from './browser.ts';

const account = { user: 'operator', password: 'correct horse' };

describe.skipIf(chromiumProgram() === null)('the pages of operators', () => {
  const { folder, remove } = temporaryFolder();
  let browser: Browser;
  let app: App;
  let ops: Awaited<ReturnType<typeof serveOps>>;
  let visitor: Visitor;
  let isBroken = true;

  beforeAll(async () => {
    browser = await openBrowser();
    const ocr = () => {
      if (isBroken) throw new CinedexError('MEDIA_CORRUPT', 'The picture <b>cannot</b> be read.');
      return undefined;
    };
    const broken = ({ video }: { video: { videoId: string } }) =>
      video.videoId === 'broken' ? ocr() : undefined;
    app = await openPipeline(folder, pipelineStages({ behaviour: { ocr: broken } }), {
      overrides: { ops: { ...account, port: 0 } },
    });
    await app.start();
    await app.publish([upload('whole', 'Harbour at dawn'), upload('broken', '破损的 <i>film</i>', 'ogc')]);
    await app.settled();
    const fine = { ok: true, reasons: [] };
    ops = await serveOps(app, createLogger({ level: 'silent' }), {
      ...{ watch: false, live: () => fine, ready: async () => fine },
    });
  });
  afterAll(async () => {
    await ops?.stop();
    await app?.stop();
    await browser?.close();
    remove();
  });
  beforeEach(async () => {
    visitor = await visit(browser, { baseURL: ops.address });
  });
  afterEach(() => visitor.leave());

  async function signIn(): Promise<void> {
    const { page } = visitor;
    await page.goto('/');
    await page.getByLabel('User').fill(account.user);
    await page.getByLabel('Password').fill(account.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Sign out').waitFor();
  }

  it('ask who one is, and refuse a wrong answer', async () => {
    const { page } = visitor;
    await page.goto('/dead-letters');
    await expectAccessible(page);
    await shoot(page, 'ops-sign-in-1280');
    await page.getByLabel('User').fill(account.user);
    await page.getByLabel('Password').fill('guess');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByText('Sign out').count()).toBe(0);
  });

  it('show the flow, also on a phone and in the dark', async () => {
    await signIn();
    const { page } = visitor;
    await page.getByText('MEDIA_CORRUPT').first().waitFor();
    // The page renews itself, which axe forbids, and which the page itself offers to stop.
    await page.getByRole('link', { name: /stop/i }).click();
    await expectAccessible(page);
    await shoot(page, 'ops-flow-1280');
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page);
    await page.setViewportSize(PHONE);
    await shoot(page, 'ops-flow-dark-390');
    // Wide tables scroll by themselves; the page does not.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
  });

  it('show what failed as text, whatever it says', async () => {
    await signIn();
    const { page } = visitor;
    await page.goto('/videos/broken');
    await page.getByText('破损的 <i>film</i>').first().waitFor();
    expect(await page.getByText('The picture <b>cannot</b> be read.').count()).toBeGreaterThan(0);
    await expectAccessible(page);
    await shoot(page, 'ops-video-1280');
  });

  it('send a dead letter through once more, and the video is whole', async () => {
    await signIn();
    const { page } = visitor;
    await page.goto('/dead-letters');
    await expectAccessible(page);
    await shoot(page, 'ops-dead-letters-1280');
    isBroken = false;
    await page.getByRole('checkbox').last().check();
    await page.getByRole('button', { name: /replay/i }).click();
    await page.getByText('1 replayed').waitFor();
    await app.settled();
    const status = await app.status({ tenant: 'default', videoId: 'broken' });
    expect(status?.steps.ocr?.status).toBe('done');
    expect(visitor.errors).toEqual([]);
  });
});
