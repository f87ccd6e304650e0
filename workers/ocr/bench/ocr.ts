/**
 * How well and how dearly each engine reads: frames of subtitles, titles, signs and slides, pictures without text, and a
 * subtitled sequence over a moving background at 4 pictures a second.
 * Usage: node workers/ocr/bench/ocr.ts [every n-th frame, default 1] [part of a measurement's name: only those are run anew]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { addScores, type ReadingScore, ratesOf, scoreReading } from '../../../bench/metrics/text-reading.ts';
import { ModelStore } from '../../../shared/models/store.ts';
import { sharedData } from '../../../test/fixtures/shared-data.ts';
import { createClassicalDetector } from '../engine/classical-detector.ts';
import { pyramidOf } from '../engine/crop.ts';
import { decodePicture } from '../engine/picture.ts';
import { openDetector, openRecogniser } from '../engine/ppocr.ts';
import { openTesseract } from '../engine/tesseract.ts';
import type { TextDetector, TextRecogniser } from '../engine/types.ts';
import { survey, textCells } from '../tracking/survey.ts';
import { scaled, visionEye } from '../tracking/vision.ts';
import { subtitledSequence } from './ocr-sequence.ts';

const MIN_CONFIDENCE = 0.6;
const data = sharedData();
if (data) await main(data);

interface Labelled {
  file: string;
  kind: string;
  lang: string;
  lines: string[];
}

async function main(folder: string): Promise<void> {
  const every = Number(process.argv[2] ?? 1);
  const models = new ModelStore('/nonexistent');
  const files = {
    detection: models.file('ppocr-v4', 'detection.onnx'),
    recognition: models.file('ppocr-v4', 'recognition.onnx'),
    characters: models.file('ppocr-v4', 'characters.txt'),
  };
  const detector = await openDetector(files.detection, 640);
  const ppocr = await openRecogniser(files);
  const tesseract = openTesseract({
    english: models.file('tesseract-eng', 'eng.traineddata.gz'),
    chinese: models.file('tesseract-chi-sim', 'chi_sim.traineddata.gz'),
  });
  const classical = createClassicalDetector();
  const frames = labelledFrames(folder).filter((_, index) => index % every === 0);
  const measurements: Record<string, () => Promise<unknown>> = {
    gate: () => gateOn(frames, detector),
    'ppocr, DBNet 640': () => readAll(frames, detector, ppocr),
    'ppocr, DBNet 640 where strokes are': () => readAll(frames, asInVideo(detector, ppocr), ppocr),
    'tesseract.js, DBNet 640': () => readAll(frames, detector, tesseract),
    'tesseract.js, classical boxes': () => readAll(frames, classical, tesseract),
    'other pictures, ppocr': () => readAll(otherPictures(folder), detector, ppocr),
    'subtitles at 4 pictures a second, ppocr': () => subtitledSequence(detector, ppocr),
  };
  const out = path.join(import.meta.dirname, '../../../bench/results/ocr.json');
  const only = process.argv[3] ?? '';
  const results = only ? (JSON.parse(readFileSync(out, 'utf8')) as Record<string, unknown>) : {};
  results.command = `node workers/ocr/bench/ocr.ts ${every}`;
  for (const [name, measure] of Object.entries(measurements)) {
    if (!name.includes(only)) continue;
    results[name] = await measure();
    console.log(name, JSON.stringify(results[name], null, 2));
  }
  writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`);
  await Promise.all([detector.close(), ppocr.close(), tesseract.close()]);
}

function labelledFrames(folder: string): Labelled[] {
  const place = path.join(folder, 'ocr_frames');
  const truth = JSON.parse(readFileSync(path.join(place, 'truth.json'), 'utf8')) as Labelled[];
  return truth.map((entry) => ({ ...entry, file: path.join(place, entry.file) }));
}

/** Scans, screenshots and cropped words, with the lines that their sources name. */
function otherPictures(folder: string): Labelled[] {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as {
    files: { file: string; ocr_text?: string[] }[];
  };
  return manifest.files
    .filter(({ file, ocr_text }) => file.startsWith('ocr/') && ocr_text)
    .map(({ file, ocr_text }) => ({
      file: path.join(folder, file),
      lines: ocr_text!,
      kind: file.startsWith('ocr/words') ? 'word' : 'page',
      lang: 'und',
    }));
}

/** The detector as the stage runs it on the first of many pictures: only where there are strokes, if those are few. */
function asInVideo(detector: TextDetector, recogniser: TextRecogniser): TextDetector {
  const eye = visionEye(detector, recogniser);
  return {
    ...detector,
    async detect(picture) {
      const inspection = eye.inspect(survey(picture), {
        ...{ atLastDetection: null, atLastGlance: null, onPictureBefore: null, known: [], lost: [] },
        ...{ secondsSince: Infinity, secondsSinceGlance: Infinity, secondsSinceWhole: Infinity },
        ...{ newShot: true, emptyInARow: 0, lastsSec: 0.5 },
      });
      if (inspection.kind === 'none') return [];
      const quads = await eye.detect(pyramidOf(picture), inspection);
      return quads.map((quad) => ({ score: 1, quad: scaled(quad, picture.width, picture.height) }));
    },
  };
}

async function readAll(frames: Labelled[], detector: TextDetector, recogniser: TextRecogniser) {
  const byKind = new Map<string, ReadingScore[]>();
  let cpuMs = 0;
  for (const { file, kind, lang, lines } of frames) {
    const picture = await decodePicture(readFileSync(file));
    const before = process.cpuUsage();
    const found = await detector.detect(picture);
    const readings = await recogniser.recognise(
      picture,
      found.map(({ quad }) => quad),
    );
    const { user, system } = process.cpuUsage(before);
    cpuMs += (user + system) / 1_000;
    const believed = readings.filter(
      ({ confidence }) => confidence >= MIN_CONFIDENCE * recogniser.confidenceScale,
    );
    const score = scoreReading(
      lines,
      believed.map(({ text }) => text),
    );
    for (const key of ['all', kind, ...(lang === 'und' ? [] : [`in ${lang}`])])
      byKind.set(key, [...(byKind.get(key) ?? []), score]);
  }
  const rates = [...byKind].map(([kind, scores]) => [kind, ratesOf(addScores(scores))] as const);
  const { all, ...kinds } = Object.fromEntries(rates);
  return { ...all, cpuMsPerPicture: Math.round(cpuMs / frames.length), kinds };
}

/**
 * Pictures the survey of strokes lets through to a glance, and the glance to a closer look (with text it should be all of
 * them), and the processor time of a glance and of a look at the whole picture.
 */
async function gateOn(frames: Labelled[], detector: TextDetector) {
  const count = () => ({ pictures: 0, surveyed: 0, glanced: 0 });
  const counts = { withText: count(), without: count() };
  let [glanceMs, wholeMs] = [0, 0];
  for (const { file, lines } of frames) {
    const picture = await decodePicture(readFileSync(file));
    const kind = counts[lines.length > 0 ? 'withText' : 'without'];
    kind.pictures += 1;
    kind.surveyed += textCells(survey(picture)).length >= 2 ? 1 : 0;
    const start = cpuMs();
    kind.glanced += (await detector.glance?.(picture))?.length === 0 ? 0 : 1;
    glanceMs += cpuMs() - start;
    await detector.detect(picture);
    wholeMs += cpuMs() - start;
  }
  wholeMs -= glanceMs;
  return {
    ...counts,
    glanceCpuMs: Math.round(glanceMs / frames.length),
    wholeCpuMs: Math.round(wholeMs / frames.length),
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
