/** Pictures that somebody asks with: checked before anything decodes them, and made small and plain for the models. */
import sharp from 'sharp';
import { CinedexError } from '../../shared/contracts/errors.ts';

export const LARGEST_PICTURE_BYTES = 20 * 1024 ** 2;
/** Width × height: what the largest telephone cameras take. */
const MOST_PIXELS = 108_000_000;
/** As the key frames that it is compared with, and what the face detector shrinks to. */
const LONGEST_SIDE = 1_280;
const TIMEOUT_SEC = 10;

/** First bytes of what is accepted. libvips opens much else (SVG with its references, PDF, TIFF), and guesses by itself. */
const KINDS: { format: 'jpeg' | 'png' | 'webp' | 'gif'; is: (head: string) => boolean }[] = [
  { format: 'jpeg', is: (head) => head.startsWith('\xff\xd8\xff') },
  { format: 'png', is: (head) => head.startsWith('\x89PNG\r\n\x1a\n') },
  { format: 'webp', is: (head) => head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP' },
  { format: 'gif', is: (head) => /^GIF8[79]a/.test(head) },
];

/**
 * Opens a JPEG, PNG or WebP picture, or the first one of a GIF.
 * @returns a PNG: upright, without transparency, in sRGB, at most 1280 pixels on its longer side
 * @throws CinedexError MEDIA_EMPTY; MEDIA_UNSUPPORTED for anything else; MEDIA_LIMIT above 20 MiB or 108 megapixels;
 * MEDIA_CORRUPT; MEDIA_TIMEOUT after 10 s
 */
export async function openPicture(encoded: Uint8Array): Promise<Buffer> {
  if (encoded.length === 0) throw new CinedexError('MEDIA_EMPTY', 'The picture has no bytes.');
  if (encoded.length > LARGEST_PICTURE_BYTES) {
    throw new CinedexError('MEDIA_LIMIT', `A picture may have ${LARGEST_PICTURE_BYTES} bytes.`);
  }
  const head = Buffer.from(encoded.subarray(0, 16)).toString('latin1');
  const kind = KINDS.find(({ is }) => is(head));
  if (!kind) {
    throw new CinedexError(
      'MEDIA_UNSUPPORTED',
      'The file is no picture that can be asked with: JPEG, PNG, WebP or GIF.',
    );
  }
  try {
    const picture = sharp(encoded, { limitInputPixels: false, failOn: 'truncated', pages: 1 });
    const { width, height, format } = await picture.metadata();
    // A file can be of two kinds at once; what was looked at is to be what is decoded.
    if (format !== kind.format) throw new Error(`It begins as ${kind.format} and is ${format}.`);
    // Asked of the header, so nothing has been decoded yet.
    if (width * height > MOST_PIXELS) {
      throw new CinedexError(
        'MEDIA_LIMIT',
        `The picture is ${width}×${height}; ${MOST_PIXELS} pixels are read.`,
      );
    }
    return await sharp(encoded, { limitInputPixels: MOST_PIXELS, failOn: 'truncated', pages: 1 })
      .timeout({ seconds: TIMEOUT_SEC })
      .rotate()
      .flatten({ background: '#808080' })
      .toColourspace('srgb')
      .resize({ width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true })
      .png({ compressionLevel: 1 })
      .toBuffer();
  } catch (cause) {
    if (cause instanceof CinedexError) throw cause;
    if (cause instanceof Error && /timeout/i.test(cause.message)) {
      throw new CinedexError('MEDIA_TIMEOUT', `The picture was not decoded within ${TIMEOUT_SEC} s.`, {
        cause,
      });
    }
    throw new CinedexError('MEDIA_CORRUPT', 'The picture cannot be decoded.', { cause });
  }
}
