/** An API that says what a test wants, behind the page as it was built: for what a real server does not do on demand. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page, Route } from 'playwright-core';
import { SearchResults, Suggestions, VideoPage } from '../../../query/api/answers.ts';
import type { Answer, VideoDetails, VideoHit } from '../../../query/web/src/api/types.ts';

const dist = path.resolve(import.meta.dirname, '../../../query/web/dist');
export const BASE = 'http://page.test';
const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** What answers a path of the API, by its beginning; the first that fits. */
export type Stubs = Record<string, (route: Route) => unknown>;

/** Serves the page and the stubs to it; other paths of the API are not found. */
export async function stub(page: Page, stubs: Stubs): Promise<void> {
  await page.route('**/*', async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.startsWith('/v1/')) {
      const found = [...Object.entries(stubs), ...Object.entries(USUAL)].find(([begins]) =>
        pathname.startsWith(begins),
      );
      if (found) await found[1](route);
      else await problem(404, 'NOT_FOUND', `There is nothing at ${pathname}.`)(route);
      return;
    }
    const type = TYPES[path.extname(pathname)];
    const file = type ? pathname : 'index.html';
    await route.fulfill({ contentType: type ?? 'text/html', body: readFileSync(path.join(dist, file)) });
  });
}

export const answer = (body: unknown, status = 200) => {
  return (route: Route) => route.fulfill({ status, json: body });
};

export function problem(status: number, code: string, detail: string, hint = 'A hint of the server.') {
  const body = JSON.stringify({
    type: 'about:blank',
    title: code,
    status,
    detail,
    code,
    hint,
    retryable: true,
  });
  return (route: Route) => route.fulfill({ status, contentType: 'application/problem+json', body });
}

/** A picture of one colour, by the end of its address. */
function picture(route: Route): Promise<void> {
  const hue = Number(/\d+$/.exec(route.request().url())?.[0] ?? 0) * 47;
  const body = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 90"><rect width="160" height="90" fill="hsl(${hue} 35% 45%)"/><circle cx="80" cy="40" r="20" fill="hsl(${hue} 40% 70%)"/><path d="M40 90a40 36 0 0 1 80 0z" fill="hsl(${hue} 40% 70%)"/></svg>`;
  return route.fulfill({ contentType: 'image/svg+xml', body });
}

const USUAL: Stubs = {
  '/v1/me': answer({ tenant: 'default', scopes: ['search'], open: true }),
  '/v1/suggest': answer(Suggestions.parse({ suggestions: [] })),
  '/v1/interactions': answer({}, 202),
  '/v1/images': picture,
};

export function hit(n: number, more: Partial<VideoHit> = {}): VideoHit {
  return {
    ...{ video: `video-${n}`, title: `Video number ${n}`, durationSec: 60 + n, poster: `/v1/images/${n}` },
    ...{ media: `/v1/videos/video-${n}/media`, page: `/videos/video-${n}` },
    ...{ grade: 0.9 - n / 100, score: 1, coverage: 1, complete: true, matched: ['about'], similar: [] },
    moments: [],
    why: [{ channel: 'videos.title', rank: n, score: 1, share: 0.1 }],
    ...more,
  };
}

/** Held to the schema of the API, so that a stub cannot say what no server would. */
export function found(results: VideoHit[], more: Partial<Answer> = {}): Answer {
  const question = { text: 'a', language: 'en', kind: 'topic', because: 'none of the others' };
  return SearchResults.parse({
    question: { ...question, tokens: ['a'], people: [], corrections: [], entities: [], constraints: [] },
    ...{ results, weak: [], total: results.length, next: null, caveats: [], partial: null, tookMs: 12 },
    facets: { source: [{ value: 'ugc', count: results.length }] },
    ...more,
  });
}

const cue = (kind: 'said' | 'shown', startSec: number, endSec: number, text: string) => ({
  ...{ kind, startSec, endSec, text },
});

/** A video with a part of everything. */
export function video(more: Partial<VideoDetails> = {}): VideoDetails {
  const shots = Array.from({ length: 9 }, (_, i) => ({
    ...{ id: `shot-${i}`, startSec: i * 8, endSec: (i + 1) * 8, thumbnail: `/v1/images/${i}` },
    ...{ labels: ['person', 'chair'], people: ['p1'] },
    cues: [
      cue('said', i * 8 + 1, i * 8 + 5, `Line ${i + 1}: we should talk about the harbour before it rains.`),
      cue('shown', i * 8, i * 8 + 8, i % 3 === 0 ? 'EVENING NEWS' : `Caption ${i + 1}`),
      ...(i % 2 === 0 ? [cue('shown', i * 8 + 2, i * 8 + 7, 'Ada Example, reporter')] : []),
    ],
  }));
  return VideoPage.parse({
    ...{ video: 'evening-news', title: 'Evening news from the harbour', source: 'ogc', language: 'en' },
    description: 'Interviews at the quay, and the weather for the week.',
    ...{ tags: ['news', 'harbour'], series: 'Evening news', season: 2, episode: 14 },
    ...{ uploader: null, channel: { id: 'c1', name: 'Channel One' } },
    ...{ publishedAt: '2026-03-01T18:00:00Z', durationSec: 72, width: 1280, height: 720 },
    ...{ poster: '/v1/images/3', media: '/v1/videos/evening-news/media', statistics: {} },
    ...{ labels: ['person', 'boat', 'chair'], sounds: ['speech', 'music'], keywords: ['harbour', 'weather'] },
    ...{ complete: true, missing: [], shots },
    people: [
      {
        identity: 'p1',
        name: 'Ada Example',
        spans: [
          [0, 10],
          [24, 40],
          [56, 64],
        ],
        thumbnail: '/v1/images/11',
      },
      { identity: 'p2', name: null, spans: [[10, 24]], thumbnail: '/v1/images/12' },
      { identity: 'p3', name: null, spans: [[40, 56]], thumbnail: null },
    ],
    soundSegments: [
      { startSec: 0, endSec: 6, kind: 'music' },
      { startSec: 6, endSec: 66, kind: 'speech' },
      { startSec: 66, endSec: 72, kind: 'music' },
    ],
    similar: [{ video: 'evening-news-2', title: 'Evening news, repeat', poster: '/v1/images/5' }],
    stages: ['frames', 'ocr', 'faces', 'audio', 'embedding', 'document'].map((stage) => ({
      ...{ stage, state: 'done', attempts: 1 },
    })),
    ...more,
  });
}
