import type { MediaSource } from '../contracts/events.ts';

export interface OpenedMedia {
  /** A local file with a name made by us, safe to hand to ffmpeg. */
  path: string;
  bytes: number;
  /** Call when done; a downloaded copy may then be evicted. */
  release(): Promise<void>;
}

/** Turns an untrusted uri into a local file: allowed places only, sizes limited, checksum verified. */
export interface MediaAccess {
  /**
   * @throws CinedexError URI_NOT_ALLOWED, MEDIA_NOT_FOUND, MEDIA_FETCH_FAILED, MEDIA_TOO_LARGE, MEDIA_EMPTY,
   * MEDIA_CHANGED or ABORTED
   */
  open(media: MediaSource, signal: AbortSignal): Promise<OpenedMedia>;
}
