/** Media from buckets: what a uri may name (no server), and the fetching on a real server. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mediaFolder } from '../../test/fixtures/media.ts';
import { s3Address } from '../../test/servers/s3.ts';
import { checkBucket, createS3Requests, type S3Config } from '../adapters/cluster/s3-requests.ts';
import { loadConfig } from '../config.ts';
import { createMediaAccess } from './media-access.ts';
import { parseS3Uri } from './s3-source.ts';

const logger = pino({ level: 'silent' });
const never = new AbortController().signal;

describe('an s3 uri', () => {
  const parse = (uri: string) => parseS3Uri(uri, ['videos', 'ugc.eu']);

  test('names a bucket and a key, decoded once', () => {
    expect(parse('s3://videos/a/b%20c%2525.mp4')).toEqual({ bucket: 'videos', key: 'a/b c%25.mp4' });
    expect(parse('s3://ugc.eu//double//slash')).toEqual({ bucket: 'ugc.eu', key: '/double//slash' });
    expect(parse('s3://videos/a?versionId=x%2By')).toEqual({ bucket: 'videos', key: 'a', versionId: 'x+y' });
  });

  test.each([
    's3://other/a',
    's3://Videos/a',
    's3://videos',
    's3://videos/',
    's3:///a',
    's3:videos/a',
    's3://key:secret@videos/a',
    's3://videos:80/a',
    's3://videos/../other/a',
    's3://videos/a/%2e%2e/%2e%2e/other/b',
    's3://videos/a/%E0%A4%A',
    's3://videos/a#b',
    's3://videos/a?partNumber=1',
    's3://videos/a?X-Amz-Signature=1',
  ])('%s is refused', (uri) => {
    expect(() => parse(uri)).toThrow(expect.objectContaining({ code: 'URI_NOT_ALLOWED' }));
  });

  test('is refused where no bucket is configured', async () => {
    const { media, s3 } = loadConfig({});
    for (const options of [{ s3 }, {}]) {
      const access = createMediaAccess(media, { dataDir: mediaFolder(), logger, ...options });
      await expect(access.open({ uri: 's3://cinedex/manifests/a' }, never)).rejects.toThrow(
        /CINEDEX_S3_MEDIA_BUCKETS/,
      );
    }
  });
});

const address = await s3Address();
describe.skipIf(!address)('media in a bucket', () => {
  const bucket = `media-${randomBytes(6).toString('hex')}`;
  const config = (more: Partial<S3Config> = {}): S3Config => ({
    ...loadConfig({}).s3,
    ...address,
    mediaBuckets: [bucket],
    attempts: 3,
    ...more,
  });
  const requests = createS3Requests(config());
  const bytes = randomBytes(900_000);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const put = (Key: string, Body: Uint8Array) =>
    requests.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  const access = (more: Partial<S3Config> = {}, maxBytes = 1_000_000) => {
    const { media } = loadConfig({ CINEDEX_MEDIA_MAX_BYTES: String(maxBytes) });
    return createMediaAccess(media, { dataDir: mediaFolder(), logger, s3: config(more), lingerMs: 0 });
  };

  beforeAll(async () => {
    await checkBucket(requests, config(), bucket, true);
    await put('a b/ü.mp4', bytes);
    await put('empty.mp4', Buffer.alloc(0));
  });
  afterAll(() => requests.close());

  test('is fetched into a file, once for all who want it, and removed after the last', async () => {
    const media = { uri: `s3://${bucket}/a%20b/%C3%BC.mp4`, sha256 };
    const opening = access();
    const [one, two] = await Promise.all([opening.open(media, never), opening.open(media, never)]);
    expect(one.path).toBe(two.path);
    expect(one.bytes).toBe(bytes.length);
    expect((await readFile(one.path)).equals(bytes)).toBe(true);
    await one.release();
    await two.release();
    await expect(readFile(one.path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('that is missing, empty, too large, changed or kept from us is told apart', async () => {
    const uri = `s3://${bucket}/a%20b/%C3%BC.mp4`;
    const refusedBy = async (opened: Promise<unknown>) => (await opened.then(String, (error) => error)).code;
    expect(await refusedBy(access().open({ uri: `s3://${bucket}/no.mp4` }, never))).toBe('MEDIA_NOT_FOUND');
    expect(await refusedBy(access().open({ uri: `s3://${bucket}/empty.mp4` }, never))).toBe('MEDIA_EMPTY');
    expect(await refusedBy(access({}, 1_000).open({ uri }, never))).toBe('MEDIA_TOO_LARGE');
    expect(await refusedBy(access().open({ uri, sha256: '0'.repeat(64) }, never))).toBe('MEDIA_CHANGED');
    expect(await refusedBy(access({ secretAccessKey: 'wrong' }).open({ uri }, never))).toBe(
      'MEDIA_NOT_FOUND',
    );
    expect(await refusedBy(access({ mediaBuckets: ['another'] }).open({ uri }, never))).toBe(
      'URI_NOT_ALLOWED',
    );
    const down = access({ endpoint: 'http://127.0.0.1:9' });
    expect(await refusedBy(down.open({ uri }, never))).toBe('MEDIA_FETCH_FAILED');
    expect(await refusedBy(access().open({ uri }, AbortSignal.abort()))).toBe('ABORTED');
  });

  describe('over a bad line', () => {
    /** Passes bytes on to the server and cuts a connection after so many from it, as often as it is told to. */
    let cuts = 0;
    let connections = 0;
    const sockets = new Set<Socket>();
    const keep = (socket: Socket) => {
      sockets.add(socket);
      // Cut lines are what this is for.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    };
    const line: Server = createServer((near) => {
      connections += 1;
      const far = connect(Number(new URL(address!.endpoint).port), '127.0.0.1');
      for (const socket of [near, far]) keep(socket);
      let passed = 0;
      near.pipe(far);
      far.on('data', (chunk: Buffer) => {
        near.write(chunk);
        passed += chunk.length;
        if (passed > 200_000 && cuts > 0) {
          cuts -= 1;
          near.end();
          far.destroy();
        }
      });
      far.on('end', () => near.end());
    });
    beforeAll(() => new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve)));
    afterAll(() => {
      for (const socket of sockets) socket.destroy();
      line.close();
    });
    const endpoint = () => `http://127.0.0.1:${(line.address() as AddressInfo).port}`;

    test('is read on from where the line broke', async () => {
      cuts = 3;
      const media = { uri: `s3://${bucket}/a%20b/%C3%BC.mp4`, sha256 };
      const opened = await access({ endpoint: endpoint() }).open(media, never);
      expect((await readFile(opened.path)).equals(bytes)).toBe(true);
      expect({ cuts, connections }).toEqual({ cuts: 0, connections: 4 });
      await opened.release();
    });
  });
});
