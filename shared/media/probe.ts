/** Reads ffprobe's answer into the few facts that the stages need. */
import { z } from 'zod';
import { CinedexError } from '../contracts/errors.ts';

/** Containers that are opened at all; the names are those of ffmpeg's demuxers. */
export const ALLOWED_FORMATS =
  'mov,matroska,webm,avi,mpegts,mpeg,flv,live_flv,ogg,wav,mp3,flac,aac,asf,gif' as const;

export interface VideoTrack {
  /** Number of the stream in the file, as in `0:<index>`. */
  index: number;
  codec: string;
  /** As stored, before rotation and sample aspect ratio. */
  storedWidth: number;
  storedHeight: number;
  /** As displayed, pixels. */
  width: number;
  height: number;
  /** Clockwise degrees (0, 90, 180, 270) that turn the stored picture upright. */
  rotation: 0 | 90 | 180 | 270;
  /** As the header says; 0 when it says nothing believable. */
  fps: number;
  durationSec: number | null;
  transfer: string;
  /** ffmpeg's name of the colour matrix, such as `bt709`; empty when the header does not say. */
  matrix: string;
  /** `pc` where values fill 0..255, `tv` where they do not; empty when the header does not say. */
  range: string;
  /** ffmpeg's name of the pixel format, such as `yuv420p`. */
  pixelFormat: string;
}

export interface AudioTrack {
  index: number;
  codec: string;
  sampleRate: number;
  channels: number;
  /** Which channel is which; null when the file does not say (then nothing can mix them by itself). */
  channelLayout: string | null;
  durationSec: number | null;
}

export interface ProbeResult {
  container: string;
  /** Null when the header does not say (a live recording). */
  durationSec: number | null;
  bytes: number;
  /** The first real video track; cover art does not count. */
  video: VideoTrack | null;
  audio: AudioTrack | null;
  /** What ffprobe complained of. */
  complaints: string[];
}

const Text = z.string().catch('');
const Stream = z.looseObject({
  index: z.number(),
  codec_type: Text,
  codec_name: Text,
  codec_tag_string: Text,
  width: z.number().catch(0),
  height: z.number().catch(0),
  sample_aspect_ratio: Text,
  avg_frame_rate: Text,
  r_frame_rate: Text,
  color_transfer: Text,
  color_space: Text,
  color_range: Text,
  pix_fmt: Text,
  duration: Text,
  sample_rate: Text,
  channels: z.number().catch(0),
  channel_layout: Text,
  disposition: z.looseObject({ attached_pic: z.number().catch(0) }).catch({ attached_pic: 0 }),
  tags: z.record(z.string(), z.string()).catch({}),
  side_data_list: z.array(z.looseObject({ rotation: z.coerce.number().optional() })).catch([]),
});
type Stream = z.infer<typeof Stream>;

const Answer = z.looseObject({
  format: z.looseObject({ format_name: Text, duration: Text }),
  streams: z.array(Stream).catch([]),
});

/** What to ask ffprobe for, besides the input and its limits. */
export const PROBE_QUESTION = ['-print_format', 'json', '-show_format', '-show_streams'] as const;

/**
 * @param json what ffprobe printed for {@link PROBE_QUESTION}
 * @throws CinedexError MEDIA_CORRUPT when it is no answer
 */
export function readProbe(json: string, bytes: number, complaints: string[]): ProbeResult {
  const parsed = Answer.safeParse(parseJson(json));
  if (!parsed.success) throw new CinedexError('MEDIA_CORRUPT', 'ffprobe could not describe the file.');
  const { format, streams } = parsed.data;
  const video = streams.find((s) => s.codec_type === 'video' && s.disposition.attached_pic === 0);
  const audio = streams.find((s) => s.codec_type === 'audio' && s.codec_name && Number(s.sample_rate) > 0);
  return {
    container: format.format_name,
    durationSec: seconds(format.duration),
    bytes,
    video: video ? videoTrack(video) : null,
    audio: audio
      ? {
          index: audio.index,
          codec: audio.codec_name,
          sampleRate: Number(audio.sample_rate),
          channels: Math.max(1, audio.channels),
          channelLayout:
            audio.channel_layout && audio.channel_layout !== 'unknown' ? audio.channel_layout : null,
          durationSec: seconds(audio.duration),
        }
      : null,
    complaints,
  };
}

function videoTrack(stream: Stream): VideoTrack {
  const rotation = rotationOf(stream);
  const aspect = ratio(stream.sample_aspect_ratio.replace(':', '/'));
  // Some headers hold nonsense; players ignore it too.
  const stretch = aspect > 0.1 && aspect < 10 ? aspect : 1;
  const shown = [Math.max(1, Math.round(stream.width * stretch)), Math.max(1, stream.height)] as const;
  const [width, height] = rotation % 180 === 0 ? shown : [shown[1], shown[0]];
  return {
    index: stream.index,
    codec: stream.codec_name || stream.codec_tag_string || 'unknown',
    storedWidth: stream.width,
    storedHeight: stream.height,
    width,
    height,
    rotation,
    fps: frameRate(stream),
    durationSec: seconds(stream.duration),
    transfer: stream.color_transfer,
    matrix: stream.color_space,
    range: stream.color_range,
    pixelFormat: stream.pix_fmt,
  };
}

/** The average, unless it is absurd (time bases that pass for rates), then the base rate. */
function frameRate(stream: Stream): number {
  const believable = (rate: number) => rate > 0 && rate <= 300;
  return [ratio(stream.avg_frame_rate), ratio(stream.r_frame_rate)].find(believable) ?? 0;
}

function rotationOf(stream: Stream): VideoTrack['rotation'] {
  const matrix = stream.side_data_list.find((entry) => entry.rotation !== undefined)?.rotation;
  // The display matrix counts counter-clockwise, the older tag clockwise.
  const clockwise =
    matrix !== undefined && Number.isFinite(matrix) ? -matrix : Number(stream.tags.rotate ?? 0);
  const quarter = (((Math.round(clockwise / 90) % 4) + 4) % 4) * 90;
  return (Number.isFinite(quarter) ? quarter : 0) as VideoTrack['rotation'];
}

function seconds(value: string): number | null {
  const number = Number(value);
  return value !== '' && Number.isFinite(number) && number > 0 ? number : null;
}

function ratio(value: string): number {
  const [over, under] = value.split('/').map(Number);
  return over && under ? over / under : 0;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // No answer at all is told from a bad one by the schema.
    return undefined;
  }
}
