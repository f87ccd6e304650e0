import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeIndexed } from '../../../test/fixtures/stages.ts';
import { type TestApi, testApi } from '../testing.ts';

let admin: string;
let api: TestApi;
beforeAll(async () => {
  api = await testApi();
  await mkdir(api.root, { recursive: true });
  const bytes = Buffer.concat([Buffer.from('\0\0\0\x18ftypmp42'), Buffer.alloc(988, 7)]);
  await writeFile(path.join(api.root, 'dogs.mp4'), bytes);
  admin = await api.key(['admin']);
});
afterAll(() => api.dispose());

describeIndexed('POST /v1/videos', () => {
  const upload = (videoId: string, uri = 'https://93.184.216.34/a.mp4') => ({
    ...{ videoId, source: 'ogc', media: { uri }, metadata: { title: 'A film' } },
  });
  const post = async (key: string, payload: object, idempotency: string | null) =>
    api.ask('/v1/videos', {
      ...{ method: 'POST', key, payload },
      ...(idempotency !== null && { headers: { 'idempotency-key': idempotency } }),
    });

  it('announces a video once for a key, however often and from however many it is sent', async () => {
    const ingest = await api.key(['ingest']);
    const sent = await Promise.all([1, 2, 3].map(() => post(ingest, upload('film-1'), 'a')));
    expect(sent.map(({ statusCode }) => statusCode)).toEqual([202, 202, 202]);
    expect(sent.map((each) => each.json().status).sort()).toEqual(['accepted', 'repeated', 'repeated']);
    const [event, ...more] = (await api.published('videos.ogc')).filter(
      ({ data }) => (data as { videoId: string }).videoId === 'film-1',
    );
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      id: sent[0]!.json().eventId,
      type: 'video.uploaded.v1',
      data: { tenant: 'default' },
    });
  });

  it('refuses the key for another body, and takes it from another tenant', async () => {
    const ingest = await api.key(['ingest']);
    await post(ingest, upload('film-2'), 'b');
    expect((await post(ingest, upload('film-3'), 'b')).json()).toMatchObject({
      status: 409,
      code: 'CONFLICT',
    });
    const rival = await api.key(['ingest'], 'rival');
    expect((await post(rival, upload('film-3'), 'b')).json()).toMatchObject({ status: 'accepted' });
    expect((await post(ingest, upload('film-4'), null)).statusCode).toBe(400);
  });

  it('lets only the operator name files, and only those that may be read', async () => {
    const ingest = await api.key(['ingest']);
    const file = path.join(api.root, 'dogs.mp4');
    for (const uri of [file, `file://${file}`, 's3://bucket/key']) {
      expect((await post(ingest, upload('film-5', uri), 'c')).json(), uri).toMatchObject({ status: 403 });
    }
    expect((await post(ingest, upload('film-5', 'https://10.0.0.1/a'), 'c')).json()).toMatchObject({
      code: 'URI_NOT_ALLOWED',
    });
    expect((await post(admin, upload('film-5', '/etc/passwd'), 'c')).json()).toMatchObject({
      code: 'URI_NOT_ALLOWED',
    });
    expect((await post(admin, upload('film-5', file), 'c')).statusCode).toBe(202);
  });
});
