import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entityKey } from '../../intent/entities.ts';
import { linkAll } from '../linking.ts';
import { readCaptions } from './captions.ts';
import { readEntities } from './entities.ts';
import { readTitles } from './titles.ts';
import { readVideoLabels } from './videos.ts';

let folder: string;
const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n');

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sets-'));
  await mkdir(path.join(folder, 'text/zh_pairs'), { recursive: true });
  const files = [
    {
      ...{
        file: 'videos/dog.mp4',
        labels: ['dog', '(none)'],
        queries_en: ['a dog runs'],
        queries_zh: ['奔跑的狗'],
      },
      ...{ ocr_text: ['MISFITS', 'timecode running'], speech: [{ start: 1, end: 3, text: 'Fetch!' }] },
    },
    { file: 'videos/cat.mp4', labels: ['dog'], speech_file: 'cat.srt' },
    { file: 'images_coco/1.jpg', sha256: 'a', captions_en: ['A bear on grass.', 'A big bear.'] },
    {
      file: 'images_bilingual/2.png',
      sha256: 'b',
      caption_en: 'A frog.',
      caption_zh: '青蛙。',
      zh_audit: 'ok',
    },
    {
      file: 'images_bilingual/3.png',
      sha256: 'c',
      caption_en: 'A frog.',
      caption_zh: '犀鸟。',
      zh_audit: 'wrong',
    },
    { file: 'audio/x.wav' },
  ];
  await writeFile(path.join(folder, 'manifest.json'), JSON.stringify({ files }));
  await writeFile(
    path.join(folder, 'cat.srt'),
    '1\n00:00:01,000 --> 00:00:02,500\nOne.\n\n2\n00:00:02,500 --> 00:01:04,000\nTwo.\n',
  );
  await writeFile(
    path.join(folder, 'text/tmdb_title_judgments.jsonl'),
    lines([
      { query: 'matrix', tmdb_id: 1, title: 'Matrix, The', genres: 'Action|Drama', grade: 4 },
      { query: 'matrix', tmdb_id: 2, title: 'Emma', genres: '', grade: 0 },
      { query: 'nothing', tmdb_id: 2, title: 'Emma', genres: '', grade: 0 },
    ]),
  );
  await writeFile(
    path.join(folder, 'text/chorus_ecom_ratings.jsonl'),
    lines([{ query: 'tv', docid: '7', name: 'A TV', description: null, final_rating: '3' }]),
  );
  await writeFile(
    path.join(folder, 'text/qbqtc_dev.jsonl'),
    lines([
      { query: '国产手机', title: '国产手机排行榜', label: '2' },
      { query: '国产手机', title: '别的', label: '0' },
      { query: '只有一个', title: '只有一个标题', label: '1' },
    ]),
  );
  await writeFile(
    path.join(folder, 'text/kg_douban_movies.jsonl'),
    lines([
      { title: '模仿游戏', aliases: ['解码游戏(台)'], actors: ['凯拉·奈特莉', 'Keira Knightley'] },
      { title: '鬼使神差', aliases: [], actors: ['贵州人'] },
    ]),
  );
  await writeFile(
    path.join(folder, 'text/zh_pairs/AFQMC.txt'),
    '花呗怎么还款\t还款花呗\t1\n花呗怎么还款\tx\t0\n',
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe('labels of videos', () => {
  it('become questions, one for each wording and kind', async () => {
    const { queries, names } = await readVideoLabels(folder);
    expect(names).toBe('file');
    expect(queries.map(({ kind, text, language }) => [kind, text, language])).toEqual([
      ['seen', 'a dog runs', 'en'],
      ['seen', '奔跑的狗', 'zh'],
      ['shown', 'MISFITS', 'en'],
      ['label', 'dog', 'en'],
      ['said', 'Fetch!', 'en'],
      ['said', 'One. Two.', 'en'],
    ]);
    expect(queries[3]!.relevant).toEqual({ 'dog.mp4': 1, 'cat.mp4': 1 });
    expect(queries[5]!.moments).toEqual([{ video: 'cat.mp4', startSec: 1, endSec: 64 }]);
  });

  it('are missed where there are none', async () => {
    await expect(readVideoLabels('/nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(readCaptions('/nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(readTitles('/nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(readEntities('/nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

it('captions ask for pictures, Chinese ones only where they are right', async () => {
  const { queries, documents } = await readCaptions(folder);
  expect(documents.map(({ id }) => id)).toHaveLength(3);
  expect(queries.map(({ kind, text, relevant }) => [kind, text, Object.keys(relevant).length])).toEqual([
    ['photograph', 'A bear on grass.', 1],
    ['drawing', 'A frog.', 2],
    ['drawing', '青蛙。', 1],
  ]);
});

it('judged titles keep their grades, and questions that nothing answers are left out', async () => {
  const { queries, documents } = await readTitles(folder);
  expect(queries.map(({ kind, text, relevant }) => [kind, text, relevant])).toEqual([
    ['film', 'matrix', { 'film 1': 4, 'film 2': 0 }],
    ['product', 'tv', { 'product 7': 3 }],
    ['page', '国产手机', { 'page 国产手机排行榜': 2, 'page 别的': 0 }],
  ]);
  expect(documents.find(({ id }) => id === 'film 1')).toMatchObject({
    title: 'Matrix, The',
    about: 'Action, Drama',
  });
});

describe('entities', () => {
  it('are asked for by their names and by slips, which are names of nobody', async () => {
    const set = await readEntities(folder);
    const known = new Set(set.entities.flatMap(({ name, aliases }) => [name, ...aliases]).map(entityKey));
    const of = (variant: string) => set.questions.filter((each) => each.variant === variant);
    expect(of('alias').map(({ name }) => name)).toEqual(['模仿游戏']);
    expect(of('alias')[0]!.text).toContain('解码游戏');
    expect(of('keystroke')).toHaveLength(1);
    expect(of('keystroke')[0]!.text).not.toContain('Keira Knightley');
    expect(of('wrong character').length).toBeGreaterThan(0);
    for (const { text } of of('wrong character')) expect(known.has(entityKey(text)), text).toBe(false);
    expect(set.strangers).toEqual(['花呗怎么还款']);
  });

  it('are linked, and strangers are not', async () => {
    const { variants, strangers, all } = linkAll(await readEntities(folder));
    for (const variant of ['name', 'alias', 'pinyin', 'keystroke'])
      expect(variants[variant]!.linked, variant).toBe(1);
    expect(all.precision).toBeGreaterThan(0.9);
    expect(strangers).toEqual({ questions: 1, linkedByName: 0, linkedByGuess: 0 });
  });
});
