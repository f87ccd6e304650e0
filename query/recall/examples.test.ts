import sharp from 'sharp';
import { beforeAll, expect, it } from 'vitest';
import type { Payload } from '../../shared/ports/video-index.ts';
import { blobRef, type DescribedVideo, faceDescriptor } from '../../test/fixtures/described-video.ts';
import { type DocumentBench, documentBench } from '../../test/fixtures/document-services.ts';
import { describeIndexed } from '../../test/fixtures/stages.ts';
import type { ExampleTools } from '../examples/tools.ts';
import { createSearch, type SearchAnswer, type SearchRequest } from '../search.ts';

const TENANT = 'default';
const library: DescribedVideo[] = [
  {
    videoId: 'dinner',
    shots: [
      { seen: 'table' },
      { seen: 'lamp', faces: [3], seconds: 6 },
      { seen: 'door', faces: [5], seconds: 6 },
    ],
  },
  { videoId: 'office', shots: [{ seen: 'desk', faces: [5], seconds: 4 }] },
  { videoId: 'park', shots: [{ seen: 'grass tree' }, { seen: 'grass dog' }] },
  { videoId: 'elsewhere', tenant: 'other', shots: [{ seen: 'grass dog', faces: [3] }] },
];

/** What the sound of the described videos is, by shot. */
const sound = (shot: number) => Float32Array.from({ length: 104 }, (_, j) => Math.sin(shot + j));

let bench: DocumentBench;
let said: Partial<Record<'faces' | 'sound' | 'pieces', unknown>>;
const tools: ExampleTools = {
  describeFaces: async () => said.faces as Float32Array[],
  describeSound: async () => said.sound as Awaited<ReturnType<ExampleTools['describeSound']>>,
  findPieces: async (_, recordings) =>
    recordings.map(() => said.pieces as { offsetSec: number; bitErrorRate: number }),
  close: async () => undefined,
};
let ask: (request: Partial<SearchRequest>) => Promise<SearchAnswer>;
const bytes = new Uint8Array([1]);

beforeAll(async () => {
  bench = await documentBench();
  for (const video of library) await bench.indexVideo(video);
  const search = createSearch({ ...bench.services, examples: tools });
  ask = (request) => search({ tenant: TENANT, ...request });
});

/** Of each video the first moment: where it is played, and where its shot begins. */
const places = ({ results }: SearchAnswer) =>
  results.map(({ video, moments: [first] }) => [video, [first?.atSec, first?.startSec]]);

async function setPayload(video: string, change: Payload): Promise<void> {
  const generation = (await bench.index.active())!;
  const point = bench.index.dump(generation, 'videos').find(({ payload }) => payload.video === video)!;
  await bench.index.upsert(generation, 'videos', [{ ...point, payload: { ...point.payload, ...change } }]);
}

describeIndexed('a face', () => {
  it('is found where it is on the screen, in this tenant only', async () => {
    said = { faces: [faceDescriptor(5)] };
    const answer = await ask({ face: bytes });
    expect(Object.fromEntries(places(answer))).toEqual({ dinner: [11, 11], office: [0, 0] });
    expect(answer.results.every(({ matched }) => matched.includes('who'))).toBe(true);
  });

  it('of a stranger finds nobody; none in the picture is told', async () => {
    said = { faces: [faceDescriptor(9)] };
    expect((await ask({ face: bytes })).results).toEqual([]);
    said = { faces: [] };
    await expect(ask({ face: bytes })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describeIndexed('a sound', () => {
  const clip = { durationSec: 3, spans: [sound(1)], fingerprint: new Uint32Array(100).fill(7) };

  it('is found where it sounds alike', async () => {
    said = { sound: clip };
    const { results } = await ask({ sound: bytes });
    expect(results.map(({ video }) => video).sort()).toEqual(['dinner', 'park']);
    for (const { moments } of results) expect(moments[0]!.matched).toEqual(['heard']);
  });

  it('that is a piece of a recording is found there first, at its second', async () => {
    await setPayload('park', { fingerprint: { ...blobRef('fingerprint') } });
    said = { sound: clip, pieces: { offsetSec: 1.25, bitErrorRate: 0.1 } };
    const { results } = await ask({ sound: bytes });
    expect(results[0]!.video).toBe('park');
    expect(results[0]!.moments[0]).toMatchObject({ startSec: 0, atSec: 1.25 });
    expect(results[0]!.moments[0]!.why[0]).toMatchObject({ channel: 'moments.recording', score: 0.9 });
  });

  it('of silence is told', async () => {
    said = { sound: { ...clip, spans: [] } };
    await expect(ask({ sound: bytes })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describeIndexed('a video or a moment that others should be like', () => {
  it('is not among the answers, and has to be there', async () => {
    const { results } = await ask({ like: { video: 'park' } });
    expect(results.map(({ video }) => video)).not.toContain('park');
    await expect(ask({ like: { video: 'elsewhere' } })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(ask({ like: { video: 'park', moment: 'none' } })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describeIndexed('without what it takes', () => {
  it('an example is refused with what is wrong', async () => {
    const search = createSearch(bench.services);
    await expect(search({ tenant: TENANT, face: bytes })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(search({ tenant: TENANT, sound: bytes })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(ask({ picture: Buffer.from('text') })).rejects.toMatchObject({ code: 'MEDIA_UNSUPPORTED' });
    const plain = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    await expect(ask({ picture: plain.subarray(0, 40) })).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' });
  });
});
