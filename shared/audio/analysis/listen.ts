/** One pass over a file's sound: ffmpeg pipes 16 kHz mono, and the channels as they are, to the analysis thread. */
import type { CinedexError } from '../../contracts/errors.ts';
import type { AudioTrack } from '../../media/probe.ts';
import type { MediaOutput, SafeMedia } from '../../media/safe-media.ts';
import type { ModelStore } from '../../models/store.ts';
import { ThreadClient } from '../../threads/client.ts';
import type { AnalysisThread } from './analysis.thread.ts';
import { SAMPLE_RATE } from './frame-sizes.ts';
import { type Loudness, parseLoudness } from './loudness.ts';
import type { Analysis, SpeechClip } from './recording.ts';

/** Bytes that go to the thread at once: four seconds. A multiple of a stereo frame. */
const PIECE_BYTES = SAMPLE_RATE * 4 * 4;
/** Loudness is measured at this rate at most: what is above 12 kHz moves it by a tenth of a LU. */
const LOUDNESS_RATE = 24_000;
/** The filter's summary is short; a container's own words before it may not be. */
const KEPT_LINES = 64;

export interface Heard {
  loudness: Loudness;
  analysis: Analysis;
  /** What broke the decoding, where part of the sound could still be heard. */
  damage: CinedexError | null;
}

interface ListenRequest {
  path: string;
  /** The audio track to listen to. */
  track: Pick<AudioTrack, 'index' | 'channels' | 'channelLayout' | 'sampleRate'>;
  signal: AbortSignal;
  timeoutMs: number;
  /** Called for each stretch of speech, in order; decoding waits for it. */
  onSpeech(clip: SpeechClip): Promise<void>;
}

/** Tells where somebody speaks. */
export const VOICE_MODEL = 'silero-vad';

/**
 * The thread that {@link listen} analyses in. It starts with its first call, and hears one recording at a time.
 * @throws CinedexError MODEL_MISSING
 */
export function startAnalysis(models: ModelStore): ThreadClient<AnalysisThread> {
  return new ThreadClient<AnalysisThread>(new URL('./analysis.thread.ts', import.meta.url), {
    voiceModel: models.file(VOICE_MODEL, 'silero_vad_v5.onnx'),
  });
}

let recordings = 0;

/** Channels of an unknown layout are mixed in equal parts; without that ffmpeg refuses to convert them. */
export function mixed({ channels, channelLayout }: Pick<AudioTrack, 'channels' | 'channelLayout'>): string {
  if (channelLayout !== null || channels <= 2) return '';
  return `pan=mono|c0<${Array.from({ length: channels }, (_, channel) => `c${channel}`).join('+')},`;
}

/**
 * What ffmpeg gives of a track: `[pcm]`, and `[loud]` for mono and stereo. Around the listener channels count by their
 * places, which ffmpeg's own filter knows; it costs five times what measuring here does.
 */
function soundGraph(track: ListenRequest['track'], measured: Measured | null): string {
  const heard = `aresample=${SAMPLE_RATE}:async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=mono[pcm]`;
  const slower = track.sampleRate > LOUDNESS_RATE ? `aresample=${LOUDNESS_RATE},` : '';
  const from = `[0:${track.index}]${mixed(track)}`;
  if (!measured) return `${from}${slower}ebur128=peak=true:framelog=verbose,${heard}`;
  return `${from}asplit=2[a][b];[a]${heard};[b]${slower}aformat=sample_fmts=flt[loud]`;
}

interface Measured {
  channels: number;
  sampleRate: number;
}

/**
 * Decodes and analyses at the same time, holding a few seconds of sound only. Gaps in the track's clock are filled with
 * silence, so times are those of the video.
 * @throws CinedexError as SafeMedia.run does; WORKER_CRASHED or ABORTED from the thread
 */
export async function listen(
  media: SafeMedia,
  thread: ThreadClient<AnalysisThread>,
  { path, track, signal, timeoutMs, onSpeech }: ListenRequest,
): Promise<Heard> {
  const id = ++recordings;
  const channels = mixed(track) ? 1 : track.channels;
  const measured = channels <= 2 ? { channels, sampleRate: Math.min(LOUDNESS_RATE, track.sampleRate) } : null;
  await thread.call('begin', [id, measured], { signal });
  const lines: string[] = [];
  // One piece is analysed while the speech of the piece before it is transcribed.
  let speaking = Promise.resolve();
  const speak = async (clips: SpeechClip[]): Promise<void> => {
    await speaking;
    speaking = (async () => {
      for (const clip of clips) await onSpeech(clip);
    })();
    // Awaited before the next piece; without this a failure until then would count as unhandled.
    speaking.catch(() => undefined);
  };
  const heard: MediaOutput = {
    fd: 1,
    options: ['-map', '[pcm]', ...AS_FLOATS],
    async consume(chunks) {
      for await (const samples of pieces(chunks)) {
        await speak(await thread.call('push', [id, samples], { signal, transfer: [samples.buffer] }));
      }
    },
  };
  const loud: MediaOutput = {
    fd: 3,
    options: ['-map', '[loud]', ...AS_FLOATS],
    async consume(chunks) {
      for await (const samples of pieces(chunks)) {
        await thread.call('measure', [id, samples], { signal, transfer: [samples.buffer] });
      }
    },
  };
  const { damage } = await media.run({
    path,
    signal,
    timeoutMs,
    tolerateDamage: true,
    logLevel: measured ? 'error' : 'info',
    filter: soundGraph(track, measured),
    outputs: measured ? [heard, loud] : [heard],
    onStderrLine(line) {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
    },
  });
  const { clips, analysis, loudness } = await thread.call('finish', [id], { signal });
  await speak(clips);
  await speaking;
  return { loudness: loudness ?? parseLoudness(lines.join('\n')), analysis, damage };
}

const AS_FLOATS = ['-c:a', 'pcm_f32le', '-f', 'f32le'] as const;

/** Samples in pieces of {@link PIECE_BYTES}; bytes after the last whole sample are dropped. */
export async function* pieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Float32Array<ArrayBuffer>> {
  let bytes = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let read = 0; read < chunk.length; ) {
      const count = Math.min(chunk.length - read, PIECE_BYTES - filled);
      bytes.set(chunk.subarray(read, read + count), filled);
      read += count;
      filled += count;
      if (filled === PIECE_BYTES) {
        yield new Float32Array(bytes.buffer);
        bytes = new Uint8Array(PIECE_BYTES);
        filled = 0;
      }
    }
  }
  if (filled >= 4) yield new Float32Array(bytes.buffer.slice(0, filled - (filled % 4)));
}
