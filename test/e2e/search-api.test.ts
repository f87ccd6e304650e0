/** The search API of a real `cinedex up --query`: a video is announced, found, shown, played and deleted over HTTP. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SearchResults, VideoPage } from '../../query/api/answers.ts';
import { mediaFolder, sceneClip } from '../fixtures/media.ts';
import { canOpen, itIndexed } from '../fixtures/stages.ts';

const main = path.resolve(import.meta.dirname, '../../cli/main.ts');
const LONG = 600_000;
const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-search-api-'));
const media = mediaFolder();
const given = Object.entries(process.env).filter(([name]) => !name.startsWith('CINEDEX_'));
const env = {
  ...Object.fromEntries(given),
  CINEDEX_DATA_DIR: folder,
  CINEDEX_QUERY_PORT: '0',
  CINEDEX_LOG_LEVEL: 'warn',
};

async function cinedex(...args: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args, '--json'], { env });
  return JSON.parse(stdout);
}

let up: ReturnType<typeof spawn>;
let address: string;
let admin: string;
let search: string;

beforeAll(async () => {
  admin = (await cinedex('keys', 'create', '--name', 'admin', '--scopes', 'admin')).key;
  search = (await cinedex('keys', 'create', '--name', 'page')).key;
  up = spawn(process.execPath, [main, 'up', '--query', '--json', '--root', media], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(up, 'exit').then(() => Promise.reject(new Error('it ended early')));
  const [ready] = await Promise.race([once(createInterface({ input: up.stdout! }), 'line'), exited]);
  exited.catch(() => undefined); // At the end it shall.
  address = JSON.parse(String(ready)).query;
}, LONG);
afterAll(async () => {
  const exited = once(up, 'exit');
  up.kill('SIGTERM');
  expect((await exited)[0]).toBe(0);
  rmSync(folder, { recursive: true, force: true });
}, LONG);

function ask(url: string, init: RequestInit & { key?: string } = {}): Promise<Response> {
  const { key = search, headers, ...more } = init;
  return fetch(new URL(url, address), { ...more, headers: { authorization: `Bearer ${key}`, ...headers } });
}
async function found(): Promise<string[]> {
  const answer = (await (await ask('/v1/search?q=lighthouse')).json()) as SearchResults;
  return answer.results.map(({ video }) => video);
}

itIndexed(
  'takes a video in and finds it at once when it is indexed, and never again when it is deleted',
  async () => {
    const file = await sceneClip(path.join(media, 'lamp.mp4'), [{ source: 'testsrc2', seconds: 4 }]);
    expect(await found()).toEqual([]);
    const body = {
      ...{ videoId: 'lamp', source: 'ogc', media: { uri: file } },
      metadata: { title: 'The lighthouse keeper' },
    };
    const announced = await ask('/v1/videos', {
      ...{ method: 'POST', key: admin, body: JSON.stringify(body) },
      headers: { 'content-type': 'application/json', 'idempotency-key': 'lamp-1' },
    });
    expect(await announced.json()).toMatchObject({ status: 'accepted' });

    let page: VideoPage | undefined;
    const deadline = AbortSignal.timeout(LONG / 2);
    while (!page || page.durationSec === null) {
      deadline.throwIfAborted();
      const response = await ask('/v1/videos/lamp');
      if (response.ok) page = (await response.json()) as VideoPage;
      const failed = page?.stages?.find(({ stage, state }) => stage === 'frames' && state === 'failed');
      expect(failed).toBeUndefined();
      await pause(200);
    }
    expect(await found()).toEqual(['lamp']);

    const entered = await fetch(new URL('/v1/session', address), {
      ...{ method: 'POST', body: JSON.stringify({ key: search }) },
      headers: { 'content-type': 'application/json' },
    });
    const cookie = entered.headers.get('set-cookie')!.split(';')[0]!;
    const shown = await fetch(new URL(page.poster!, address), { headers: { cookie } });
    expect(shown.headers.get('content-type')).toMatch(/^image\//);
    expect((await shown.arrayBuffer()).byteLength).toBeGreaterThan(100);
    const played = await fetch(new URL(page.media, address), { headers: { cookie, range: 'bytes=100-299' } });
    expect(played.status).toBe(206);
    const bytes = Buffer.from(await played.arrayBuffer());
    expect(bytes.equals((await readFile(file)).subarray(100, 300))).toBe(true);

    await cinedex('delete', 'lamp');
    expect(await found()).toEqual([]);
    const gone = [await ask('/v1/videos/lamp'), await ask(page.poster!), await ask(page.media)];
    expect(gone.map(({ status }) => status)).toEqual([404, 404, 404]);
  },
  LONG,
);

it.skipIf(!canOpen)('tells its metrics to the operator alone', async () => {
  expect((await ask('/metrics')).status).toBe(403);
  expect(await (await ask('/metrics', { key: admin })).text()).toContain('cinedex_search_duration_seconds');
});
