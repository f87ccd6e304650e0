import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryIndex } from '../../test/fixtures/memory-index.ts';
import type { Ledger, StepState, VideoRecord } from '../ports/ledger.ts';
import type { CollectionName, Point } from '../ports/video-index.ts';
import { type ActivationFacts, considerActivation, decideActivation } from './activation.ts';
import { collectionSchemas, type IndexModels, pointId } from './schema.ts';

const whole: ActivationFacts = {
  expected: 100,
  missing: [],
  counts: [
    { collection: 'videos', before: 100, after: 100 },
    { collection: 'moments', before: 1_000, after: 950 },
  ],
  probe: { asked: 20, lost: [] },
};

describe('decideActivation', () => {
  it('switches to a generation that is whole', () => {
    expect(decideActivation(whole)).toEqual({ activate: true, reasons: [] });
    expect(
      decideActivation({ ...whole, expected: 0, counts: [], probe: { asked: 0, lost: [] } }).activate,
    ).toBe(true);
  });

  it.each<[string, Partial<ActivationFacts>, string]>([
    ['a video is missing', { missing: ['default/v7'] }, 'default/v7'],
    ['it holds fewer videos', { counts: [{ collection: 'videos', before: 100, after: 99 }] }, 'videos: 99'],
    [
      'nobody has counted yet and it is far behind',
      { expected: null, counts: [{ collection: 'videos', before: 100, after: 50 }] },
      'videos: 50',
    ],
    [
      'it holds many fewer moments',
      { counts: [{ collection: 'moments', before: 1_000, after: 800 }] },
      'moments: 800',
    ],
    ['the probe loses videos', { probe: { asked: 20, lost: ['default/a', 'default/b'] } }, 'default/a'],
  ])('waits when %s', (_, change, reason) => {
    const { activate, reasons } = decideActivation({ ...whole, ...change });
    expect(activate).toBe(false);
    expect(reasons.join()).toContain(reason);
  });

  it('does not count what was deleted meanwhile, nor one title lost among twenty', () => {
    const counts = [{ collection: 'videos' as const, before: 100, after: 90 }];
    expect(decideActivation({ ...whole, expected: 90, counts }).activate).toBe(true);
    expect(decideActivation({ ...whole, probe: { asked: 20, lost: ['default/a'] } }).activate).toBe(true);
  });
});

const size = { dimensions: 4 };
const models = (version: number): IndexModels => ({
  text: { id: `t@${version}`, ...size },
  multimodal: { id: 'm@1', ...size },
  face: { id: 'f@1', ...size },
  audio: { id: 'a@1', ...size },
});
const step = (status: StepState['status']): StepState => ({
  status,
  key: 'k',
  epoch: 1,
  attempts: 1,
  since: 0,
});
const video = (videoId: string, status: StepState['status'] = 'done', deleted = false) =>
  ({ tenant: 'default', videoId, deleted, steps: { document: step(status) } }) as unknown as VideoRecord;
const ledgerOf = (records: VideoRecord[]): Pick<Ledger, 'list'> => ({
  list: async ({ cursor, limit = 100 } = {}) => {
    const from = Number(cursor ?? 0);
    const page = records.slice(from, from + limit);
    return { records: page, cursor: page.length < limit ? null : String(from + limit) };
  },
});
const pointOf = (videoId: string, change: Partial<Point> = {}): Point => ({
  id: pointId({ tenant: 'default', videoId }, 'videos'),
  vectors: { title: [1, Number(videoId.slice(1)) / 100, 0, 0] },
  lexical: { title: ['title', videoId] },
  payload: { tenant: 'default', video: videoId, title: `Title ${videoId}` },
  ...change,
});

describe('considerActivation', () => {
  let index: MemoryIndex;
  const ids = Array.from({ length: 450 }, (_, i) => `v${i}`);

  beforeEach(async () => {
    index = new MemoryIndex();
    for (const generation of ['old', 'new'])
      await index.ensureGeneration(generation, collectionSchemas(models(generation === 'old' ? 1 : 2)));
    await index.activate('old');
    await index.upsert(
      'old',
      'videos',
      ids.map((id) => pointOf(id)),
    );
  });
  const consider = (records: VideoRecord[]) =>
    considerActivation({ index, ledger: ledgerOf(records) as Ledger }, 'new');
  const known = () => ids.map((id) => video(id));

  it('keeps the old generation until the last video is in the new one, then switches', async () => {
    await index.upsert(
      'new',
      'videos',
      ids.slice(0, -1).map((id) => pointOf(id)),
    );
    expect(await consider(known())).toMatchObject({ activate: false });
    expect(await index.active()).toBe('old');
    await index.upsert('new', 'videos', [pointOf('v449')]);
    expect(await consider(known())).toEqual({ activate: true, reasons: [] });
    expect(await index.active()).toBe('new');
  });

  it('waits for a video whose document runs again just now, not for one that was never found', async () => {
    await index.upsert(
      'new',
      'videos',
      ids.slice(0, -1).map((id) => pointOf(id)),
    );
    const records = [...known().slice(0, -1), video('v449', 'running')];
    expect((await consider(records)).reasons.join()).toContain('default/v449');
    await index.upsert('new', 'videos', [pointOf('v449')]);
    expect((await consider([...records, video('w1', 'queued'), video('w2', 'failed')])).activate).toBe(true);
  });

  it('does not wait for what is deleted, or is not indexed any more', async () => {
    await index.upsert(
      'new',
      'videos',
      ids.slice(0, -2).map((id) => pointOf(id)),
    );
    const records = [...known().slice(0, -2), video('v448', 'done', true), video('v449', 'skipped')];
    expect((await consider(records)).activate).toBe(true);
  });

  it('does not switch to a generation that does not find its videos', async () => {
    const lost: CollectionName = 'videos';
    await index.upsert(
      'new',
      lost,
      ids.map((id) => pointOf(id)),
    );
    index.query = async (_, __, queries) => queries.map(() => []);
    expect((await consider(known())).reasons.join()).toContain('the probe does not find');
    expect(await index.active()).toBe('old');
  });

  it('says so when there is no such generation, and agrees with one that is seen already', async () => {
    const ledger = ledgerOf([]) as Ledger;
    expect(await considerActivation({ index, ledger }, 'other')).toMatchObject({ activate: false });
    expect(await considerActivation({ index, ledger }, 'old')).toEqual({ activate: true, reasons: [] });
  });
});
