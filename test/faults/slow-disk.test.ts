/** The disk of the artifacts is slow: each write takes longer than a lease, some longer than the step may take. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import { pipelineStages, temporaryFolder, upload } from '../fixtures/pipeline.ts';
import { PLACES, type ServerPipeline } from './server-pipeline.ts';
import { takeStock } from './tally.fixture.ts';

const VIDEOS = Array.from({ length: 6 }, (_, i) => `v${i}`);
const STEPS = VIDEOS.length * 4;
const LEASE_MS = 2_000;

describe.each(PLACES)('on $place, a disk of artifacts', { timeout: 150_000 }, ({ place, open }) => {
  let folder: string;
  let remove: () => void;
  let app: ServerPipeline | undefined;
  beforeEach(() => {
    ({ folder, remove } = temporaryFolder());
  });
  afterEach(async () => {
    await app?.close();
    remove();
  });

  /** Before each write of a manifest, `trouble` is waited for; it is told which write of that key this is, from 1. */
  function disk(trouble: (nth: number, key: string) => Promise<void>) {
    const writes = new Map<string, number>();
    return {
      writes,
      over: (store: ArtifactStore): ArtifactStore => ({
        putBlob: (bytes, mediaType) => store.putBlob(bytes, mediaType),
        putFile: (file, mediaType) => store.putFile(file, mediaType),
        getBlob: (ref) => store.getBlob(ref),
        getRange: (ref, offset, length) => store.getRange(ref, offset, length),
        openBlob: (ref) => store.openBlob(ref),
        getManifest: (key) => store.getManifest(key),
        deleteManifest: (key) => store.deleteManifest(key),
        deleteBlob: (sha256, putBefore) => store.deleteBlob(sha256, putBefore),
        list: (what) => store.list(what),
        close: () => store.close(),
        async putManifest(key, manifest) {
          const nth = (writes.get(key) ?? 0) + 1;
          writes.set(key, nth);
          await trouble(nth, key);
          await store.putManifest(key, manifest);
        },
      }),
    };
  }

  it.skipIf(!open)(
    'that takes longer than a lease for each: no step is taken away, none runs twice',
    async () => {
      const ran: string[] = [];
      const lost: string[] = [];
      const { over } = disk(() => sleep(1.5 * LEASE_MS));
      app = await open!(folder, pipelineStages({ ran, timeoutMs: 20_000 }), {
        artifacts: over,
        leaseMs: LEASE_MS,
        onJob: ({ stage, videoId, outcome }) => {
          if (outcome === 'lost') lost.push(`${stage} ${videoId}`);
        },
      });
      await app.publish(VIDEOS.map((id) => upload(id)));
      await app.start();
      await app.settled();
      const tally = await takeStock(app, `a disk slower than a lease, on ${place}`, VIDEOS);
      expect(tally).toEqual({ in: 6, settled: 6, lost: 0, doubled: 0, deadLetters: {} });
      expect(lost).toEqual([]);
      expect(ran).toHaveLength(STEPS);
    },
  );

  it.skipIf(!open)(
    'that hangs for longer than a step may take: it is tried again, within bounds',
    async () => {
      const ran: string[] = [];
      const hanging = new AbortController();
      const hang = () => sleep(600_000, undefined, { signal: hanging.signal }).catch(() => undefined);
      // The first write of every artifact hangs; of one video's speech, every write.
      let audioOfV0 = '';
      const { over } = disk(async (nth, key) => {
        if (nth === 1 || key === audioOfV0) await hang();
      });
      app = await open!(
        folder,
        pipelineStages({
          ...{ ran, timeoutMs: 3_000, concurrency: 6 },
          behaviour: {
            audio: ({ key, video }) => {
              if (video.videoId === 'v0') audioOfV0 = key;
              return undefined;
            },
          },
        }),
        { artifacts: over, leaseMs: LEASE_MS },
      );
      await app.publish(VIDEOS.map((id) => upload(id)));
      await app.start();
      await app.settled();
      const tally = await takeStock(app, `a disk that hangs, on ${place}`, VIDEOS);
      expect(tally).toEqual({
        ...{ in: 6, settled: 6, lost: 0, doubled: 0 },
        deadLetters: { 'audio STAGE_TIMEOUT': 1 },
      });
      hanging.abort();
    },
  );

  it.skipIf(!open)('that is full for a while: it is waited for, and no attempt is counted', async () => {
    let full = true;
    let refused = 0;
    const { over } = disk(async () => {
      if (!full) return;
      refused += 1;
      // As the store tells of ENOSPC.
      throw new CinedexError('STORE_UNAVAILABLE', 'The disk does not take it: no space left on device');
    });
    app = await open!(folder, pipelineStages({ timeoutMs: 20_000 }), { artifacts: over });
    await app.publish(VIDEOS.map((id) => upload(id)));
    await app.start();
    // More than all attempts of the first steps together.
    await expect.poll(() => refused, { timeout: 30_000 }).toBeGreaterThan(2 * VIDEOS.length * 3);
    full = false;
    const records = await app.settled();
    const tally = await takeStock(app, `a full disk, on ${place}`, VIDEOS);
    expect(tally).toEqual({ in: 6, settled: 6, lost: 0, doubled: 0, deadLetters: {} });
    for (const { steps } of records) {
      expect(Object.values(steps).map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
    }
  });
});
