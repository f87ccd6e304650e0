/**
 * How well texts find pictures, and Chinese finds English, with the bundled encoders: against simpler uses of the same
 * models and against chance, in one run.
 * Usage: node bench/embedding.ts   (wants the labelled media, see test/fixtures/shared-data.ts)
 *
 * The photographs are from COCO, on whose training pictures the detector was trained: for pictures of other things expect
 * less, as the drawings of the bilingual set show.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BundledMultimodalEncoder } from '../shared/models/bundled-multimodal.ts';
import { BundledTextEncoder } from '../shared/models/bundled-text.ts';
import { ModelStore } from '../shared/models/store.ts';
import { UseLite } from '../shared/models/text/use-lite.ts';
import type { EmbeddedPicture } from '../shared/ports/encoders.ts';
import { sharedData } from '../test/fixtures/shared-data.ts';

interface LabelledPicture {
  file: string;
  captions_en?: string[];
  caption_en?: string;
  caption_zh?: string;
}

interface Question {
  vector: Float32Array;
  /** Row of the only right answer. */
  answer: number;
}

const data = sharedData();
if (!data) process.exit(0);
const models = new ModelStore('');
const text = new BundledTextEncoder(models);
const multimodal = new BundledMultimodalEncoder(models, text);
await multimodal.warmUp();
const { files } = JSON.parse(readFileSync(path.join(data, 'manifest.json'), 'utf8')) as {
  files: LabelledPicture[];
};

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let axis = 0; axis < a.length; axis++) sum += a[axis]! * b[axis]!;
  return sum;
}

/** Equal scores count against the question: a constant encoder must not look good. */
function measure(questions: Question[], answers: Float32Array[]) {
  const ranks = questions
    .map(({ vector, answer }) => {
      const own = dot(vector, answers[answer]!);
      return 1 + answers.filter((other, row) => row !== answer && dot(vector, other) >= own).length;
    })
    .sort((a, b) => a - b);
  return summary(ranks);
}

function summary(ranks: number[]) {
  const within = (k: number) => round(ranks.filter((rank) => rank <= k).length / ranks.length);
  return { r1: within(1), r5: within(5), r10: within(10), medianRank: ranks[Math.floor(ranks.length / 2)]! };
}

/** What drawing lots would give. */
function chance(answers: number) {
  const share = (k: number) => round(Math.min(1, k / answers));
  return { r1: share(1), r5: share(5), r10: share(10), medianRank: Math.ceil(answers / 2) };
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function questions(vectors: Float32Array[], answers: number[]): Question[] {
  return vectors.map((vector, index) => ({ vector, answer: answers[index]! }));
}

/** CPU milliseconds of this process, threads included, for each of `count` things. */
async function costed<T>(count: number, work: () => Promise<T>): Promise<[T, number]> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return [result, round((user + system) / 1_000 / count)];
}

/** Baselines from the same labels: their names as one sentence, and the bare mix of their vectors (ConSE). */
async function baselines(pictures: EmbeddedPicture[]) {
  const names = pictures.map(({ labels }) => [...new Set(labels.map(({ label }) => label))]);
  const sentences = await text.encode(names.map((list) => list.join(', ') || 'something'));
  const known = [...new Set(names.flat())];
  const vectors = await text.encode(known);
  const mixes = pictures.map(({ labels }) => {
    const sum = new Float32Array(text.dimensions);
    for (const { label, score } of labels) {
      const vector = vectors[known.indexOf(label)]!;
      for (let axis = 0; axis < sum.length; axis++) sum[axis]! += score * vector[axis]!;
    }
    return sum.map((value) => value / (Math.sqrt(dot(sum, sum)) || 1));
  });
  return { sentences, mixes };
}

async function pictureBench(pictures: LabelledPicture[], captionsOf: (picture: LabelledPicture) => string[]) {
  const images = pictures.map(({ file }) => readFileSync(path.join(data!, file)));
  const [embedded, cpuMsAPicture] = await costed(images.length, () => multimodal.encodePictures(images));
  const captions = pictures.flatMap((picture, row) =>
    captionsOf(picture).map((caption) => ({ caption, row })),
  );
  const rows = captions.map(({ row }) => row);
  const texts = captions.map(({ caption }) => caption);
  const { sentences, mixes } = await baselines(embedded);
  const plain = questions(await text.encode(texts), rows);
  return {
    pictures: pictures.length,
    captions: captions.length,
    cpuMsAPicture,
    encoder: measure(
      questions(await multimodal.encodeTexts(texts), rows),
      embedded.map(({ vector }) => vector),
    ),
    tagSentence: measure(plain, sentences),
    labelMix: measure(plain, mixes),
    chance: chance(pictures.length),
  };
}

async function unglossed(): Promise<UseLite> {
  const read = (name: string) => readFileSync(models.file('text-use-lite', name));
  const shards = models.manifest('text-use-lite').files.filter(({ name }) => name.startsWith('group1-'));
  return UseLite.load({
    model: read('model.json').toString(),
    weights: Buffer.concat(shards.map(({ name }) => read(name))),
    vocabulary: read('vocab.json').toString(),
  });
}

/** A person's Chinese description of a picture finds another person's English one of the same picture. */
async function chineseBench() {
  const rows = readFileSync(path.join(data!, 'text/flickr8kcn_val.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { en: string[]; zh_human: string[] })
    .slice(0, 500);
  const chinese = rows.map(({ zh_human }) => zh_human[0]!);
  // The dictionary is read at the first Chinese text; that is not what a text costs.
  await text.encode(['你好']);
  const [english, cpuMsAnEnglishText] = await costed(rows.length, () =>
    text.encode(rows.map(({ en }) => en[0]!)),
  );
  const [glossed, cpuMsAChineseText] = await costed(rows.length, () => text.encode(chinese));
  const order = rows.map((_, row) => row);
  return {
    texts: rows.length,
    cpuMsAnEnglishText,
    cpuMsAChineseText,
    encoder: measure(questions(glossed, order), english),
    withoutGloss: measure(questions(await (await unglossed()).encode(chinese), order), english),
    otherEnglishCaption: measure(questions(await text.encode(rows.map(({ en }) => en[1]!)), order), english),
    chance: chance(rows.length),
  };
}

const photographs = files.filter(({ file }) => file.startsWith('images_coco/'));
const drawings = files.filter(({ file }) => file.startsWith('images_bilingual/'));
const result = {
  command: 'node bench/embedding.ts',
  encoder: multimodal.space,
  caveat: multimodal.caveat,
  photographsEnglish: await pictureBench(photographs, ({ captions_en }) => captions_en ?? []),
  drawingsEnglish: await pictureBench(drawings, ({ caption_en }) => (caption_en ? [caption_en] : [])),
  drawingsChinese: await pictureBench(drawings, ({ caption_zh }) => (caption_zh ? [caption_zh] : [])),
  chineseToEnglish: await chineseBench(),
};
await Promise.all([multimodal.close(), text.close()]);
const ratios = {
  photographsR10OverChance: round(
    result.photographsEnglish.encoder.r10 / result.photographsEnglish.chance.r10,
  ),
  photographsR10OverTagSentence: round(
    result.photographsEnglish.encoder.r10 / result.photographsEnglish.tagSentence.r10,
  ),
  chineseR10OverEnglishR10: round(
    result.chineseToEnglish.encoder.r10 / result.chineseToEnglish.otherEnglishCaption.r10,
  ),
};
const json = `${JSON.stringify({ ...result, ratios }, null, 2)}\n`;
writeFileSync(new URL('./results/embedding.json', import.meta.url), json);
console.log(json);
