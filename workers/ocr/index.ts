/** Reads the text in the picture: captions, title cards and signs, with the time each was shown. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { booleanWord, whole } from '../../shared/config-values.ts';
import { FramesExtracted, type TextLine, TextRecognized } from '../../shared/contracts/artifacts.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { ModelStore } from '../../shared/models/store.ts';
import { detectLanguage } from '../../shared/text/script.ts';
import { ThreadClient } from '../../shared/threads/client.ts';
import { defineStage, ok } from '../runtime/stage.ts';
import type { EngineFiles } from './engine/engine.ts';
import type { EngineName } from './engine/types.ts';
import type { OcrThread, OcrThreadInit } from './ocr.thread.ts';
import { picturesToRead } from './pictures.ts';
import { roleOf } from './tracking/roles.ts';
import type { TrackedLine } from './tracking/tracker.ts';

export const OcrConfig = z.object({
  engine: z
    .enum(['auto', 'ppocr', 'tesseract'])
    .default('auto')
    .describe('What reads text; auto: PP-OCR where its files are, else tesseract.js'),
  sampling: z
    .enum(['samples', 'keyframes'])
    .default('samples')
    .describe('Pictures to look at: those of the strip (CINEDEX_FRAMES_SAMPLE_RATE), or key frames only'),
  detectionSize: whole(320, 1_920)
    .default(640)
    .describe('Longer side of a picture while text is looked for, pixels; more finds smaller text'),
  minConfidence: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.6)
    .describe(
      'Lines read less surely are dropped; tesseract.js, a harder judge of itself, may be a third less sure',
    ),
  calmSec: z.coerce
    .number()
    .min(0)
    .max(10)
    .default(1)
    .describe(
      'While no line comes or goes, pictures that end within so many seconds of the last look are passed over, and opened only to date a change; 0: none is',
    ),
  gate: booleanWord
    .default(true)
    .describe('Whether a picture whose text is known is left unread; no: all are read anew, for comparison'),
  threads: whole(1, 64).default(1).describe('Threads that read side by side, each with its own models'),
});
export type OcrConfig = z.infer<typeof OcrConfig>;

const PPOCR = 'ppocr-v4';
const TESSERACT = ['tesseract-eng', 'tesseract-chi-sim'] as const;
/** One picture takes well under a second; a wall of text on a loaded machine some. */
const PICTURE_TIMEOUT_MS = 90_000;

export const ocr = defineStage(
  {
    name: 'ocr',
    version: 7,
    requires: { frames: FramesExtracted },
    output: TextRecognized,
    config: OcrConfig,
    keyConfig: ({ threads: _, ...shaping }) => shaping,
    // Tesseract, too, reads in the boxes of PP-OCR's detector where that is there.
    models: ({ engine }) => (engine === 'ppocr' ? [PPOCR] : [PPOCR, ...TESSERACT]),
    concurrency: 2,
    timeoutMs: 1_800_000,
    retry: { attempts: 4, backoffMs: 2_000 },
  },
  async ({ artifacts, models, logger }, config) => {
    const engine = chooseEngine(models, config.engine, (why) =>
      logger.warn({ why }, 'reading with tesseract.js'),
    );
    const { minConfidence, gate, calmSec } = config;
    const following = { minConfidence, gate, calmSec };
    const init: OcrThreadInit = { engine, files: engineFiles(models), detectionSize: config.detectionSize };
    const threads = Array.from({ length: config.threads }, () => ({
      client: new ThreadClient<OcrThread>(new URL('./ocr.thread.ts', import.meta.url), init),
      sessions: 0,
    }));

    return {
      async run({ frames }, { signal, note }) {
        const thread = threads.reduce((least, each) => (each.sessions < least.sessions ? each : least));
        const session = randomUUID();
        const options = { signal, timeoutMs: PICTURE_TIMEOUT_MS };
        thread.sessions += 1;
        let finished = false;
        try {
          await thread.client.call('begin', [session, following], options);
          for await (const { bytes, sighting } of picturesToRead(
            artifacts,
            frames,
            config.sampling,
            signal,
          )) {
            await thread.client.call('see', [session, bytes, sighting], options);
          }
          const { lines, ...counts } = await thread.client.call('finish', [session], options);
          finished = true;
          note({ ...counts, lines: lines.length, engine });
          const aspect = frames.media.width / frames.media.height;
          return ok({ engine, lines: lines.map((line) => textLine(line, engine, aspect)), ...counts });
        } finally {
          thread.sessions -= 1;
          if (!finished) {
            thread.client
              .call('drop', [session], { timeoutMs: PICTURE_TIMEOUT_MS })
              .catch((error: unknown) => logger.debug({ error }, 'a reading session was not dropped'));
          }
        }
      },
      async warmUp() {
        await Promise.all(threads.map(({ client }) => client.call('ready', [])));
      },
      async close() {
        await Promise.all(threads.map(({ client }) => client.close()));
      },
    };
  },
);

/** @throws CinedexError MODEL_MISSING when the engine asked for, or every engine, lacks its files */
export function chooseEngine(
  models: Pick<ModelStore, 'file'>,
  wanted: OcrConfig['engine'],
  onFallback: (why: string) => void = () => undefined,
): EngineName {
  const checkPpocr = () => ppocrFiles(models);
  const checkTesseract = () => tesseractFiles(models);
  if (wanted === 'ppocr') checkPpocr();
  else if (wanted === 'tesseract') checkTesseract();
  else {
    try {
      checkPpocr();
      return 'ppocr';
    } catch (error) {
      if (!(error instanceof CinedexError)) throw error;
      checkTesseract();
      onFallback(error.message);
      return 'tesseract';
    }
  }
  return wanted;
}

function ppocrFiles(models: Pick<ModelStore, 'file'>) {
  return {
    detection: models.file(PPOCR, 'detection.onnx'),
    recognition: models.file(PPOCR, 'recognition.onnx'),
    characters: models.file(PPOCR, 'characters.txt'),
  };
}

function tesseractFiles(models: Pick<ModelStore, 'file'>) {
  return {
    english: models.file(TESSERACT[0], 'eng.traineddata.gz'),
    chinese: models.file(TESSERACT[1], 'chi_sim.traineddata.gz'),
  };
}

/** Paths of what is there; what is missing is null. */
export function engineFiles(models: Pick<ModelStore, 'file'>): EngineFiles {
  const orNull = <T>(find: () => T): T | null => {
    try {
      return find();
    } catch (error) {
      if (error instanceof CinedexError) return null;
      throw error;
    }
  };
  return { ppocr: orNull(() => ppocrFiles(models)), tesseract: orNull(() => tesseractFiles(models)) };
}

function textLine(line: TrackedLine, engine: EngineName, aspect: number): TextLine {
  const { text, confidence, quad, startSec, endSec, shot } = line;
  return {
    ...{ text, confidence, engine, quad, startSec, endSec, shot },
    language: detectLanguage(text),
    role: roleOf(line, { aspect }),
  };
}
