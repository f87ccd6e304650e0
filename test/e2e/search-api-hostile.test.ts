/** What must not be believed of those who are in: a clear refusal each. */
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { crc32, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApi, testApi } from '../../query/api/testing.ts';
import { describeIndexed } from '../fixtures/stages.ts';

let api: TestApi;
let port: number;

beforeAll(async () => {
  api = await testApi();
  await api.server.listen({ host: '127.0.0.1', port: 0 });
  port = (api.server.server.address() as AddressInfo).port;
  await mkdir(api.root, { recursive: true });
});
afterAll(() => api.dispose());

/** With a path exactly as it is given: no client of ours tidies it up. */
function raw(
  target: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', path: target, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, body: Buffer.concat(chunks).toString() }),
      );
    });
    request.on('error', reject).end();
  });
}

describeIndexed('hostile questions', () => {
  const long = 'x'.repeat(201);
  it.each([
    '/v1/search',
    '/v1/search?q=',
    `/v1/search?q=${'a'.repeat(1_001)}`,
    '/v1/search?q=a&limit=0',
    '/v1/search?q=a&limit=1e9',
    '/v1/search?q=a&limit=NaN',
    '/v1/search?q=a&moments=-1',
    '/v1/search?q=a&source=all',
    `/v1/search?q=a&channel=${long}`,
    `/v1/search?q=a&${Array.from({ length: 21 }, (_, i) => `tag=${i}`).join('&')}`,
    '/v1/search?q=a&publishedFrom=yesterday',
    '/v1/search?q=a&publishedFrom=2026-02-30',
    '/v1/search?q=a&durationFrom=Infinity',
    '/v1/search?q=a&hasFaces=maybe',
    '/v1/search?q=a&explain=1',
    '/v1/search?q=a&filter[field]=tenant',
    '/v1/search?q=a&__proto__=x',
    '/v1/search?q=a&explicitTo=2',
    '/v1/search?q=a&cursor=../../x',
    '/v1/videos/a%20b',
    '/v1/videos/%00',
    `/v1/videos/${'v'.repeat(201)}`,
    '/v1/moments/1/similar',
    '/v1/suggest?limit=1000',
  ])('%s is refused', async (url) => {
    expect((await api.ask(url)).json()).toMatchObject({
      status: 400,
      code: 'USAGE',
      detail: expect.any(String),
    });
  });

  it.each<[string, object]>([
    ['no question', {}],
    ['a condition of the store', { q: 'a', filters: [{ field: 'tenant', equals: 'rival' }] }],
    ['a condition in a filter', { q: 'a', filter: { tenant: 'rival' } }],
    ['an object as a value', { q: 'a', filter: { language: { $ne: 'en' } } }],
    ['too many values', { q: 'a', filter: { tag: Array.from({ length: 21 }, String) } }],
    ['numbers as text', { q: 'a', limit: '10' }],
    ['a picture', { q: 'a', picture: 'aaaa' }],
    ['a moment that is none', { like: { video: 'dogs', moment: "' or 1=1" } }],
  ])('a body with %s is refused', async (_, payload) => {
    const response = await api.ask('/v1/search', { method: 'POST', payload });
    expect(response.json()).toMatchObject({ status: 400, code: 'USAGE' });
  });

  it('quotes in values are values', async () => {
    for (const value of ["' or 1=1 --", '`f_tenant`', '"}]}', '\\', '%', '*']) {
      const url = `/v1/search?q=gravity&channel=${encodeURIComponent(value)}&person=${encodeURIComponent(value)}`;
      expect((await api.ask(url)).json(), value).toMatchObject({ results: [], total: 0 });
    }
  });

  it('of ten megabytes are not read', async () => {
    const q = 'a'.repeat(10 * 1024 ** 2);
    const posted = await api.ask('/v1/search', { method: 'POST', payload: { q } });
    expect(posted.json()).toMatchObject({ status: 413, code: 'REQUEST_TOO_LARGE' });
    const authorization = `Bearer ${await api.key(['search'])}`;
    const { status } = await raw(`/v1/search?q=${'a'.repeat(100_000)}`, { authorization });
    expect(status).toBe(431);
  });

  it('in other forms than JSON are refused', async () => {
    const more = {
      method: 'POST' as const,
      payload: 'q=a',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    };
    expect((await api.ask('/v1/search', more)).statusCode).toBe(415);
    const broken = {
      method: 'POST' as const,
      payload: '{"q":',
      headers: { 'content-type': 'application/json' },
    };
    expect((await api.ask('/v1/search', broken)).json()).toMatchObject({ status: 400, code: 'USAGE' });
    const poisoned = { ...broken, payload: '{"q":"a","__proto__":{"limit":100}}' };
    expect((await api.ask('/v1/search', poisoned)).statusCode).toBe(400);
  });
});

describeIndexed('tricks with paths', () => {
  it.each([
    '/v1/videos/..%2F..%2F..%2Fetc%2Fpasswd/media',
    '/v1/videos/../../../../etc/passwd/media',
    '/v1/videos/%2e%2e/media',
    '/v1/videos/....//....//etc/passwd/media',
    '/v1/videos/dogs/media/../../../../etc/passwd',
    '/v1/images/..%2F..%2Fapi-keys.json?video=dogs',
    '/v1/images/%2e%2e%2fapi-keys.json?video=dogs',
    '/assets/../../../package.json',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/assets/%2e%2e/%2e%2e/server.ts',
    '/docs/static/..%2f..%2f..%2fpackage.json',
    '/../api-keys.json',
    '//etc/passwd',
    '/.env',
  ])('%s gets no file', async (target) => {
    const authorization = `Bearer ${await api.key(['search'])}`;
    const { status, body } = await raw(target, { authorization });
    expect([400, 403, 404]).toContain(status);
    expect(body).not.toMatch(/root:|"keys"|"name": "cinedex"|createQueryServer/);
  });

  it('a link out of the media root is not followed', async () => {
    const outside = path.join(api.root, '../outside.mp4');
    await writeFile(outside, 'secret bytes');
    await symlink(outside, path.join(api.root, 'kitchen.mp4'));
    const response = await api.ask('/v1/videos/kitchen/media');
    expect(response.json()).toMatchObject({ status: 400, code: 'URI_NOT_ALLOWED' });
    await rm(path.join(api.root, 'kitchen.mp4'));
  });
});

describeIndexed('files that are sent to be searched by', () => {
  const send = (kind: string, payload: Buffer, type = 'image/png') =>
    api.ask(`/v1/search/${kind}`, { method: 'POST', payload, headers: { 'content-type': type } });

  /** A PNG whose header promises `side` × `side` pixels; its data is a few bytes that swell to megabytes. */
  function bomb(side: number): Buffer {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(side, 0);
    header.writeUInt32BE(side, 4);
    header.set([8, 2, 0, 0, 0], 8);
    const rows = deflateSync(Buffer.alloc(16 * 1024 ** 2));
    return Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      ...(
        [
          ['IHDR', header],
          ['IDAT', rows],
          ['IEND', Buffer.alloc(0)],
        ] as const
      ).map(([type, data]) => chunk(type, data)),
    ]);
  }

  it('are not swollen: a picture of billions of pixels in some kilobytes is refused by its header', async () => {
    const picture = bomb(60_000);
    expect(picture.length).toBeLessThan(64 * 1024);
    for (const kind of ['image', 'face']) {
      expect((await send(kind, picture)).json(), kind).toMatchObject({ status: 413, code: 'MEDIA_LIMIT' });
    }
  });

  it.each<[string, Buffer, string, string]>([
    [
      'an SVG that names a file',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
      'image/svg+xml',
      'MEDIA_UNSUPPORTED',
    ],
    [
      'XML that swells',
      Buffer.from('<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aa">]><svg>&a;</svg>'),
      'image/png',
      'MEDIA_UNSUPPORTED',
    ],
    ['an archive', gzipSync(Buffer.alloc(1_000_000)), 'image/png', 'MEDIA_UNSUPPORTED'],
    ['nothing', Buffer.alloc(0), 'image/png', 'MEDIA_EMPTY'],
    [
      'the beginning of a picture',
      Buffer.from('\x89PNG\r\n\x1a\n\0\0\0', 'latin1'),
      'image/png',
      'MEDIA_CORRUPT',
    ],
  ])('are pictures: %s is refused', async (_, payload, type, code) => {
    expect((await send('image', payload, type)).json()).toMatchObject({ code });
  });

  it('are clips of sound: a playlist or a picture is refused, whatever it is called', async () => {
    const playlist = Buffer.from('#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n');
    for (const payload of [playlist, bomb(8), gzipSync(Buffer.alloc(1_000_000)), Buffer.from('just text')]) {
      const response = await send('audio', payload, 'audio/mpeg');
      expect(response.json()).toMatchObject({ status: 415, code: 'MEDIA_UNSUPPORTED' });
    }
  });

  it('have a limit', async () => {
    const picture = Buffer.alloc(21 * 1024 ** 2, 1);
    expect((await send('image', picture)).json()).toMatchObject({ status: 413, code: 'REQUEST_TOO_LARGE' });
    const { payload, headers } = form([['file', picture]]);
    const sent = await api.ask('/v1/search/image', { method: 'POST', payload, headers });
    expect(sent.json()).toMatchObject({ status: 413, code: 'REQUEST_TOO_LARGE' });
  });

  it('are one, in "file", of the own tenant', async () => {
    const some = Buffer.from('x');
    const forms: [Parameters<typeof form>[0], number][] = [
      [[['picture', some]], 400],
      [
        [
          ['file', some],
          ['file', some],
        ],
        413,
      ],
      [[['limit', '5']], 400],
      [
        [
          ['tenant', 'rival'],
          ['file', some],
        ],
        403,
      ],
      [
        [
          ['limit', '5000'],
          ['file', some],
        ],
        400,
      ],
    ];
    for (const [fields, status] of forms) {
      const response = await api.ask('/v1/search/image', { method: 'POST', ...form(fields) });
      expect(response.statusCode, response.body).toBe(status);
    }
  });

  it('are not fetched from inside', async () => {
    for (const url of [
      'https://127.0.0.1/a.png',
      'https://localhost/a.png',
      'https://[::1]/a.png',
      'https://169.254.169.254/latest/meta-data',
      'https://0x7f000001/a.png',
      'https://10.1.2.3/a.png',
      'https://user:secret@93.184.216.34/a.png',
    ]) {
      const response = await api.ask('/v1/search/image', { method: 'POST', payload: { url } });
      expect(response.json(), url).toMatchObject({ status: 400, code: 'URI_NOT_ALLOWED' });
    }
    for (const url of [
      'http://93.184.216.34/a.png',
      'file:///etc/passwd',
      'ftp://a/b',
      'data:image/png;base64,AA',
    ]) {
      const response = await api.ask('/v1/search/image', { method: 'POST', payload: { url } });
      expect(response.json(), url).toMatchObject({ status: 400, code: 'USAGE' });
    }
  });
});

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), data]);
  const ends = [Buffer.alloc(4), Buffer.alloc(4)] as const;
  ends[0].writeUInt32BE(data.length);
  ends[1].writeUInt32BE(crc32(named));
  return Buffer.concat([ends[0], named, ends[1]]);
}

function form(fields: [string, string | Buffer][]): { payload: Buffer; headers: Record<string, string> } {
  const boundary = 'cinedex-test';
  const parts = fields.flatMap(([name, value]) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${typeof value === 'string' ? '' : '; filename="../../a.png"\r\ncontent-type: image/png'}\r\n\r\n`,
    ),
    Buffer.from(value as string),
    Buffer.from('\r\n'),
  ]);
  return {
    payload: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}
