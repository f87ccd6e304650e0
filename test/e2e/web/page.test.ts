/** The page in a real browser, on a real server with the sample clips that the real pipeline indexed. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasAllStages } from '../../fixtures/stages.ts';
import {
  chromiumProgram,
  eventually,
  expectAccessible,
  openBrowser,
  PHONE,
  shoot,
  type Visitor,
  visit,
  WIDE,
} from './browser.ts';
import { type ServedSamples, serveSamples } from './served.ts';

const LONG = 600_000;

describe.skipIf(chromiumProgram() === null || !hasAllStages())('the page', () => {
  let server: ServedSamples;
  let browser: Browser;
  let base: string;
  let visitor: Visitor;
  let page: Page;

  beforeAll(async () => {
    browser = await openBrowser();
    server = await serveSamples();
    base = server.base;
  }, LONG);
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const enter = async (options: Parameters<typeof visit>[1] = {}) => {
    visitor = await visit(browser, { baseURL: base, ...options });
    page = visitor.page;
  };
  beforeEach(() => enter());
  afterEach(async () => {
    const { errors } = visitor;
    await visitor.leave();
    expect(errors).toEqual([]);
  });

  const hits = () => page.locator('.hit');
  const firstHit = () => hits().first();
  const ask = async (text: string) => {
    await page.goto('/');
    await page.getByRole('combobox').fill(text);
    await page.keyboard.press('Enter');
    await firstHit().waitFor();
  };
  const playerAt = () =>
    page.locator('.screen video').evaluate((video: HTMLVideoElement) => video.currentTime);

  describe('of searching', () => {
    it('finds the video, and the moment with its words marked', async () => {
      await ask('storm warning');
      await eventually(() => page.url()).toBe(`${base}/?q=storm+warning`);
      expect(await firstHit().getByRole('heading').textContent()).toBe('A morning at the harbour');
      expect(await firstHit().locator('mark').first().textContent()).toBe('Storm warning');
      expect(await page.title()).toBe('storm warning · Cinedex');
      // Pictures are real ones.
      const image = firstHit().locator('img').first();
      await eventually(() => image.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(
        100,
      );
    });

    it('offers suggestions that the keyboard chooses', async () => {
      await page.goto('/');
      const box = page.getByRole('combobox');
      await page.keyboard.press('/');
      await page.keyboard.type('winter');
      const option = page.getByRole('option').first();
      await option.waitFor();
      expect(await box.getAttribute('aria-expanded')).toBe('true');
      await page.keyboard.press('ArrowDown');
      expect(await option.getAttribute('aria-selected')).toBe('true');
      expect(await box.getAttribute('aria-activedescendant')).toBe(await option.getAttribute('id'));
      await page.keyboard.press('Escape');
      expect(await box.getAttribute('aria-expanded')).toBe('false');
      await page.keyboard.press('ArrowDown');
      await option.waitFor();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await firstHit().waitFor();
      expect(await box.inputValue()).toBe('Winter greetings');
      expect(await firstHit().getByRole('heading').textContent()).toBe('Winter greetings');
    });

    it('keeps what is typed as soon as the box is there', async () => {
      await page.addInitScript(() => {
        new MutationObserver((_, observer) => {
          const box = document.querySelector<HTMLInputElement>('#question');
          if (!box) return;
          observer.disconnect();
          box.value = 'winter';
          box.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }).observe(document, { childList: true, subtree: true });
      });
      await page.goto('/');
      await page.getByRole('option').first().waitFor();
      expect(await page.getByRole('combobox').inputValue()).toBe('winter');
    });

    it('asks what is entered as soon as the box is there', async () => {
      await page.addInitScript(() => {
        new MutationObserver(async (_, observer) => {
          const box = document.querySelector<HTMLInputElement>('#question');
          if (!box) return;
          observer.disconnect();
          box.value = 'storm warning';
          box.dispatchEvent(new InputEvent('input', { bubbles: true }));
          // The page takes it in with its microtasks, and paints later.
          for (let i = 0; i < 5; i++) await Promise.resolve();
          box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
        }).observe(document, { childList: true, subtree: true });
      });
      await page.goto('/');
      await firstHit().waitFor();
      expect(page.url()).toBe(`${base}/?q=storm+warning`);
    });

    it('finds Chinese titles by pinyin', async () => {
      await page.goto('/');
      await page.getByRole('combobox').fill('fanqie');
      await eventually(() => page.getByRole('option').allTextContents()).toContainEqual(
        expect.stringContaining('番茄炒蛋'),
      );
    });

    it('filters by facets, and by what a video contains', async () => {
      await ask('storm warning');
      const before = await hits().count();
      expect(before).toBeGreaterThan(1);
      await page.getByRole('button', { name: /^Professional/ }).click();
      await eventually(() => page.url()).toContain('source=ogc');
      await eventually(() => hits().count()).toBeLessThan(before);
      await page.getByRole('button', { name: 'Remove filter Professional' }).click();
      await eventually(() => hits().count()).toBe(before);
      await page.getByRole('button', { name: /^sea/ }).click();
      await eventually(() => hits().count()).toBe(1);
      await page.goBack();
      await eventually(() => hits().count()).toBe(before);
    });

    it('plays the moment under the pointer, without sound', async () => {
      await ask('storm warning');
      await firstHit().locator('.hit-screen').hover();
      const video = firstHit().locator('video.running');
      await video.waitFor();
      const state = await video.evaluate((element: HTMLVideoElement) => {
        const { currentTime, muted, paused } = element;
        return { currentTime, muted, paused };
      });
      expect(state).toMatchObject({ muted: true, paused: false });
      // The words begin at 4.2 s, the shot ends at 8 s.
      expect(state.currentTime).toBeGreaterThanOrEqual(4);
      expect(state.currentTime).toBeLessThan(8);
      await page.mouse.move(0, 0);
      await eventually(() => firstHit().locator('video').count()).toBe(0);
    });

    it('goes through the results by J and K, plays by focus, pauses by space', async () => {
      await ask('storm warning');
      const titles = page.locator('.hit-title a');
      await page.keyboard.press('j');
      await eventually(() => titles.first().evaluate((link) => link === document.activeElement)).toBe(true);
      await firstHit().locator('video.running').waitFor();
      await page.keyboard.press('Space');
      await eventually(() => firstHit().locator('video').count()).toBe(0);
      await page.keyboard.press('j');
      await eventually(() => titles.nth(1).evaluate((link) => link === document.activeElement)).toBe(true);
      await page.keyboard.press('k');
      await page.keyboard.press('Enter');
      await page.locator('.screen video').waitFor();
      expect(new URL(page.url()).pathname).toBe('/videos/sample-harbour');
    });

    it('plays nothing by itself for who wants less motion', async () => {
      await visitor.leave();
      await enter({ reducedMotion: 'reduce' });
      await ask('storm warning');
      await page.keyboard.press('j');
      await firstHit().hover();
      await page.keyboard.press('Space');
      await firstHit().locator('video.running').waitFor();
      await page.keyboard.press('Space');
      await eventually(() => firstHit().locator('video').count()).toBe(0);
      await page.mouse.move(0, 0);
      await firstHit().hover();
      expect(await firstHit().locator('video').count()).toBe(0);
    });

    it('says why a video is there, by channels and by features', async () => {
      await ask('storm warning');
      await page.getByText('How the question was understood').click();
      expect(await page.locator('.question .facts').textContent()).toContain('English');
      await firstHit().getByRole('button', { name: 'Why is this here?' }).click();
      await firstHit().locator('.bars').first().waitFor();
      const panel = await firstHit().locator('.hit-panel').textContent();
      expect(panel).toContain('Text on screen');
      expect(panel).toContain('Words found');
    });

    it('tells the server what is not relevant', async () => {
      await ask('storm warning');
      const told = page.waitForResponse(
        (response) =>
          response.url().endsWith('/v1/interactions') &&
          /not-relevant/.test(response.request().postData() ?? ''),
      );
      await hits().nth(1).getByRole('button', { name: 'Not relevant' }).click();
      const response = await told;
      expect(response.status()).toBe(202);
      const { events } = response.request().postDataJSON() as { events: object[] };
      expect(events).toEqual([
        {
          kind: 'not-relevant',
          query: 'storm warning',
          position: 2,
          video: expect.stringMatching(/^sample-/),
        },
      ]);
      await hits().nth(1).getByText('Noted as not relevant').waitFor();
    });

    it('searches by a picture that is dropped', async () => {
      await ask('storm warning');
      const files = await page.evaluateHandle(async () => {
        const video = await (await fetch('/v1/videos/sample-kitchen')).json();
        const blob = await (await fetch(video.shots[0].thumbnail)).blob();
        const transfer = new DataTransfer();
        transfer.items.add(new File([blob], 'tomatoes.webp', { type: blob.type }));
        return transfer;
      });
      await page.dispatchEvent('body', 'dragenter', { dataTransfer: files });
      await page.getByText('Drop a picture or a sound to search by it').waitFor();
      await page.dispatchEvent('body', 'drop', { dataTransfer: files });
      await page.getByText('Looks like this picture').waitFor();
      await eventually(() => firstHit().getByRole('heading').textContent()).toBe('番茄炒蛋的家常做法');
      await page.locator('.example canvas:not([width="0"])').waitFor();
      await page.mouse.move(0, 0);
      await shoot(page, 'picture-1280');
      await page.goBack();
      await eventually(() => page.getByRole('combobox').inputValue()).toBe('storm warning');
    });

    it('says that nothing is relevant, and offers guesses as guesses', async () => {
      await page.goto('/?q=quantum+chromodynamics');
      await page.getByRole('heading', { name: 'Nothing relevant was found' }).waitFor();
      await expectAccessible(page);
      await shoot(page, 'empty-1280');
      await page.getByRole('button', { name: 'Show weak guesses' }).click();
      await page.getByRole('heading', { name: 'Weak guesses' }).waitFor();
      expect(await hits().count()).toBeGreaterThan(0);
    });
  });

  describe('of a video', () => {
    it('begins at the moment of the link, and says what is shown then', async () => {
      await page.goto('/videos/sample-harbour?t=4.5');
      await eventually(playerAt).toBeCloseTo(4.5, 1);
      expect(await page.locator('.line[aria-current]').allTextContents()).toEqual([
        expect.stringContaining('Storm warning for the northern coast'),
      ]);
    });

    it('is moved by its timeline, by its lines and by keys', async () => {
      await page.goto('/videos/sample-harbour');
      const shots = page.getByRole('toolbar', { name: 'Shots' }).getByRole('button');
      await eventually(() => shots.count()).toBe(3);
      await shots.nth(2).click();
      await eventually(playerAt).toBeCloseTo(8, 0);
      expect(await shots.nth(2).getAttribute('aria-current')).toBe('true');
      await page.locator('.line', { hasText: 'The ferry leaves' }).click();
      await eventually(playerAt).toBeLessThan(1);
      await page.getByRole('heading', { level: 1 }).click();
      await page.keyboard.press('j');
      await eventually(playerAt).toBeCloseTo(4, 0);
      await page.keyboard.press('ArrowRight');
      await eventually(playerAt).toBeCloseTo(9, 0);
      // In a track the arrows go from thing to thing.
      await shots.first().focus();
      await page.keyboard.press('ArrowRight');
      expect(await shots.nth(1).evaluate((shot) => shot === document.activeElement)).toBe(true);
    });

    it('goes where it was sent before anything was known of the media', async () => {
      const sending = Promise.withResolvers<void>();
      await page.route('**/v1/videos/*/media*', async (route) => {
        await sending.promise;
        await route.continue();
      });
      await page.goto('/videos/sample-harbour?t=4.5');
      const shots = page.getByRole('toolbar', { name: 'Shots' }).getByRole('button');
      await shots.nth(2).click();
      sending.resolve();
      await page.locator('.screen video').evaluate(async (video: HTMLVideoElement) => {
        while (video.readyState < 2 || video.seeking) await new Promise((resolve) => setTimeout(resolve, 20));
      });
      expect(await playerAt()).toBeCloseTo(8, 0);
      await page.unroute('**/v1/videos/*/media*');
    });

    it('is found from an answer, played, reported, and left again', async () => {
      await ask('storm warning');
      await page.locator('.hit-title a').first().click();
      const video = page.locator('.screen video');
      await eventually(() => video.evaluate((element: HTMLVideoElement) => element.paused)).toBe(false);
      await eventually(playerAt).toBeGreaterThan(5.5);
      const stoppedAt = await video.evaluate((element: HTMLVideoElement) => {
        element.pause();
        return element.currentTime;
      });
      const watched = page.waitForRequest((request) => /"kind":"watch"/.test(request.postData() ?? ''));
      await page.getByRole('button', { name: 'Back to the results' }).click();
      await firstHit().waitFor();
      const { events } = (await watched).postDataJSON() as {
        events: { watchSeconds: number; query: string }[];
      };
      expect(events).toContainEqual({
        ...{ kind: 'watch', video: 'sample-harbour', query: 'storm warning', position: 1 },
        watchSeconds: expect.closeTo(stoppedAt - 4, 0),
      });
    });

    it('is looked through for words', async () => {
      await page.goto('/videos/sample-harbour');
      await page.getByRole('searchbox', { name: 'Find in this video' }).fill('LIGHT');
      expect(await page.locator('.line').allTextContents()).toEqual([
        expect.stringContaining('The lighthouse guides the ships home'),
      ]);
    });
  });

  describe('as it looks', () => {
    const looks = [
      { look: 'light', options: { colorScheme: 'light' } },
      { look: 'dark', options: { colorScheme: 'dark' } },
    ] as const;
    const widths = [
      { width: 1280, viewport: WIDE },
      { width: 390, viewport: PHONE },
    ];
    const views = looks.flatMap((look) => widths.map((width) => ({ ...look, ...width })));

    it.each(views)(
      'is accessible and fits, $look at $width px',
      async ({ look, options, viewport, width }) => {
        await visitor.leave();
        await enter({ ...options, viewport });
        const check = async (name: string) => {
          await expectAccessible(page);
          await shoot(page, `${name}-${width}${look === 'dark' ? '-dark' : ''}`);
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        };
        await page.goto('/');
        await page.getByRole('heading', { level: 1 }).waitFor();
        await check('start');
        await ask('storm warning');
        await page.waitForLoadState('networkidle');
        await check('results');
        if (viewport === PHONE) {
          await page.getByRole('button', { name: 'Filters' }).click();
          await page.getByRole('button', { name: /^Professional/ }).waitFor();
          await check('filters');
          await page.getByRole('button', { name: 'Filters' }).click();
        }
        await firstHit().getByRole('button', { name: 'Why is this here?' }).click();
        await firstHit().locator('.bars').first().waitFor();
        await check('explanation');
        await page.goto('/videos/sample-harbour?t=4.5');
        await eventually(playerAt).toBeCloseTo(4.5, 1);
        await page.waitForLoadState('networkidle');
        await check('video');
      },
    );

    it('speaks Chinese when it is asked to, and goes on to', async () => {
      await page.goto('/');
      await page.getByRole('button', { name: '切换到中文' }).click();
      await eventually(() => page.evaluate(() => document.documentElement.lang)).toBe('zh-Hans');
      await page.getByRole('combobox', { name: '搜索视频' }).fill('番茄炒蛋');
      await page.keyboard.press('Enter');
      await eventually(() => firstHit().getByRole('heading').textContent()).toBe('番茄炒蛋的家常做法');
      await expectAccessible(page);
      await shoot(page, 'results-zh-1280');
      await page.reload();
      await page.getByRole('button', { name: '为什么有它？' }).first().waitFor();
      await page.goto('/videos/sample-kitchen');
      await page.getByRole('heading', { name: '说到和写到的' }).waitFor();
      await page.setViewportSize(PHONE);
      await expectAccessible(page);
      await shoot(page, 'video-zh-390');
    });

    it('follows the device until a theme is chosen', async () => {
      const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      await page.goto('/');
      const light = await ground();
      await page.emulateMedia({ colorScheme: 'dark' });
      const dark = await ground();
      expect(dark).not.toBe(light);
      await page.getByRole('button', { name: 'Colours: as the device' }).click();
      await eventually(ground).toBe(light);
      await page.getByRole('button', { name: 'Colours: light' }).click();
      await page.emulateMedia({ colorScheme: 'light' });
      await page.reload();
      await eventually(ground).toBe(dark);
    });

    it('tells its keys', async () => {
      await page.goto('/');
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keys' }).waitFor();
      await expectAccessible(page);
      await page.keyboard.press('Escape');
      await eventually(() => page.getByRole('dialog').count()).toBe(0);
    });
  });
});
