/** The audio stage: what a video sounds like, and what is said in it. */
import { z } from 'zod';
import {
  encodeFingerprint,
  FINGERPRINT_ALGORITHM,
  FINGERPRINT_FRAME_SEC,
} from '../../shared/audio/fingerprint.ts';
import { AudioAnalyzed, type SpeechSegment } from '../../shared/contracts/artifacts.ts';
import { createSafeMedia } from '../../shared/media/safe-media.ts';
import { ModelStore } from '../../shared/models/store.ts';
import { ThreadClient } from '../../shared/threads/client.ts';
import {
  defineStage,
  type Outcome,
  ok,
  partial,
  type Services,
  type StageContext,
  skip,
} from '../runtime/stage.ts';
import type { AnalysisThread } from './analysis.thread.ts';
import type { SpeechClip } from './analysis.ts';
import { AUDIO_EMBEDDING_DIMENSIONS } from './embedding.ts';
import { listen } from './listen.ts';
import { chooseTranscriber, createTranscriber, TRANSCRIBER_CHOICES } from './transcribers.ts';

const VOICE_MODEL = 'silero-vad';
/** Two hours of speech at twice real time, the slowest machine that makes sense. */
const TIMEOUT_MS = 2 * 3_600_000;
/** Shorter tracks have too few sub-fingerprints to be told apart. */
const SHORTEST_FINGERPRINT_SEC = 2;
/** Foreign speech is reported from this share of all speech on; below, it is the odd mumbled word. */
const FOREIGN_SHARE = 0.25;

export const AudioConfig = z.object({
  transcriber: z
    .enum(TRANSCRIBER_CHOICES)
    .default('auto')
    .describe('Speech to text; auto: the best that `cinedex models pull` has brought, else none'),
});

export const audio = defineStage(
  {
    name: 'audio',
    version: 1,
    output: AudioAnalyzed,
    config: AudioConfig,
    // A model that is pulled later gives other keys, so videos heard without it are completed.
    models(config, core) {
      const transcriber = chooseTranscriber(config.transcriber, new ModelStore(core.core.modelsDir));
      return transcriber ? [VOICE_MODEL, transcriber] : [VOICE_MODEL];
    },
    keyConfig: (config) => ({ speech: config.transcriber !== 'none' }),
    concurrency: 1,
    timeoutMs: TIMEOUT_MS,
    retry: { attempts: 3, backoffMs: 5_000 },
  },
  async (services, config) => {
    const { core, models, logger } = services;
    const media = createSafeMedia(core.media, logger);
    const chosen = chooseTranscriber(config.transcriber, models);
    const transcriber = chosen && createTranscriber(chosen, models);
    if (!transcriber && config.transcriber === 'auto') {
      logger.info('no speech model is here: run `cinedex models pull moonshine-tiny` to index what is said');
    }
    const thread = new ThreadClient<AnalysisThread>(new URL('./analysis.thread.ts', import.meta.url), {
      voiceModel: models.file(VOICE_MODEL, 'silero_vad_v5.onnx'),
    });
    return {
      async warmUp() {
        await Promise.all([thread.call('warmUp', []), transcriber?.warmUp()]);
      },
      async close() {
        await Promise.all([thread.close(), transcriber?.close()]);
      },
      async run(_input, context) {
        const opened = await services.media.open(context.video.media, context.signal);
        try {
          const probe = await media.probe(opened.path, context.signal);
          if (!probe.audio) return skip('The file has no audio track.');
          const speech = new Speech();
          const { loudness, analysis, damage } = await listen(media, thread, {
            path: opened.path,
            stream: probe.audio.index,
            signal: context.signal,
            timeoutMs: Math.max(core.media.timeoutMs, TIMEOUT_MS),
            async onSpeech(clip) {
              if (!transcriber) return speech.unheard(clip);
              speech.add(clip, await transcriber.transcribe(clip.samples, { signal: context.signal }));
            },
          });
          if (analysis.durationSec === 0) {
            if (damage) throw damage;
            return skip('The audio track holds no sound.');
          }
          const missing = speech.missing(config.transcriber !== 'none' && !transcriber);
          if (damage) missing.push('audio:damaged');
          const output = await store(services, {
            loudness,
            analysis,
            speech,
            model: transcriber?.id ?? null,
          });
          return settle(context, output, missing, speech);
        } finally {
          await opened.release();
        }
      },
    };
  },
);

/** What became of the speech so far. */
class Speech {
  readonly segments: SpeechSegment[] = [];
  seconds = 0;
  foreignSeconds = 0;

  add(
    clip: SpeechClip,
    {
      text,
      language,
      confidence,
      rejected,
    }: Awaited<ReturnType<ReturnType<typeof createTranscriber>['transcribe']>>,
  ): void {
    this.unheard(clip);
    if (rejected === 'unsupported-language') this.foreignSeconds += clip.endSec - clip.startSec;
    if (rejected || text === '') return;
    this.segments.push({ startSec: clip.startSec, endSec: clip.endSec, text, language, confidence });
  }

  unheard({ startSec, endSec }: SpeechClip): void {
    this.seconds += endSec - startSec;
  }

  missing(withoutModel: boolean): string[] {
    if (withoutModel && this.seconds > 0) return ['speech'];
    const foreign = this.foreignSeconds > 0 && this.foreignSeconds >= FOREIGN_SHARE * this.seconds;
    return foreign ? ['speech:unsupported-language'] : [];
  }
}

async function store(
  { artifacts }: Services,
  {
    loudness,
    analysis,
    speech,
    model,
  }: Pick<Awaited<ReturnType<typeof listen>>, 'loudness' | 'analysis'> & {
    speech: Speech;
    model: string | null;
  },
): Promise<AudioAnalyzed> {
  const { embeddings, rows, fingerprint, durationSec, segments } = analysis;
  const bytes = new Uint8Array(embeddings.buffer, embeddings.byteOffset, embeddings.byteLength);
  return {
    durationSec,
    loudness,
    segments,
    embeddings:
      rows === 0
        ? null
        : {
            blob: await artifacts.putBlob(bytes, 'application/x-float32'),
            rows,
            dimensions: AUDIO_EMBEDDING_DIMENSIONS,
          },
    fingerprint:
      fingerprint.length * FINGERPRINT_FRAME_SEC < SHORTEST_FINGERPRINT_SEC
        ? null
        : {
            algorithm: FINGERPRINT_ALGORITHM,
            frameSec: FINGERPRINT_FRAME_SEC,
            blob: await artifacts.putBlob(encodeFingerprint(fingerprint), 'application/x-uint32'),
          },
    transcript: model ? { model, segments: speech.segments } : null,
  };
}

function settle(
  context: StageContext,
  output: AudioAnalyzed,
  missing: string[],
  speech: Speech,
): Outcome<AudioAnalyzed> {
  context.note({
    audioSec: Math.round(output.durationSec),
    speechSec: Math.round(speech.seconds),
    utterances: speech.segments.length,
  });
  return missing.length > 0 ? partial(output, missing) : ok(output);
}
