/** Turns the last words of ffmpeg and ffprobe into one of our errors. */
import { CinedexError, type ErrorCode } from '../contracts/errors.ts';
import type { Sniffed } from './sniff.ts';

const CAUSES: { words: RegExp; code: ErrorCode; message: string }[] = [
  { words: /not on whitelist/i, code: 'MEDIA_UNSUPPORTED', message: 'The format is not on the allow-list.' },
  {
    words: /Protocol .* not on whitelist/i,
    code: 'MEDIA_UNSUPPORTED',
    message: 'The file refers to other places.',
  },
  {
    words:
      /picture size \d+x\d+ is invalid|max_pixels|exceeds specified max pixel|Dimensions \d+x\d+ not supported/i,
    code: 'MEDIA_LIMIT',
    message: 'The picture is larger than media.maxPixels allows.',
  },
  {
    words: /cannot allocate memory|out of memory|failed to allocate|std::bad_alloc/i,
    code: 'MEDIA_LIMIT',
    message: 'Decoding wants more memory than media.maxMemoryBytes allows.',
  },
  { words: /encrypted|DRM|decryption key/i, code: 'MEDIA_ENCRYPTED', message: 'The media is encrypted.' },
  {
    words: /decoder .* not found|unknown decoder|could not find codec parameters|no decoder|not implemented/i,
    code: 'MEDIA_UNSUPPORTED',
    message: 'No decoder for this codec.',
  },
  {
    words: /moov atom not found/i,
    code: 'MEDIA_CORRUPT',
    message: 'The file’s index (moov) is missing: it is truncated or was never finished.',
  },
  { words: /partial file|end of file|truncat/i, code: 'MEDIA_CORRUPT', message: 'The file is truncated.' },
  {
    words: /matches no streams|does not contain any stream/i,
    code: 'MEDIA_NO_VIDEO',
    message: 'No such track.',
  },
  {
    words: /invalid data found|error while decoding|invalid NAL|header parsing failed|could not find/i,
    code: 'MEDIA_CORRUPT',
    message: 'The file is damaged.',
  },
];

/** What is known when a child has ended badly. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  words: readonly string[];
  sniffed?: Sniffed;
}

/** Pure. Without a recognised cause it is FFMPEG_FAILED, which is tried again. */
export function explainEnding({ code, signal, words, sniffed }: Ending): CinedexError {
  const last = words.slice(-3).map(withoutAddresses).join(' | ').slice(0, 400);
  if (signal === 'SIGXCPU') {
    return new CinedexError('MEDIA_TIMEOUT', 'Decoding used up its processor time.');
  }
  const found = CAUSES.find((cause) => words.some((line) => cause.words.test(line)));
  if (found?.code === 'MEDIA_CORRUPT' && sniffed?.kind === 'unknown') {
    return new CinedexError('MEDIA_UNSUPPORTED', `Not a container on the allow-list. ffmpeg: ${last}`);
  }
  if (found) return new CinedexError(found.code, `${found.message} ffmpeg: ${last}`);
  return new CinedexError('FFMPEG_FAILED', `Ended with ${signal ?? `code ${code}`}: ${last || 'no words'}`);
}

/** Context names carry addresses (`[mov @ 0x55…]`) that differ on every run, and local paths are nobody's business. */
export function withoutAddresses(line: string): string {
  return line
    .replace(/ @ 0x[0-9a-f]+/g, '')
    .replace(/file:\/\S+?:? /g, 'input: ')
    .trim();
}
