import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBaseline, regressions } from './gate.ts';
import { readLabelledFile } from './labelled-set.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'gate-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(content: unknown): Promise<string> {
  const file = path.join(folder, 'file.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

describe('the gate', () => {
  const baseline = { tolerance: 0.02, dataset: 'x', measures: { 'en.ndcg10': 0.5, 'zh.ndcg10': 0.4 } };

  it('lets through what is as good, within the tolerance', () => {
    expect(regressions(baseline, { 'en.ndcg10': 0.49, 'zh.ndcg10': 0.9, 'all.ndcg10': 0 })).toEqual([]);
  });

  it('names what is worse, and what is not measured any more', () => {
    expect(regressions(baseline, { 'en.ndcg10': 0.47 })).toEqual([
      { measure: 'en.ndcg10', baseline: 0.5, now: 0.47 },
      { measure: 'zh.ndcg10', baseline: 0.4, now: null },
    ]);
  });

  it('reads its baseline, and says what is wrong with one', async () => {
    expect(await readBaseline(await fileOf(baseline))).toEqual(baseline);
    await expect(readBaseline(await fileOf({ ...baseline, tolerance: 2 }))).rejects.toMatchObject({
      code: 'USAGE',
    });
    await expect(readBaseline(await fileOf('nonsense'))).rejects.toMatchObject({ code: 'USAGE' });
    await expect(readBaseline(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a file of labelled questions', () => {
  const query = { text: 'a', kind: 'seen', language: 'en', relevant: { v1: 1, v2: 0 } };

  it('is read with a checksum that changes with it', async () => {
    const set = await readLabelledFile(await fileOf({ name: 'mine', queries: [query] }));
    expect(set).toMatchObject({ name: 'mine', names: 'id', queries: [{ ...query, moments: [] }] });
    const other = await readLabelledFile(await fileOf({ name: 'mine', queries: [{ ...query, text: 'b' }] }));
    expect(other.checksum).not.toBe(set.checksum);
  });

  it.each([
    ['no relevant video', { name: 'x', queries: [{ ...query, relevant: { v1: 0 } }] }],
    ['no questions', { name: 'x', queries: [] }],
    ['an unknown key', { name: 'x', queries: [query], more: 1 }],
    ['no JSON', '{'],
  ])('is refused with %s', async (_, content) => {
    await expect(readLabelledFile(await fileOf(content))).rejects.toMatchObject({ code: 'USAGE' });
  });
});
