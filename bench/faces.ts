/**
 * Faces: detection recall by face width in 1280 × 720 pictures, identification at a fixed false-accept rate, and the cost.
 * `node bench/faces.ts` with labelled faces beside the checkout; writes bench/results/faces.json.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp, { type OverlayOptions } from 'sharp';
import { descriptorDistance } from '../shared/faces/descriptor.ts';
import { FaceAnalyser, MAX_SIDE, type PixelBox } from '../shared/faces/engine/analyser.ts';
import { startBackend } from '../shared/faces/engine/backend.ts';
import { cutFace, FaceMesh } from '../shared/faces/engine/landmarks.ts';
import { decodePicture } from '../shared/faces/engine/pixels.ts';
import { ModelStore } from '../shared/models/store.ts';
import { sharedData } from '../test/fixtures/shared-data.ts';

interface Portrait {
  file: string;
  person: string;
  bytes: Buffer;
}

const FRAME = { width: 1280, height: 720 };
const WIDTHS = [24, 32, 40, 48, 64, 96, 160, 240];
/** Stated with the results: the detector's own box is about 1.17 times as wide. */
const WIDTH_DEFINITION =
  'Width of the bounding box of the 468 points of the face mesh, about from ear to ear, in the source picture at its own size, scaled with the picture.';
/** A picture shows a face's surroundings if it is at least this many times as wide as the face's mesh. */
const ROOMY = 1.8;
/** Words of captions that speak of people or of what has a face like theirs. */
const PEOPLE =
  /\b(person|people|m[ae]n|wom[ae]n|boys?|girls?|child|children|kids?|bab(y|ies)|toddler|players?|lady|guy|skiers?|surfers?|riders?|crowd|snowboarder|skateboarder|someone|teddy|bear|doll|statue|pedestrians?|team|catcher|batter|family|couple|hands?|face|driver|audience|males?|females?)\b/i;

/** Deterministic numbers from 0 to 1 (mulberry32), so that two runs place the same faces at the same spots. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function portraits(folder: string): Portrait[] {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as {
    files: { file: string; person?: string }[];
  };
  return manifest.files.flatMap(({ file, person }) =>
    file.startsWith('faces/') && person
      ? [{ file, person, bytes: readFileSync(path.join(folder, file)) }]
      : [],
  );
}

async function toPng(bytes: Buffer): Promise<Buffer> {
  // PGM is not among the formats that sharp reads from memory everywhere.
  if (bytes.subarray(0, 2).toString('latin1') !== 'P5') return bytes;
  const header = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 64).toString('latin1'));
  if (!header) throw new Error('This PGM has a header that is not understood.');
  const raw = { width: Number(header[1]), height: Number(header[2]), channels: 1 as const };
  return sharp(bytes.subarray(header[0].length), { raw }).png().toBuffer();
}

function backgrounds(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as {
    files: { file: string }[];
  };
  return manifest.files
    .filter(({ file }) => file.startsWith('images_coco/') && /\.jpe?g$/.test(file))
    .map(({ file }) => path.join(folder, file));
}

interface Located {
  bytes: Buffer;
  box: PixelBox;
  meshWidth: number;
  width: number;
  height: number;
  roomy: boolean;
}

/** Where the face is in its own picture: found at its own, comfortable size. */
async function locate(analyser: FaceAnalyser, mesh: FaceMesh, faces: Portrait[]): Promise<Located[]> {
  const located: Located[] = [];
  for (const { bytes } of faces) {
    const { faces: found, width, height } = await analyser.detect(bytes, null, 'portrait');
    const [largest] = [...found].sort((a, b) => b.box.width - a.box.width);
    if (!largest) continue;
    const landmarks = await mesh.landmarks(
      await cutFace(await decodePicture(bytes, MAX_SIDE), largest),
      largest,
    );
    if (!landmarks) continue;
    const xs = landmarks.map(({ x }) => x);
    const meshWidth = Math.max(...xs) - Math.min(...xs);
    const upright = await sharp(bytes).rotate().resize(width, height).png().toBuffer();
    const roomy = width >= ROOMY * meshWidth;
    located.push({ bytes: upright, box: largest.box, meshWidth, width, height, roomy });
  }
  return located;
}

interface Placed {
  face: Located;
  box: PixelBox;
  patch: OverlayOptions;
}

async function place(face: Located, widthPx: number, slot: number, cell: number, chance: () => number) {
  const scale = widthPx / face.meshWidth;
  // No more than the cell of the face's surroundings.
  const reach = Math.min(cell / 2, FRAME.height / 2, widthPx * 1.4);
  const centre = {
    x: (face.box.x + face.box.width / 2) * scale,
    y: (face.box.y + face.box.height / 2) * scale,
  };
  const full = { width: Math.round(face.width * scale), height: Math.round(face.height * scale) };
  const left = Math.max(0, Math.round(centre.x - reach));
  const top = Math.max(0, Math.round(centre.y - reach));
  const width = Math.max(1, Math.min(full.width - left, Math.floor(2 * reach)));
  const height = Math.max(1, Math.min(full.height - top, Math.floor(2 * reach)));
  const resized = await sharp(face.bytes).resize(full.width, full.height, { fit: 'fill' }).png().toBuffer();
  const patch = await sharp(resized).extract({ left, top, width, height }).png().toBuffer();
  const x = slot * cell + Math.floor(chance() * Math.max(1, cell - width));
  const y = Math.floor(chance() * Math.max(1, FRAME.height - height));
  const size = { width: face.box.width * scale, height: face.box.height * scale };
  const box = { x: x + centre.x - left - size.width / 2, y: y + centre.y - top - size.height / 2, ...size };
  return { face, patch: { input: patch, left: x, top: y }, box };
}

async function recallByWidth(analyser: FaceAnalyser, mesh: FaceMesh, faces: Portrait[], scenes: string[]) {
  const located = await locate(analyser, mesh, faces);
  const rows = [];
  for (const widthPx of WIDTHS) {
    const chance = random(widthPx);
    const cells = widthPx <= 64 ? 4 : widthPx <= 96 ? 3 : 2;
    const seen: { roomy: boolean; found: boolean }[] = [];
    for (let start = 0; start < located.length; start += cells) {
      const placed: Placed[] = [];
      for (const [slot, face] of located.slice(start, start + cells).entries())
        placed.push(await place(face, widthPx, slot, Math.floor(FRAME.width / cells), chance));
      const scene = scenes[Math.floor(chance() * scenes.length)]!;
      const frame = await sharp(scene)
        .resize(FRAME.width, FRAME.height, { fit: 'cover' })
        .composite(placed.map(({ patch }) => patch))
        .jpeg({ quality: 88 })
        .toBuffer();
      const windows = await analyser.detect(frame, null, 'windows');
      for (const { face, box } of placed)
        seen.push({ roomy: face.roomy, found: windows.faces.some((other) => sameFace(box, other.box)) });
    }
    const recall = (some: typeof seen) => ({
      faces: some.length,
      found: some.filter(({ found }) => found).length,
      recall: some.filter(({ found }) => found).length / some.length,
    });
    rows.push({
      widthPx,
      all: recall(seen),
      withSurroundings: recall(seen.filter(({ roomy }) => roomy)),
      cutAtTheFace: recall(seen.filter(({ roomy }) => !roomy)),
    });
    console.error(JSON.stringify(rows.at(-1)));
  }
  return { definition: WIDTH_DEFINITION, notLocated: faces.length - located.length, rows };
}

/** Faces found in photographs and drawings without people; confirmed is what would become a track. */
async function falseDetections(analyser: FaceAnalyser, folder: string) {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as {
    files: { file: string; objects?: string[]; captions_en?: string[]; category?: string }[];
  };
  const pictures = manifest.files.filter(({ file, objects, captions_en, category }) =>
    file.startsWith('images_coco/')
      ? !objects?.includes('person') && !PEOPLE.test(captions_en?.join(' ') ?? '')
      : file.startsWith('images_bilingual/') && !category?.includes('people'),
  );
  let found = 0;
  let confirmed = 0;
  for (const { file } of pictures) {
    const frame = await sharp(path.join(folder, file))
      .flatten({ background: '#fff' })
      .resize(FRAME.width, FRAME.height, { fit: 'inside' })
      .jpeg()
      .toBuffer();
    const { faces } = await analyser.detect(frame, null, 'windows');
    found += faces.length;
    const described = await analyser.describe(frame, null, faces);
    confirmed += described.filter((face) => face !== null).length;
  }
  return { pictures: pictures.length, found, confirmed };
}

function sameFace(truth: PixelBox, box: PixelBox): boolean {
  const dx = truth.x + truth.width / 2 - (box.x + box.width / 2);
  const dy = truth.y + truth.height / 2 - (box.y + box.height / 2);
  const ratio = box.width / truth.width;
  return Math.hypot(dx, dy) < 0.35 * truth.width && ratio > 0.5 && ratio < 2;
}

interface Described {
  file: string;
  person: string;
  descriptor: Float32Array | null;
  strength: string;
}

async function describeAll(analyser: FaceAnalyser, faces: Portrait[]): Promise<Described[]> {
  const described: Described[] = [];
  for (const { file, person, bytes } of faces) {
    const [largest] = (await analyser.analyse(bytes, 'portrait')).faces.sort(
      (a, b) => b.box.width - a.box.width,
    );
    described.push({
      file,
      person,
      descriptor: largest?.descriptor ?? null,
      strength: largest?.strength ?? 'none',
    });
  }
  return described;
}

function identification(all: Described[]) {
  const described = all.flatMap(({ descriptor, ...face }) => (descriptor ? [{ ...face, descriptor }] : []));
  const without = all.flatMap(({ file, descriptor }) => (descriptor ? [] : [file]));
  const same: number[] = [];
  const different: number[] = [];
  for (const [i, a] of described.entries()) {
    for (const b of described.slice(i + 1)) {
      (a.person === b.person ? same : different).push(descriptorDistance(a.descriptor, b.descriptor));
    }
  }
  same.sort((a, b) => a - b);
  different.sort((a, b) => a - b);
  const below = (sorted: number[], limit: number) =>
    sorted.filter((distance) => distance <= limit).length / sorted.length;
  const accepted = Math.floor(different.length * 0.001);
  const threshold = (different[accepted] ?? 0) - 1e-9;
  let ordered = 0;
  for (const distance of same) ordered += different.filter((other) => other > distance).length;
  return {
    pictures: all.length,
    weak: described.filter(({ strength }) => strength === 'weak').length,
    withoutDescriptor: without,
    samePairs: same.length,
    differentPairs: different.length,
    auc: ordered / (same.length * different.length),
    tprAtFar01: below(same, threshold),
    threshold,
    at060: { tpr: below(same, 0.6), far: below(different, 0.6) },
    at055: { tpr: below(same, 0.55), far: below(different, 0.55) },
  };
}

async function cpuMs(times: number, work: () => Promise<unknown>): Promise<number> {
  await work();
  const before = process.cpuUsage();
  for (let run = 0; run < times; run++) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

async function cost(analyser: FaceAnalyser, face: Buffer, scene: string) {
  const frame = await sharp(scene)
    .resize(FRAME.width, FRAME.height, { fit: 'cover' })
    .composite([
      { input: await sharp(face).resize(300, 300, { fit: 'inside' }).toBuffer(), left: 500, top: 200 },
    ])
    .jpeg({ quality: 88 })
    .toBuffer();
  const { faces } = await analyser.detect(frame, 'cost', 'windows');
  const one = faces.slice(0, 1);
  return {
    unit: 'CPU ms',
    wholeFrame720: await cpuMs(20, () => analyser.detect(frame, null, 'whole')),
    windowsFrame720: await cpuMs(10, () => analyser.detect(frame, null, 'windows')),
    nearOneFace720: await cpuMs(20, () =>
      analyser.detect(
        frame,
        null,
        one.map(({ box }) => box),
      ),
    ),
    describeFace: one.length > 0 ? await cpuMs(20, () => analyser.describe(frame, 'cost', one)) : null,
  };
}

async function main(): Promise<void> {
  const folder = sharedData();
  if (!folder) return;
  const models = new ModelStore(path.resolve('.cinedex/models'));
  await startBackend();
  const mesh = await FaceMesh.load(models);
  const analyser = await FaceAnalyser.load(models);
  const all: Portrait[] = [];
  for (const face of portraits(folder)) all.push({ ...face, bytes: await toPng(face.bytes) });
  const scenes = backgrounds(folder);
  const isOrl = ({ file }: { file: string }) => file.startsWith('faces/orl/');
  const photos = all.filter((face) => !isOrl(face));
  const costs = await cost(analyser, photos.at(-1)!.bytes, scenes[0]!);
  console.error(JSON.stringify(costs));
  const detection = await recallByWidth(analyser, mesh, photos, scenes);
  const withoutPeople = await falseDetections(analyser, folder);
  const described = await describeAll(analyser, all);
  const result = {
    command: 'node bench/faces.ts',
    cost: costs,
    detection,
    picturesWithoutPeople: withoutPeople,
    identification: {
      photos: identification(described.filter((face) => !isOrl(face))),
      orl: identification(described.filter(isOrl)),
      all: identification(described),
    },
  };
  mkdirSync(path.join(import.meta.dirname, 'results'), { recursive: true });
  writeFileSync(path.join(import.meta.dirname, 'results/faces.json'), `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
}

await main();
