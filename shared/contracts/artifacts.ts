/**
 * What each stage leaves behind: the JSON manifest of its artifact. Pictures, sound and vectors are blobs that the
 * manifest refers to. Changes are additive; a change of meaning is a new stage version.
 */
import { z } from 'zod';
import { BlobRef, Box, Language, Seconds, VectorBlob } from './common.ts';

// ---------------------------------------------------------------- frames

export const MediaInfo = z.object({
  container: z.string(),
  durationSec: Seconds,
  /** Displayed size in pixels: after rotation and sample aspect ratio. */
  width: z.number().int().positive(),
  height: z.number().int().positive(),
  /** Clockwise degrees the stored picture was turned by to be shown upright. */
  rotation: z.number().int(),
  /** Average frames per second. */
  fps: z.number().positive(),
  variableFrameRate: z.boolean(),
  videoCodec: z.string(),
  audio: z
    .object({
      codec: z.string(),
      sampleRate: z.number().int().positive(),
      channels: z.number().int().positive(),
    })
    .nullable(),
  bytes: z.number().int().nonnegative(),
});
export type MediaInfo = z.infer<typeof MediaInfo>;

export const Shot = z.object({
  index: z.number().int().nonnegative(),
  startSec: Seconds,
  endSec: Seconds,
  /** How the shot begins. */
  transition: z.enum(['start', 'cut', 'gradual']),
});
export type Shot = z.infer<typeof Shot>;

export const KeyFrame = z.object({
  index: z.number().int().nonnegative(),
  shot: z.number().int().nonnegative(),
  timeSec: Seconds,
  /** JPEG, at most 1280 pixels wide, upright. */
  image: BlobRef,
  /** WebP, at most 320 pixels wide. */
  thumbnail: BlobRef,
  width: z.number().int().positive(),
  height: z.number().int().positive(),
  /** Variance of the Laplacian of the luma at a fixed size; higher is sharper. Comparable within one video. */
  sharpness: z.number().nonnegative(),
  /** 64-bit difference hash, 16 hexadecimal digits. */
  dhash: z.string().regex(/^[0-9a-f]{16}$/),
});
export type KeyFrame = z.infer<typeof KeyFrame>;

export const FramesExtracted = z.object({
  media: MediaInfo,
  shots: z.array(Shot).min(1),
  /** At least one for any decodable video, in order of time. */
  keyFrames: z.array(KeyFrame).min(1),
  /**
   * Pictures at an even rate (about two a second) for what must be followed over time: captions and faces.
   * All JPEGs lie one after the other in one blob, each followed by the same picture in grey, SMALL_GREY (shared/media/samples)
   * in size, a byte a pixel; a still picture is stored once and referred to again.
   */
  samples: z.object({
    blob: BlobRef,
    fps: z.number().positive(),
    items: z.array(
      z.object({
        timeSec: Seconds,
        shot: z.number().int().nonnegative(),
        offset: z.number().int().nonnegative(),
        length: z.number().int().positive(),
      }),
    ),
  }),
  /** WebP, at most 640 pixels wide. */
  poster: BlobRef,
});
export type FramesExtracted = z.infer<typeof FramesExtracted>;

// ---------------------------------------------------------------- ocr

export const TextLine = z.object({
  text: z.string().min(1),
  language: Language,
  confidence: z.number().min(0).max(1),
  engine: z.enum(['ppocr', 'tesseract']),
  role: z.enum(['caption', 'title', 'scene']),
  /** Four corners in fractions of the picture, clockwise from the top left of the text. */
  quad: z.array(z.tuple([z.number(), z.number()])).length(4),
  startSec: Seconds,
  endSec: Seconds,
  shot: z.number().int().nonnegative(),
});
export type TextLine = z.infer<typeof TextLine>;

export const TextRecognized = z.object({
  engine: z.enum(['ppocr', 'tesseract']),
  lines: z.array(TextLine),
  /** Pictures looked at, and on how many of them detection and recognition really ran. */
  looked: z.number().int().nonnegative(),
  detected: z.number().int().nonnegative(),
  recognised: z.number().int().nonnegative(),
});
export type TextRecognized = z.infer<typeof TextRecognized>;

// ---------------------------------------------------------------- faces

export const FaceTrack = z.object({
  id: z.number().int().nonnegative(),
  shot: z.number().int().nonnegative(),
  startSec: Seconds,
  endSec: Seconds,
  boxes: z.array(z.object({ timeSec: Seconds, box: Box })).min(1),
  /** The best view of the track: largest, sharpest, most frontal. */
  best: z.object({
    timeSec: Seconds,
    box: Box,
    /** Width of the face in pixels of the frame looked at. */
    widthPx: z.number().positive(),
    /** Degrees. Null when only the detector saw it (a full profile gets no mesh). */
    pose: z.object({ yaw: z.number(), pitch: z.number(), roll: z.number() }).nullable(),
    /** 0..1 from size, sharpness and pose. */
    quality: z.number().min(0).max(1),
    thumbnail: BlobRef,
  }),
  /** Row in `descriptors`; null for a face without one ("face, unidentified"). */
  descriptor: z.number().int().nonnegative().nullable(),
  /** A weak descriptor (small, turned or blurred) may support a match but never names anyone by itself. */
  strength: z.enum(['strong', 'weak', 'none']),
});
export type FaceTrack = z.infer<typeof FaceTrack>;

export const FacesRecognized = z.object({
  tracks: z.array(FaceTrack),
  /** Same person within the video: ids of tracks; `descriptor` is the row of the cluster's median. */
  clusters: z.array(
    z.object({
      id: z.number().int().nonnegative(),
      tracks: z.array(z.number().int().nonnegative()).min(1),
      descriptor: z.number().int().nonnegative(),
      strength: z.enum(['strong', 'weak']),
      screenSec: Seconds,
    }),
  ),
  /** Null when no face has a descriptor. */
  descriptors: VectorBlob.nullable(),
  looked: z.number().int().nonnegative(),
});
export type FacesRecognized = z.infer<typeof FacesRecognized>;

// ---------------------------------------------------------------- audio

export const AudioSegment = z.object({
  startSec: Seconds,
  endSec: Seconds,
  kind: z.enum(['speech', 'music', 'silence', 'other']),
  confidence: z.number().min(0).max(1),
  /** Row in `embeddings`; null for silence. */
  embedding: z.number().int().nonnegative().nullable(),
  /** Beats a minute, when a beat is clear. */
  tempoBpm: z.number().positive().nullable(),
});
export type AudioSegment = z.infer<typeof AudioSegment>;

export const SpeechSegment = z.object({
  startSec: Seconds,
  endSec: Seconds,
  text: z.string().min(1),
  language: Language,
  /** Mean token probability, 0..1. */
  confidence: z.number().min(0).max(1),
});
export type SpeechSegment = z.infer<typeof SpeechSegment>;

export const AudioAnalyzed = z.object({
  durationSec: Seconds,
  /** EBU R128. Null where the track is too short or silent to be measured. */
  loudness: z.object({
    integratedLufs: z.number().nullable(),
    rangeLu: z.number().nullable(),
    truePeakDbtp: z.number().nullable(),
  }),
  segments: z.array(AudioSegment),
  embeddings: VectorBlob.nullable(),
  /** 32-bit sub-fingerprints, little endian, `frameSec` apart. Null where the track is too short. */
  fingerprint: z.object({ algorithm: z.string(), frameSec: z.number().positive(), blob: BlobRef }).nullable(),
  transcript: z.object({ model: z.string(), segments: z.array(SpeechSegment) }).nullable(),
});
export type AudioAnalyzed = z.infer<typeof AudioAnalyzed>;

// ---------------------------------------------------------------- embedding

export const PicturesEmbedded = z.object({
  /** The shared space of pictures and texts. Vectors of different spaces are never compared. */
  space: z.object({ id: z.string(), dimensions: z.number().int().positive(), model: z.string() }),
  /** One a key frame, L2-normalised: row i of `vectors` belongs to frames[i]. */
  frames: z.array(
    z.object({
      keyFrame: z.number().int().nonnegative(),
      shot: z.number().int().nonnegative(),
      timeSec: Seconds,
      /** What is seen, most certain first. */
      labels: z.array(z.object({ label: z.string(), score: z.number().min(0).max(1), box: Box.optional() })),
    }),
  ),
  vectors: VectorBlob,
  /** Null where no safety model is loaded. 0..1, the highest over the frames. */
  safety: z.object({ explicit: z.number().min(0).max(1) }).nullable(),
});
export type PicturesEmbedded = z.infer<typeof PicturesEmbedded>;

// ---------------------------------------------------------------- document

export const Keyword = z.object({ text: z.string(), weight: z.number().nonnegative(), language: Language });
export type Keyword = z.infer<typeof Keyword>;

export const DocumentIndexed = z.object({
  generation: z.string(),
  revision: z.number().int().nonnegative(),
  points: z.object({
    videos: z.number().int().nonnegative(),
    moments: z.number().int().nonnegative(),
    faces: z.number().int().nonnegative(),
    audio: z.number().int().nonnegative(),
  }),
  /** The texts that were joined, by field. */
  fields: z.record(z.string(), z.string()),
  keywords: z.array(Keyword),
  people: z.array(z.object({ identity: z.string(), name: z.string().nullable(), screenSec: Seconds })),
  /** Videos that are near-duplicates share a group; null when it stands alone. */
  nearDuplicateGroup: z.string().nullable(),
  /** Stages that did not fully contribute. Empty: complete. */
  missing: z.array(z.string()),
});
export type DocumentIndexed = z.infer<typeof DocumentIndexed>;
