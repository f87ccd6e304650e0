import sharp from 'sharp';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import type { Pixels } from './types.ts';

// Work is spread over threads by the pictures, not within one.
sharp.concurrency(1);

/** @param bytes JPEG, PNG or WebP; transparency becomes white. @throws CinedexError MEDIA_CORRUPT */
export async function decodePicture(bytes: Uint8Array): Promise<Pixels> {
  try {
    const { data, info } = await sharp(bytes)
      .flatten({ background: '#fff' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels`);
    return { data, width: info.width, height: info.height };
  } catch (error) {
    throw new CinedexError('MEDIA_CORRUPT', `A picture cannot be decoded: ${String(error)}`, {
      cause: error,
    });
  }
}
