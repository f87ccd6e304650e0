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
/** What `colorspace` calls the matrix of the header. Where there is none it is BT.601, for the scaler as well. */
const MATRIX: Readonly<Record<string, string>> = {
  ...{ '': 'bt470bg', unknown: 'bt470bg', smpte170m: 'bt470bg', bt470bg: 'bt470bg', fcc: 'fcc' },
  ...{ bt709: 'bt709', smpte240m: 'smpte240m', bt2020nc: 'bt2020ncl' },
};
/** Formats of pictures in luma and chroma, in planes or packed. */
const LUMA_AND_CHROMA = /^(yuv|nv\d|p\d{3}|yuyv|uyvy)/;
const HDR_TRANSFERS = new Set(['smpte2084', 'arib-std-b67']);

export interface GraphOptions {
  video: VideoTrack;
  size: { width: number; height: number };
  /** Seconds between candidates. */
  intervalSec: number;
  toneMapping: boolean;
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
  const matrix = LUMA_AND_CHROMA.test(video.pixelFormat) && MATRIX[video.matrix];
  const scale = `scale=${width}:${height}:flags=bicubic`;
  const stored = colours
    ? `${scale}${colours}`
    : matrix
      ? `${scale}${toJpegColours(matrix, video.range === 'pc' ? 'pc' : 'tv')}`
      : `${scale}:out_color_matrix=bt601:out_range=pc`;
  return [
    `[0:${video.index}]split=2[a][b]`,
    `[a]${every(1 / MOST_TINY_PER_SEC)},scale=256:144:flags=fast_bilinear,scale=${TINY_WIDTH}:${TINY_HEIGHT}:flags=area,` +
      'format=yuv420p[tiny]',
    `[b]${every(intervalSec)},${stored}${TURN[video.rotation]},format=yuvj420p,setsar=1,split=2[c][picture]`,
    `[c]scale=${GREY_WIDTH}:${GREY_HEIGHT}:flags=area,format=gray[grey]`,
  ].join(';');
}

/**
 * Options of the scaler that keep it from turning the colours, then the filter that turns them into those of JPEG (BT.601,
 * 0 to 255): the scaler is several times slower at it, and less exact. The last one renames what is there.
 */
function toJpegColours(matrix: string, range: 'tv' | 'pc'): string {
  const kept = 'in_color_matrix=bt601:out_color_matrix=bt601';
  const from = `ispace=${matrix}:iprimaries=bt709:itrc=bt709:irange=${range}`;
  const to = 'space=bt470bg:primaries=bt709:trc=bt709:range=pc';
  return (
    `:${kept}:in_range=${range}:out_range=${range},format=yuv420p,` +
    `colorspace=${from}:${to}:format=yuv420p,scale=${kept}:in_range=pc:out_range=pc`
  );
}

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
