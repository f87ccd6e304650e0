/** The filter graph of the pass. Pure: from what the probe says to the text that ffmpeg reads. */
import type { VideoTrack } from '../../shared/media/probe.ts';
import { GREY_HEIGHT, GREY_WIDTH } from './picture.ts';
import { TINY_HEIGHT, TINY_WIDTH } from './tiny.ts';

/** Above this many pictures a second shots are looked for in fewer of them. */
const MOST_TINY_PER_SEC = 62;

/** Displayed size within `longest`, even, upright. */
export function storedSize(
  video: Pick<VideoTrack, 'width' | 'height'>,
  longest: number,
): { width: number; height: number } {
  const scale = Math.min(1, longest / Math.max(video.width, video.height));
  const even = (value: number) => Math.max(2, Math.round((value * scale) / 2) * 2);
  return { width: even(video.width), height: even(video.height) };
}

const TURN = { 0: '', 90: ',transpose=clock', 180: ',hflip,vflip', 270: ',transpose=cclock' } as const;
/** Formats that `colormatrix` works on, with values from 16 to 235 unless the header says otherwise. */
const QUICK_FORMATS = new Set(['yuv420p', 'yuv422p', 'yuv444p']);
/** Matrices that the scaler takes for the BT.601 that JPEG wants; without a name it does, too. */
const BT601 = new Set(['', 'unknown', 'smpte170m', 'bt470bg']);
const HDR_TRANSFERS = new Set(['smpte2084', 'arib-std-b67']);

export interface GraphOptions {
  video: VideoTrack;
  size: { width: number; height: number };
  /** Seconds between candidates. */
  intervalSec: number;
  toneMapping: boolean;
  /** Whether the build has `colormatrix`. */
  quickMatrix: boolean;
}

/**
 * Outputs `[tiny]` (every frame, 64 × 36), `[grey]` (candidates, 320 × 180) and `[picture]` (candidates, stored size).
 * Only candidates are scaled well, turned upright and tone-mapped; detection needs none of that.
 */
export function filterGraph(options: GraphOptions): string {
  const { video, size, intervalSec, toneMapping } = options;
  const isTurned = video.rotation % 180 !== 0;
  const [width, height] = isTurned ? [size.height, size.width] : [size.width, size.height];
  const isHdr = HDR_TRANSFERS.has(video.transfer);
  const colours = isHdr && toneMapping ? toSdr(video.transfer) : '';
  // The scaler turns one matrix or range into another slowly, at up to half the cost of decoding; it is spared that
  // where it can be.
  const isPlain = !colours && QUICK_FORMATS.has(video.pixelFormat) && video.range !== 'pc';
  const turnsMatrix = isPlain && options.quickMatrix && video.matrix === 'bt709';
  const isQuick = turnsMatrix || (isPlain && BT601.has(video.matrix));
  const scale = `scale=${width}:${height}:flags=bicubic`;
  const stored = isQuick
    ? `${turnsMatrix ? 'colormatrix=bt709:bt601,' : ''}${scale}:${SAME_MATRIX},format=yuv420p,${TO_FULL_RANGE}`
    : colours
      ? `${scale}${colours}`
      : `${scale}${BT601.has(video.matrix) ? ':' : THROUGH_RGB}out_color_matrix=bt601:out_range=pc`;
  return [
    `[0:${video.index}]split=2[a][b]`,
    `[a]${every(1 / MOST_TINY_PER_SEC)},scale=256:144:flags=fast_bilinear,scale=${TINY_WIDTH}:${TINY_HEIGHT}:flags=area,` +
      'format=yuv444p[tiny]',
    `[b]${every(intervalSec)},${stored}${TURN[video.rotation]},format=yuvj420p,setsar=1,split=2[c][picture]`,
    `[c]scale=${GREY_WIDTH}:${GREY_HEIGHT}:flags=area,format=gray[grey]`,
  ].join(';');
}

const SAME_MATRIX = 'in_color_matrix=bt601:out_color_matrix=bt601';
const FULL_CHROMA = "'clip((val-128)*255/224+128.5\\,0\\,255)'";
/** Old scalers forget about the matrix where neither size nor format changes; newer ones go this way by themselves. */
const THROUGH_RGB = ',format=gbrp,scale=';
/** From 16..235 (chroma 16..240) to 0..255 by table, rounded; then the name of what it now is, which changes no value. */
const TO_FULL_RANGE =
  `lutyuv=y='clip((val-16)*255/219+0.5\\,0\\,255)':u=${FULL_CHROMA}:v=${FULL_CHROMA},` +
  `scale=in_range=pc:out_range=pc:${SAME_MATRIX}`;

/** The first picture, then each that is so much later than the last one taken; half a millisecond for rounded clocks. */
function every(seconds: number): string {
  return `select='isnan(prev_selected_t)+gte(t-prev_selected_t\\,${(seconds - 0.0015).toFixed(4)})'`;
}

/** HDR to SDR by the curve of Hable; after scaling, so it costs little. 203 cd/m² is reference white (ITU-R BT.2408). */
function toSdr(transfer: string): string {
  return (
    `,format=yuv420p10le,zscale=tin=${transfer}:min=2020_ncl:pin=2020:rin=limited:t=linear:npl=203,format=gbrpf32le,` +
    'zscale=p=709,tonemap=hable:desat=0,zscale=t=709:m=470bg:p=709:r=full,format=yuv420p'
  );
}
