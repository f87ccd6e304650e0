/** The page when things are not as usual: slow, away, refused, partial, unfinished. The API is a stub. */
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  chromiumProgram,
  eventually,
  expectAccessible,
  openBrowser,
  PHONE,
  shoot,
  type Visitor,
  visit,
} from './browser.ts';
import { answer, BASE, found, hit, problem, stub, video } from './stub.ts';

describe.skipIf(chromiumProgram() === null)('the page, when things are not as usual', () => {
  let browser: Browser;
  let visitor: Visitor;
  let page: Page;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    visitor = await visit(browser, { baseURL: BASE });
    page = visitor.page;
  });
  afterEach(() => visitor.leave());

  const titles = () => page.locator('.hit-title').allTextContents();
  /** One answer after the other; the last stays. */
  const inTurn = (...answers: ((route: Route) => unknown)[]) => {
    return (route: Route) => (answers.length > 1 ? answers.shift()! : answers[0]!)(route);
  };

  it('shows where the answers will be while it waits', async () => {
    let release = (_: unknown): void => undefined;
    const gate = new Promise((resolve) => {
      release = resolve;
    });
    await stub(page, {
      '/v1/search': async (route) => {
        await gate;
        await answer(found([hit(1)]))(route);
      },
    });
    await page.goto('/?q=a');
    await page.getByText('Searching …').waitFor();
    expect(await page.locator('.skeleton').count()).toBe(3);
    await expectAccessible(page);
    await shoot(page, 'loading-1280');
    release(null);
    await eventually(titles).toEqual(['Video number 1']);
    expect(await page.locator('.skeleton').count()).toBe(0);
  });

  it('says what failed with its code and a hint, and tries again', async () => {
    const away = problem(503, 'STORE_UNAVAILABLE', 'Qdrant does not answer.');
    await stub(page, { '/v1/search': inTurn(away, answer(found([hit(1)]))) });
    await page.goto('/?q=a');
    const alert = page.getByRole('alert');
    await eventually(() => alert.textContent()).toContain('The index does not answer.');
    expect(await alert.textContent()).toContain('Code STORE_UNAVAILABLE');
    await expectAccessible(page);
    await shoot(page, 'error-1280');
    await page.setViewportSize(PHONE);
    await shoot(page, 'error-390');
    await page.getByRole('button', { name: 'Try again' }).click();
    await eventually(titles).toEqual(['Video number 1']);
  });

  it.each([
    {
      name: 'that the server is gone',
      reply: (route: Route) => route.abort(),
      words: 'The server does not answer.',
    },
    { name: 'too many searches', reply: problem(429, 'TOO_MANY_REQUESTS', 'x'), words: 'Wait a little' },
    {
      name: 'what it has no words for',
      reply: problem(503, 'INDEX_MISMATCH', 'As it is.'),
      words: 'As it is.',
    },
    {
      name: 'an answer that is no problem document',
      reply: (route: Route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad</h1>' }),
      words: 'Code HTTP_502',
    },
  ])('tells $name', async ({ reply, words }) => {
    await stub(page, { '/v1/search': reply });
    await page.goto('/?q=a');
    await eventually(() => page.getByRole('alert').textContent()).toContain(words);
  });

  it('calls a partial answer partial, and shows caveats and what was corrected', async () => {
    const partial = found([hit(1), hit(2)], {
      partial: { reason: 'deadline', missing: ['moments.visual~', 'videos.gist~', 'moments.speech'] },
      caveats: [
        { code: 'UNHEARD_OF', message: 'What only the server can say.' },
        { code: 'PICTURES_BY_LABELS', message: 'What the page says in its own words.' },
      ],
    });
    partial.question.corrections = [{ from: 'harbor', to: 'harbour', by: 'spelling' }];
    await stub(page, { '/v1/search': answer(partial) });
    await page.goto('/?q=a');
    await page.getByText('This answer is partial.').waitFor();
    await page.getByText('Missing: Picture, Overall look, Speech').waitFor();
    await page.getByText('What only the server can say.').waitFor();
    await page.getByText('Pictures are known by the things seen in them').waitFor();
    await page.locator('.corrected', { hasText: 'harbour for harbor' }).waitFor();
    await expectAccessible(page);
    await shoot(page, 'partial-1280');
    await page.getByRole('button', { name: '切换到中文' }).click();
    await page.getByText('画面只按其中认出的物体来搜索').waitFor();
    await shoot(page, 'partial-zh-1280');
  });

  it('finds more like a moment, by an address that can be kept', async () => {
    const moment = {
      ...{ id: '0b1c2d3e-0000-5000-8000-000000000001', startSec: 4, endSec: 8, atSec: 4.2, score: 1 },
      ...{ link: '/videos/video-1?t=4.2', thumbnail: null, matched: ['seen'], words: null, highlights: [] },
      ...{ labels: ['boat', 'person'], people: ['Ada Example'], why: [] },
    };
    await stub(page, {
      '/v1/search': answer(found([hit(1, { moments: [moment] })])),
      [`/v1/moments/${moment.id}/similar`]: answer(found([hit(7), hit(8)])),
    });
    await page.goto('/?q=a');
    expect(await page.locator('.moment-words').textContent()).toContain('With Ada Example');
    await page.getByRole('button', { name: 'More like this' }).click();
    await eventually(titles).toEqual(['Video number 7', 'Video number 8']);
    await page.reload();
    await page.getByText('Like this moment').waitFor();
    await eventually(titles).toEqual(['Video number 7', 'Video number 8']);
    await page.goBack();
    await eventually(titles).toEqual(['Video number 1']);
  });

  it('goes on to further pages, and keeps what it has when one fails', async () => {
    const pages: Record<string, (route: Route) => unknown> = {
      first: answer(found([hit(1), hit(2)], { next: 'second', total: 3 })),
      second: inTurn(problem(504, 'STAGE_TIMEOUT', 'late'), answer(found([hit(2), hit(3)]))),
    };
    await stub(page, {
      '/v1/search': (route) => {
        const cursor = new URL(route.request().url()).searchParams.get('cursor');
        return pages[cursor ?? 'first']!(route);
      },
    });
    await page.goto('/?q=a');
    const more = page.getByRole('button', { name: 'Show more' });
    await more.click();
    await page.getByText('The search took too long.').waitFor();
    expect(await titles()).toHaveLength(2);
    await more.click();
    await eventually(titles).toEqual([1, 2, 3].map((n) => `Video number ${n}`));
    expect(await more.count()).toBe(0);
  });

  it('asks for a key where one is needed, and goes on when it has one', async () => {
    let key = '';
    const guarded = (reply: (route: Route) => unknown) => (route: Route) =>
      (key === 'cdx_right' ? reply : problem(401, 'UNAUTHORIZED', 'no key'))(route);
    await stub(page, {
      '/v1/me': guarded(answer({ tenant: 'film', scopes: ['search'], open: false })),
      '/v1/search': guarded(answer(found([hit(1)]))),
      '/v1/session': async (route) => {
        if (route.request().method() === 'POST')
          ({ key } = route.request().postDataJSON() as { key: string });
        await guarded((allowed) => allowed.fulfill({ status: 204 }))(route);
      },
    });
    await page.goto('/?q=a');
    await page.getByLabel('Key', { exact: true }).fill('cdx_wrong');
    await expectAccessible(page);
    await shoot(page, 'key-1280');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This key is not known.').waitFor();
    await page.getByLabel('Key', { exact: true }).fill('cdx_right');
    await page.keyboard.press('Enter');
    await eventually(titles).toEqual(['Video number 1']);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
  });

  it('does not claim that feedback was noted when it was not', async () => {
    const refused = problem(403, 'FORBIDDEN', 'no');
    await stub(page, { '/v1/search': answer(found([hit(1)])), '/v1/interactions': refused });
    await page.goto('/?q=a');
    await page.getByRole('button', { name: 'Not relevant' }).click();
    await page.getByText('This could not be noted.').waitFor();
    expect(await page.getByText('Noted as not relevant').count()).toBe(0);
  });

  it('refuses files that are neither pictures nor sounds, and says when a dropped one is gone', async () => {
    await stub(page, { '/v1/search/image': answer(found([hit(1)])) });
    await page.goto('/');
    const drop = async (name: string, type: string) => {
      const dataTransfer = await page.evaluateHandle(
        ([file, kind]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(['x'], file!, { type: kind }));
          return transfer;
        },
        [name, type],
      );
      await page.dispatchEvent('body', 'drop', { dataTransfer });
    };
    await drop('notes.txt', 'text/plain');
    await page.getByText('Only pictures and sounds can be searched by.').waitFor();
    expect(page.url()).toBe(`${BASE}/`);
    await drop('photo.png', 'image/png');
    await eventually(titles).toEqual(['Video number 1']);
    await page.reload();
    await page.getByText('The file that was dropped is no longer at hand.').waitFor();
  });

  describe('a video', () => {
    const media = (route: Route) => problem(404, 'MEDIA_NOT_FOUND', 'gone')(route);

    it.each([
      { width: 1280, options: {} },
      { width: 390, options: { viewport: PHONE } },
      { width: 1280, options: { colorScheme: 'dark' } },
    ] as const)(
      'shows who is in it, what is heard, and what could not be known, at $width px',
      async ({ width, options }) => {
        await visitor.leave();
        visitor = await visit(browser, { baseURL: BASE, ...options });
        page = visitor.page;
        const stages = video().stages!.map((stage) =>
          stage.stage === 'audio'
            ? {
                ...stage,
                state: 'failed',
                attempts: 4,
                error: { code: 'STAGE_BUG', message: 'x', hint: 'y' },
              }
            : stage,
        );
        const unfinished = video({ complete: false, missing: ['audio: speech'], stages });
        await stub(page, { '/v1/videos/evening-news/media': media, '/v1/videos/': answer(unfinished) });
        await page.goto('/videos/evening-news?t=12');
        await page.getByText('Not everything of this video is known yet.').waitFor();
        await page.getByText('This video cannot be played here.').waitFor();
        const tracks = await page
          .getByRole('toolbar')
          .evaluateAll((rows) => rows.map((row) => row.ariaLabel));
        expect(tracks).toEqual([
          ...['Shots', 'On screen', 'Speech', 'Ada Example', 'Unnamed person 1', 'Unnamed person 2', 'Sound'],
        ]);
        expect(await page.getByText('failed, 4 attempts').count()).toBe(1);
        await page.waitForLoadState('networkidle');
        await expectAccessible(page);
        await shoot(page, `video-unfinished-${width}${'colorScheme' in options ? '-dark' : ''}`);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      },
    );

    it('that is not there is said to be not there', async () => {
      await stub(page, {});
      await page.goto('/videos/none');
      await eventually(() => page.getByRole('alert').textContent()).toContain('Code NOT_FOUND');
    });
  });
});
