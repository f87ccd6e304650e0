/** The S3 store on a real server: the contract, and what only happens with a server. */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, describe, expect, it } from 'vitest';
import { openS3ArtifactStore } from '../../shared/adapters/cluster/s3-artifact-store.ts';
import { createS3Requests, type S3Config } from '../../shared/adapters/cluster/s3-requests.ts';
import { loadConfig } from '../../shared/config.ts';
import { PUT_AGAIN_MS } from '../../shared/ports/artifact-store.ts';
import { s3Address } from '../servers/s3.ts';
import { artifactStoreContract } from './artifact-store.contract.ts';

const address = await s3Address();
const prefix = `contract/${randomBytes(6).toString('hex')}`;

function s3Config(more: Partial<S3Config> = {}): S3Config {
  return { ...loadConfig({}).s3, ...address, createBucket: true, prefix, ...more };
}

describe.skipIf(!address)('S3', () => {
  const config = s3Config();
  const { client, close } = createS3Requests(config);
  afterAll(close);
  const keyOf = (sha256: string) => `${prefix}/blobs/${sha256.slice(0, 2)}/${sha256}`;
  const open = (more: Partial<S3Config> = {}) => openS3ArtifactStore(s3Config(more));

  artifactStoreContract('S3', async () => {
    let store = await open();
    return {
      store,
      reopen: async () => {
        await store.close();
        store = await open();
        return store;
      },
      dispose: () => store.close(),
    };
  });

  it('stores a blob once, whoever puts it', async () => {
    const bytes = randomBytes(1_000);
    const [first, second] = [await open(), await open()];
    const ref = await first.putBlob(bytes, 'image/webp');
    const at = { Bucket: config.bucket, Key: keyOf(ref.sha256) };
    const before = await client.send(new HeadObjectCommand(at));
    // Marked, so that a second write would be seen even within one second.
    await client.send(new PutObjectCommand({ ...at, Body: bytes, Metadata: { mark: 'mine' } }));
    await second.putBlob(bytes, 'image/webp');
    expect((await client.send(new HeadObjectCommand(at))).Metadata).toEqual({ mark: 'mine' });
    expect(before.ContentType).toBe('image/webp');
    await Promise.all([first.close(), second.close()]);
  });

  it('puts a blob anew that lies there for long, so that its date says that it is in use', async () => {
    const store = await open();
    const later = await openS3ArtifactStore(s3Config(), { now: () => Date.now() + 2 * PUT_AGAIN_MS });
    for (const size of [1_000, 300_000]) {
      const bytes = randomBytes(size);
      const { sha256 } = await store.putBlob(bytes, 'image/webp');
      const at = { Bucket: config.bucket, Key: keyOf(sha256) };
      await client.send(new PutObjectCommand({ ...at, Body: bytes, Metadata: { mark: 'mine' } }));
      await store.putBlob(bytes, 'image/webp');
      expect((await client.send(new HeadObjectCommand(at))).Metadata).toEqual({ mark: 'mine' });
      await later.putBlob(bytes, 'image/webp');
      expect((await client.send(new HeadObjectCommand(at))).Metadata).toEqual({});
    }
    await Promise.all([store.close(), later.close()]);
  });

  it('notices an object that was replaced or cut off, and mends it when it is put again', async () => {
    const store = await open();
    for (const size of [1_000, 400_000]) {
      const bytes = randomBytes(size);
      const ref = await store.putBlob(bytes, 'image/webp');
      for (const spoiled of [randomBytes(size), bytes.subarray(0, size - 1)]) {
        await client.send(
          new PutObjectCommand({
            Bucket: config.bucket,
            Key: keyOf(ref.sha256),
            Body: spoiled,
            ChecksumSHA256: createHash('sha256').update(spoiled).digest('base64'),
          }),
        );
        await expect(store.getBlob(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
        await store.putBlob(bytes, 'image/webp');
        expect((await store.getBlob(ref)).equals(bytes)).toBe(true);
      }
    }
    await store.close();
  });

  it('sends large files in parts, once, and leaves no half upload behind', async () => {
    const store = await open({ partBytes: 5 * 1024 ** 2 });
    const bytes = randomBytes(12 * 1024 ** 2 + 7);
    const file = path.join(os.tmpdir(), `cinedex-s3-${process.pid}`);
    writeFileSync(file, bytes);
    try {
      const refs = await Promise.all([
        store.putFile(file, 'video/mp4'),
        store.putFile(file, 'video/mp4'),
        store.putBlob(bytes, 'video/mp4'),
      ]);
      expect(new Set(refs.map(({ sha256 }) => sha256)).size).toBe(1);
      const at = { Bucket: config.bucket, Key: keyOf(refs[0].sha256) };
      const facts = await client.send(new HeadObjectCommand(at));
      expect(facts).toMatchObject({ ContentLength: bytes.length, ContentType: 'video/mp4' });
      expect(facts.ETag).toMatch(/-3"$/);
      expect((await store.getBlob(refs[0])).equals(bytes)).toBe(true);
      const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: config.bucket }));
      expect(uploads.Uploads?.filter(({ Key }) => Key === at.Key) ?? []).toEqual([]);
    } finally {
      rmSync(file);
      await store.close();
    }
  });

  it('keeps outside names out, and everything below its prefix', async () => {
    const store = await open();
    await expect(store.getManifest('../../x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(store.getBlob({ sha256: '../x', bytes: 1, mediaType: '' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await store.putManifest('abc123', { fine: true });
    const { Contents } = await client.send(
      new ListObjectsV2Command({ Bucket: config.bucket, Prefix: `${prefix}/manifests/ab/abc123` }),
    );
    expect(Contents?.map(({ Key }) => Key)).toEqual([`${prefix}/manifests/ab/abc123.json`]);
    await client.send(
      new PutObjectCommand({ Bucket: config.bucket, Key: Contents?.[0]?.Key, Body: '{"fine":' }),
    );
    await expect(store.getManifest('abc123')).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await store.close();
  });

  it('says at the start what is wrong', async () => {
    await expect(open({ bucket: 'never-made', createBucket: false })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('CINEDEX_S3_CREATE_BUCKET'),
    });
    await expect(open({ secretAccessKey: 'wrong' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('CINEDEX_S3_SECRET_ACCESS_KEY'),
    });
    await expect(open({ endpoint: 'http://127.0.0.1:9', attempts: 2 })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('tried 2 times'),
    });
  });

  it('makes the bucket where that is allowed, also when two do at once', async () => {
    const bucket = `made-${randomBytes(6).toString('hex')}`;
    const stores = await Promise.all([open({ bucket }), open({ bucket })]);
    const ref = await stores[0].putBlob(Buffer.from('here'), 'text/plain');
    expect(String(await stores[1].getBlob(ref))).toBe('here');
    await Promise.all(stores.map((store) => store.close()));
  });
});
