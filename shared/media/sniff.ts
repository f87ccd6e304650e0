/**
 * A look at the first bytes, before any demuxer sees them. ffmpeg guesses formats from content and would follow a playlist
 * that calls itself a video to whatever it names, so those are turned away here by kind; the format allow-list is the
 * second wall.
 */
import { open } from 'node:fs/promises';
import { CinedexError } from '../contracts/errors.ts';

/** Bytes that {@link sniff} wants to see. */
export const SNIFF_BYTES = 4_096;

const text = (head: Buffer) =>
  head
    .toString('latin1')
    .replace(/^\xEF\xBB\xBF/, '')
    .trimStart();
const ascii = (head: Buffer, from: number, to: number) => head.subarray(from, to).toString('latin1');
const starts = (head: Buffer, ...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);

const REFUSED: { what: string; is: (head: Buffer) => boolean }[] = [
  { what: 'an HLS playlist', is: (head) => /^#EXTM3U/i.test(text(head)) },
  { what: 'an ffmpeg concat script', is: (head) => /^ffconcat|^file\s+['"/]/i.test(text(head)) },
  {
    what: 'a DASH manifest or other XML',
    is: (head) => /^<(\?xml|MPD|smil|svg|!DOCTYPE|html)/i.test(text(head)),
  },
  { what: 'a playlist', is: (head) => /^(\[playlist\]|\[Reference\]|#EXT)/i.test(text(head)) },
  { what: 'a JPEG picture', is: (head) => starts(head, 0xff, 0xd8, 0xff) },
  { what: 'a PNG picture', is: (head) => starts(head, 0x89, 0x50, 0x4e, 0x47) },
  { what: 'a WebP picture', is: (head) => ascii(head, 0, 4) === 'RIFF' && ascii(head, 8, 12) === 'WEBP' },
  { what: 'a TIFF picture', is: (head) => /^(II\*\0|MM\0\*)/.test(ascii(head, 0, 4)) },
  { what: 'a HEIF or AVIF picture', is: (head) => /^ftyp(heic|heix|mif1|avif)$/.test(ascii(head, 4, 12)) },
  { what: 'a PDF document', is: (head) => ascii(head, 0, 5) === '%PDF-' },
  { what: 'an archive', is: (head) => starts(head, 0x50, 0x4b, 3, 4) || starts(head, 0x1f, 0x8b) },
  { what: 'a program', is: (head) => starts(head, 0x7f, 0x45, 0x4c, 0x46) || ascii(head, 0, 2) === '#!' },
];

const MOV_BOXES = new Set([
  'ftyp',
  'moov',
  'mdat',
  'free',
  'skip',
  'wide',
  'pnot',
  'moof',
  'styp',
  'sidx',
  'uuid',
]);

/** What the bytes are, as far as the first of them tell. */
export type Sniffed =
  | { kind: 'refused'; what: string }
  /** Begins like a container of the allow-list, so what cannot be read is damage. */
  | { kind: 'media' }
  /** The demuxers will have to say. */
  | { kind: 'unknown' };

/** Pure; `head` is up to {@link SNIFF_BYTES} from the beginning. */
export function sniff(head: Buffer): Sniffed {
  const refused = REFUSED.find(({ is }) => is(head));
  if (refused) return { kind: 'refused', what: refused.what };
  const isMedia =
    MOV_BOXES.has(ascii(head, 4, 8)) ||
    starts(head, 0x1a, 0x45, 0xdf, 0xa3) || // Matroska, WebM
    (ascii(head, 0, 4) === 'RIFF' && /^(AVI |WAVE)$/.test(ascii(head, 8, 12))) ||
    /^(FLV.|OggS|fLaC|GIF8|ID3.)/s.test(ascii(head, 0, 4)) ||
    starts(head, 0x30, 0x26, 0xb2, 0x75) || // ASF
    starts(head, 0, 0, 1, 0xba) || // MPEG programme stream
    (head[0] === 0x47 && head[188] === 0x47); // MPEG transport stream
  return { kind: isMedia ? 'media' : 'unknown' };
}

/**
 * @throws CinedexError MEDIA_EMPTY, or MEDIA_UNSUPPORTED for what is never a video (playlists, pictures, text)
 */
export async function sniffFile(file: string): Promise<{ sniffed: Sniffed; bytes: number }> {
  await using handle = await open(file, 'r');
  const { size } = await handle.stat();
  if (size === 0) throw new CinedexError('MEDIA_EMPTY', 'The file has no bytes.');
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
  const head = buffer.subarray(0, bytesRead);
  const sniffed = sniff(head);
  if (sniffed.kind === 'refused') {
    throw new CinedexError(
      'MEDIA_UNSUPPORTED',
      `The file is ${sniffed.what}, not a video, whatever its name says.`,
    );
  }
  if (sniffed.kind === 'unknown' && isPlainText(head)) {
    throw new CinedexError('MEDIA_UNSUPPORTED', 'The file is text, not a video, whatever its name says.');
  }
  return { sniffed, bytes: size };
}

function isPlainText(head: Buffer): boolean {
  return (
    head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte !== 127)) &&
    !head.toString('utf8').includes('\uFFFD')
  );
}

/** What a player is told that the bytes are, by their beginning. Pure. */
export function mediaTypeOf(head: Buffer): string {
  if (ascii(head, 4, 8) === 'ftyp') return ascii(head, 8, 12) === 'qt  ' ? 'video/quicktime' : 'video/mp4';
  if (MOV_BOXES.has(ascii(head, 4, 8))) return 'video/mp4';
  if (starts(head, 0x1a, 0x45, 0xdf, 0xa3)) {
    return head.includes('webm') ? 'video/webm' : 'video/x-matroska';
  }
  if (ascii(head, 0, 4) === 'OggS') return 'video/ogg';
  if (ascii(head, 0, 4) === 'RIFF' && ascii(head, 8, 12) === 'AVI ') return 'video/x-msvideo';
  if (ascii(head, 0, 3) === 'FLV') return 'video/x-flv';
  if (head[0] === 0x47 && head[188] === 0x47) return 'video/mp2t';
  return 'application/octet-stream';
}
