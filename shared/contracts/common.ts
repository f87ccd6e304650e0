import { z } from 'zod';

/** Seconds from the start of the video, on its presentation clock. */
export const Seconds = z.number().nonnegative();

export const TimeSpan = z.object({ startSec: Seconds, endSec: Seconds });
export type TimeSpan = z.infer<typeof TimeSpan>;

/** A box in fractions of the picture's width and height (0..1), origin at the top left. */
export const Box = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });
export type Box = z.infer<typeof Box>;

/** A blob in the artifact store, named by its content. */
export const BlobRef = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int().nonnegative(),
  mediaType: z.string(),
});
export type BlobRef = z.infer<typeof BlobRef>;

/** A matrix of float32 vectors (little endian, row after row) in a blob of rows × dimensions × 4 bytes. */
export const VectorBlob = z.object({
  blob: BlobRef,
  rows: z.number().int().nonnegative(),
  dimensions: z.number().int().positive(),
});
export type VectorBlob = z.infer<typeof VectorBlob>;

export const Language = z.enum(['en', 'zh', 'und']);
export type Language = z.infer<typeof Language>;

/** Identifiers become parts of keys and paths, so their alphabet is kept narrow. */
export const TenantId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
export const VideoId = z
  .string()
  .regex(/^[^\s\p{C}/]{1,200}$/u, 'one to 200 characters without blanks, slashes or control characters');

export const VideoRef = z.object({ tenant: TenantId, videoId: VideoId });
export type VideoRef = z.infer<typeof VideoRef>;

/** `tenant/videoId`: the key of every record about one video, which keeps its events in order. */
export function videoKey(ref: VideoRef): string {
  return `${ref.tenant}/${ref.videoId}`;
}

export const SourceKind = z.enum(['ogc', 'ugc']);
export type SourceKind = z.infer<typeof SourceKind>;

/** Lanes in the order in which they are served. */
export const LANES = ['ogc', 'ugc', 'backfill'] as const;
export const Lane = z.enum(LANES);
export type Lane = z.infer<typeof Lane>;
