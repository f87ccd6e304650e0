/** The audio stage: what a video sounds like, and what is said in it. */
import { z } from 'zod';
import { listen, startAnalysis, VOICE_MODEL } from '../../shared/audio/analysis/listen.ts';
import type { Loudness } from '../../shared/audio/analysis/loudness.ts';
import type { Analysis } from '../../shared/audio/analysis/recording.ts';
import { AUDIO_SPACE } from '../../shared/audio/embedding-space.ts';
import {
  encodeFingerprint,
  FINGERPRINT_ALGORITHM,
  FINGERPRINT_FRAME_SEC,
} from '../../shared/audio/fingerprint.ts';
import type { CoreConfig } from '../../shared/config.ts';
import { AudioAnalyzed } from '../../shared/contracts/artifacts.ts';
import { createSafeMedia } from '../../shared/media/safe-media.ts';
import { ModelStore } from '../../shared/models/store.ts';
import { defineStage, ok, partial, type Services, skip } from '../runtime/stage.ts';
import { RecordedSpeech } from './speech.ts';
import {
  chooseTranscriber,
  createTranscriber,
  suggestedTranscriber,
  TRANSCRIBER_CHOICES,
} from './transcribers.ts';

/** Two hours of speech at twice real time, the slowest machine that makes sense. */
const TIMEOUT_MS = 2 * 3_600_000;
/** Shorter tracks have too few sub-fingerprints to be told apart. */
const SHORTEST_FINGERPRINT_SEC = 2;
export const AudioConfig = z.object({
  transcriber: z
    .enum(TRANSCRIBER_CHOICES)
    .default('auto')
    .describe('Speech to text; auto: the best that `cinedex models pull` has brought, else none'),
});

const choices = new Map<string, ReturnType<typeof chooseTranscriber>>();

/** Decided once a process, so that a model pulled meanwhile cannot give a key that the running handler does not honour. */
function transcriberFor(
  choice: z.infer<typeof AudioConfig>['transcriber'],
  { profile, modelsDir }: Pick<CoreConfig['core'], 'profile' | 'modelsDir'>,
) {
  const key = `${choice} ${profile} ${modelsDir}`;
  const known = choices.get(key);
  if (known !== undefined) return known;
  const chosen = chooseTranscriber(choice, new ModelStore(modelsDir), profile);
  choices.set(key, chosen);
  return chosen;
}

export const audio = defineStage(
  {
    name: 'audio',
    version: 2,
    output: AudioAnalyzed,
    config: AudioConfig,
    // A model that is pulled gives other keys after the next start, so videos heard without it are completed.
    models(config, core) {
      const transcriber = transcriberFor(config.transcriber, core.core);
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
    const chosen = transcriberFor(config.transcriber, {
      profile: core.core.profile,
      modelsDir: models.folder,
    });
    const transcriber = chosen && createTranscriber(chosen, models);
    if (!transcriber && config.transcriber === 'auto') {
      const model = suggestedTranscriber(core.core.profile);
      logger.info(`no speech model is here: run \`cinedex models pull ${model}\` to index what is said`);
    }
    const thread = startAnalysis(models);
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
          const speech = new RecordedSpeech(transcriber);
          const { loudness, analysis, damage } = await listen(media, thread, {
            path: opened.path,
            track: probe.audio,
            signal: context.signal,
            timeoutMs: Math.max(core.media.timeoutMs, TIMEOUT_MS),
            onSpeech: (clip) => speech.hear(clip, context.signal),
          });
          if (analysis.durationSec === 0) {
            if (damage) throw damage;
            return skip('The audio track holds no sound.');
          }
          const model = transcriber?.id ?? null;
          const { segments, missing } = await speech.settle(config.transcriber !== 'none', context.signal);
          if (damage) missing.push('audio:damaged');
          const transcript = model ? { model, segments } : null;
          context.note({
            audioSec: Math.round(analysis.durationSec),
            speechSec: Math.round(speech.seconds),
            utterances: segments.length,
          });
          const output = await store(services, loudness, analysis, transcript);
          return missing.length > 0 ? partial(output, missing) : ok(output);
        } finally {
          await opened.release();
        }
      },
    };
  },
);

async function store(
  { artifacts }: Services,
  loudness: Loudness,
  analysis: Analysis,
  transcript: AudioAnalyzed['transcript'],
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
            dimensions: AUDIO_SPACE.dimensions,
          },
    fingerprint:
      fingerprint.length * FINGERPRINT_FRAME_SEC < SHORTEST_FINGERPRINT_SEC
        ? null
        : {
            algorithm: FINGERPRINT_ALGORITHM,
            frameSec: FINGERPRINT_FRAME_SEC,
            blob: await artifacts.putBlob(encodeFingerprint(fingerprint), 'application/x-uint32'),
          },
    transcript,
  };
}
