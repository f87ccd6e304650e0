import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApi, testApi } from '../testing.ts';

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
  await mkdir(api.root, { recursive: true });
  const bytes = Buffer.concat([Buffer.from('\0\0\0\x18ftypmp42'), Buffer.alloc(988, 7)]);
  await writeFile(path.join(api.root, 'dogs.mp4'), bytes);
});
afterAll(() => api.dispose());

describe('GET /v1/videos/:id/media', () => {
  const url = '/v1/videos/dogs/media';

  it('gives the whole, and parts', async () => {
    const whole = await api.ask(url);
    expect(whole.headers).toMatchObject({
      'content-type': 'video/mp4',
      'accept-ranges': 'bytes',
      'content-length': '1000',
    });
    const head = await api.ask(url, { method: 'HEAD' });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '1000', '']);
    const part = await api.ask(url, { headers: { range: 'bytes=4-11' } });
    expect([part.statusCode, part.headers['content-range'], part.body]).toEqual([
      206,
      'bytes 4-11/1000',
      'ftypmp42',
    ]);
    const beyond = await api.ask(url, { headers: { range: 'bytes=1000-' } });
    expect([beyond.statusCode, beyond.headers['content-range']]).toEqual([416, 'bytes */1000']);
  });

  it('gives the whole to who has a part of another state of the file', async () => {
    const { etag } = (await api.ask(url)).headers;
    const range = 'bytes=0-9';
    expect((await api.ask(url, { headers: { range, 'if-range': etag! } })).statusCode).toBe(206);
    expect((await api.ask(url, { headers: { range, 'if-range': '"other"' } })).statusCode).toBe(200);
    expect((await api.ask(url, { headers: { 'if-none-match': etag! } })).statusCode).toBe(304);
  });

  it('says when the file is gone, and what may not be read', async () => {
    expect((await api.ask('/v1/videos/lecture/media')).json()).toMatchObject({
      status: 404,
      code: 'MEDIA_NOT_FOUND',
    });
    const at = (uri: string) => {
      const record = api.records.get('default/dogs')!;
      api.records.set('default/odd', { ...record, videoId: 'odd', media: { uri } });
      return api.ask('/v1/videos/odd/media');
    };
    for (const uri of [
      '/etc/passwd',
      'file:///etc/passwd',
      `${api.root}/../api-keys.json`,
      'https://127.0.0.1/a',
      'ftp://a/b',
    ]) {
      expect((await at(uri)).json(), uri).toMatchObject({ status: 400, code: 'URI_NOT_ALLOWED' });
    }
    const public_ = await at('https://93.184.216.34/a.mp4');
    expect([public_.statusCode, public_.headers.location]).toEqual([302, 'https://93.184.216.34/a.mp4']);
  });
});
