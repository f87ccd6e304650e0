import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { checkBucket, createS3Requests } from '../../../shared/adapters/cluster/s3-requests.ts';
import { loadConfig } from '../../../shared/config.ts';
import { openS3Part } from '../../../shared/media/s3-source.ts';
import { createLogger } from '../../../shared/telemetry/logger.ts';
import { describeIndexed, REMOVED } from '../../../test/fixtures/stages.ts';
import { s3Address } from '../../../test/servers/s3.ts';
import { type TestApi, testApi } from '../testing.ts';

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
  await mkdir(api.root, { recursive: true });
  const bytes = Buffer.concat([Buffer.from('\0\0\0\x18ftypmp42'), Buffer.alloc(988, 7)]);
  await writeFile(path.join(api.root, 'dogs.mp4'), bytes);
});
afterAll(() => api.dispose());

describeIndexed('GET /v1/videos/:id/media', () => {
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

const address = await s3Address();
describe.skipIf(!address || REMOVED.includes('document'))('media in a bucket', () => {
  it('is passed on, whole and in parts, and nothing else of the store', async () => {
    const bucket = `played-${randomBytes(6).toString('hex')}`;
    const config = { ...loadConfig({}).s3, ...address, mediaBuckets: [bucket] };
    const requests = createS3Requests(config);
    const bytes = randomBytes(300_000);
    await checkBucket(requests, config, bucket, true);
    await requests.client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a b.mp4', Body: bytes }));
    const logger = createLogger({ level: 'silent' });
    const one = await testApi({
      services: { openPart: (uri, options) => openS3Part(uri, config, logger, options) },
    });
    onTestFinished(async () => {
      await one.dispose();
      requests.close();
    });
    const at = (uri: string, more: Parameters<TestApi['ask']>[1] = {}) => {
      const record = one.records.get('default/dogs')!;
      one.records.set('default/stored', { ...record, videoId: 'stored', media: { uri } });
      return one.ask('/v1/videos/stored/media', more);
    };
    const uri = `s3://${bucket}/a%20b.mp4`;
    const whole = await at(uri);
    expect([whole.statusCode, whole.headers['content-type']]).toEqual([200, 'video/mp4']);
    expect(whole.rawPayload.equals(bytes)).toBe(true);
    const part = await at(uri, { headers: { range: 'bytes=1000-1999' } });
    expect([part.statusCode, part.headers['content-range']]).toEqual([206, 'bytes 1000-1999/300000']);
    expect(part.rawPayload.equals(bytes.subarray(1_000, 2_000))).toBe(true);
    const head = await at(uri, { method: 'HEAD' });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '300000', '']);
    expect((await at(uri, { headers: { range: 'bytes=300000-' } })).statusCode).toBe(416);
    expect((await at(`s3://${bucket}/other.mp4`)).json()).toMatchObject({ code: 'MEDIA_NOT_FOUND' });
    expect((await at('s3://cinedex/manifests/a')).json()).toMatchObject({ code: 'URI_NOT_ALLOWED' });
  });
});
