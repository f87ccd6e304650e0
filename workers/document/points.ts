/** The points of a video, made of what is known about it. Pure: the same parts give the same points. */
import type {
  AudioAnalyzed,
  FramesExtracted,
  Keyword,
  PicturesEmbedded,
} from '../../shared/contracts/artifacts.ts';
import { pointId } from '../../shared/index/schema.ts';
import type { InteractionCounts, VideoRecord } from '../../shared/ports/ledger.ts';
import type { Payload, Point } from '../../shared/ports/video-index.ts';
import { fold } from '../../shared/text/normalise.ts';
import { detectLanguage } from '../../shared/text/script.ts';
import type { Moment, MomentWords } from './moments.ts';
import { type PersonSeen, seenDuring } from './people.ts';
import { type DocumentTexts, namesOf } from './texts.ts';
import { centre, unit } from './vectors.ts';

export interface DocumentParts {
  video: VideoRecord;
  /** Hash of all that the points are made of but the statistics. */
  content: string;
  frames: FramesExtracted;
  audio: AudioAnalyzed | null;
  embedding: PicturesEmbedded | null;
  moments: readonly { moment: Moment; words: MomentWords }[];
  people: readonly PersonSeen[];
  texts: DocumentTexts;
  keywords: readonly Keyword[];
  missing: readonly string[];
  duplicates: { group: string | null; bands: readonly string[]; hashes: string };
  /** Rows of the stages' vector blobs. */
  vectors: {
    frames: readonly Float32Array[];
    faces: readonly Float32Array[];
    audio: readonly Float32Array[];
    /** Of document fields and of the words of moments, by text. */
    text: ReadonlyMap<string, Float32Array>;
  };
  /** Of the same texts, by text; those without are missing. */
  tokens: ReadonlyMap<string, readonly string[]>;
}

export interface DocumentPoints {
  videos: Point[];
  moments: Point[];
  faces: Point[];
  audio: Point[];
}

type Vectors = Record<string, Float32Array>;

/** Vectors that are there; a zero vector or a missing one is left out. */
function present(vectors: Record<string, Float32Array | undefined>): Vectors {
  const kept: Vectors = {};
  for (const [name, vector] of Object.entries(vectors)) {
    const direction = vector && unit(vector);
    if (direction) kept[name] = direction;
  }
  return kept;
}

function common({ video, content }: DocumentParts): Payload {
  return { tenant: video.tenant, video: video.videoId, revision: video.revision, content };
}

export function buildPoints(parts: DocumentParts): DocumentPoints {
  const rows = new Map(parts.embedding?.frames.map((frame, row) => [frame.keyFrame, row]));
  return {
    moments: parts.moments.map(({ moment, words }) => momentPoint(parts, moment, words, rows)),
    faces: facePoints(parts),
    audio: audioPoints(parts),
    videos: [videoPoint(parts)],
  };
}

/** Every text that is needed as tokens. */
export function textsToAnalyse(parts: Pick<DocumentParts, 'texts' | 'moments' | 'people'>): string[] {
  const { title, about, screen, speech, people } = parts.texts;
  const ofMoments = parts.moments.flatMap(({ moment, words }) => [
    ...[words.shown, words.said, words.labels],
    namesSeen(seenDuring(parts.people, moment.startSec, moment.endSec)).join('\n'),
  ]);
  return [...new Set([title, about, screen, speech, people, ...ofMoments])].filter((text) => text !== '');
}

function namesSeen(people: readonly PersonSeen[]): string[] {
  return people.flatMap(({ name, aliases }) => (name ? [name, ...aliases] : []));
}

/** What viewers did; the only part of a point that changes without its content. */
export function statisticsPayload(video: VideoRecord): Payload {
  const { statistics } = video.metadata;
  const { impressions = 0, clicks = 0, watchSeconds = 0, ranked, queries = {} } = video.interactions ?? {};
  return {
    revision: video.revision,
    recordedAt: video.updatedAt,
    statistics: { ...statistics },
    views: statistics?.views ?? 0,
    impressions,
    clicks,
    watchSeconds: watchSeconds + (statistics?.watchSeconds ?? 0),
    meanPosition: meanRank(ranked),
    // What viewers asked who came to this video, for searching by it and for grading.
    queries: Object.entries(queries).map(([query, { ranked: ranks, ...counts }]) => ({
      ...{ query, ...counts, meanPosition: meanRank(ranks) },
    })),
  };
}

/** Null where no rank is known. */
function meanRank(ranked: InteractionCounts['ranked']): number | null {
  return ranked && ranked.impressions > 0 ? ranked.sumOfRanks / ranked.impressions : null;
}

function videoPoint(parts: DocumentParts): Point {
  const { video, frames, texts, people, moments, vectors, duplicates } = parts;
  const tokens = (text: string) => parts.tokens.get(text) ?? [];
  const { metadata } = video;
  const words = [...new Set(moments.map((each) => each.words.all))].flatMap(
    (all) => vectors.text.get(all) ?? [],
  );
  const names = namesOf(metadata, people);
  const { uploader, channel, cast } = metadata;
  return {
    id: pointId(video, 'videos'),
    vectors: present({
      title: vectors.text.get(texts.title),
      about: vectors.text.get(texts.about),
      people: vectors.text.get(texts.people),
      words: centre(words),
      gist: centre(vectors.frames),
    }),
    multivectors: { parts: documentParts(parts) },
    lexical: {
      title: tokens(texts.title),
      about: tokens(texts.about),
      screen: tokens(texts.screen),
      speech: tokens(texts.speech),
      people: tokens(texts.people),
    },
    payload: {
      ...common(parts),
      ...statisticsPayload(video),
      source: video.source,
      title: metadata.title,
      description: metadata.description ?? null,
      language: metadata.language ?? detectLanguage(Object.values(texts).join('\n')),
      uploader: uploader?.id ?? null,
      channel: channel?.id ?? null,
      channelName: channel?.name ?? null,
      series: metadata.series ?? null,
      season: metadata.season ?? null,
      episode: metadata.episode ?? null,
      tags: (metadata.tags ?? []).map(fold),
      cast: (cast ?? []).map(({ name, role, character }) => ({ name, role, character: character ?? null })),
      licence: metadata.licence ?? null,
      publishedAt: metadata.publishedAt ? Date.parse(metadata.publishedAt) : null,
      durationSec: frames.media.durationSec,
      width: frames.media.width,
      height: frames.media.height,
      poster: { ...frames.poster },
      people: [...new Set(people.map(({ identity }) => identity))],
      names: names.map(fold),
      keywords: parts.keywords.map(({ text }) => text),
      labels: texts.labels.split('\n').filter(Boolean).slice(0, 50),
      sounds: sounds(parts.audio),
      nearDuplicateGroup: duplicates.group,
      signature: [...duplicates.bands],
      frames: duplicates.hashes,
      fingerprint: parts.audio?.fingerprint ? { ...parts.audio.fingerprint.blob } : null,
      explicit: parts.embedding?.safety?.explicit ?? null,
      missing: [...parts.missing],
      complete: parts.missing.length === 0,
      media: video.contentHash,
    },
  };
}

/** A long video has more to say than a set should hold; then moments are taken at even distances. */
const MOST_PARTS = 32;

/** Every text of the video by itself: what it is called, what it is about, who is in it, and the words of its moments. */
function documentParts({ texts, moments, vectors }: DocumentParts): Float32Array[] {
  const own = [texts.title, texts.about, texts.people];
  const said = [...new Set(moments.map(({ words }) => words.all))].filter((all) => vectors.text.has(all));
  const step = Math.max(1, said.length / (MOST_PARTS - own.length));
  const kept = said.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
  return [...new Set([...own, ...kept])].flatMap((text) => {
    const vector = vectors.text.get(text);
    const direction = vector && unit(vector);
    return direction ? [direction] : [];
  });
}

function momentPoint(
  parts: DocumentParts,
  moment: Moment,
  words: MomentWords,
  rows: ReadonlyMap<number, number>,
): Point {
  const { video, vectors } = parts;
  const seen = seenDuring(parts.people, moment.startSec, moment.endSec);
  const names = namesSeen(seen);
  const tokens = (text: string) => parts.tokens.get(text) ?? [];
  const pictures = moment.keyFrames.flatMap(({ index }) => {
    const row = rows.get(index);
    return row === undefined ? [] : (vectors.frames[row] ?? []);
  });
  const sharpest = [...moment.keyFrames].sort((a, b) => b.sharpness - a.sharpness)[0];
  return {
    id: pointId(video, 'moments', `${moment.shot}.${moment.part}`),
    vectors: present({ visual: centre(pictures), words: vectors.text.get(words.all) }),
    lexical: {
      screen: tokens(words.shown),
      speech: tokens(words.said),
      labels: tokens(words.labels),
      people: tokens(names.join('\n')),
    },
    payload: {
      ...common(parts),
      shot: moment.shot,
      part: moment.part,
      startSec: moment.startSec,
      endSec: moment.endSec,
      thumbnail: sharpest ? { ...sharpest.thumbnail } : null,
      cues: moment.cues.map((cue) => ({ ...cue })),
      labels: moment.labels.slice(0, 10).map((label) => ({ ...label })),
      people: [...new Set(seen.map(({ identity }) => identity))],
      names: names.map(fold),
    },
  };
}

function facePoints(parts: DocumentParts): Point[] {
  const { video, people, vectors } = parts;
  return people.map((person): Point => {
    const descriptor = vectors.faces[person.descriptor];
    return {
      id: pointId(video, 'faces', String(person.cluster)),
      // Descriptors are compared by their distance, so their length matters and stays.
      vectors: descriptor ? { descriptor } : {},
      lexical: {},
      payload: {
        ...common(parts),
        cluster: person.cluster,
        identity: person.identity,
        name: person.name,
        strength: person.strength,
        screenSec: person.screenSec,
        spans: person.spans.map(({ startSec, endSec }) => [startSec, endSec]),
        thumbnail: { ...person.thumbnail },
      },
    };
  });
}

function audioPoints(parts: DocumentParts): Point[] {
  return (parts.audio?.segments ?? []).flatMap((segment, index): Point[] => {
    const { embedding, startSec, endSec, kind, confidence } = segment;
    const vector = embedding === null ? undefined : parts.vectors.audio[embedding];
    const direction = vector && unit(vector);
    if (!direction) return [];
    return [
      {
        id: pointId(parts.video, 'audio', String(index)),
        vectors: { embedding: direction },
        lexical: {},
        payload: { ...common(parts), segment: index, startSec, endSec, kind, confidence },
      },
    ];
  });
}

/** Kinds of sound that fill at least three seconds or a tenth of the track. */
function sounds(audio: AudioAnalyzed | null): string[] {
  if (!audio) return [];
  const seconds = new Map<string, number>();
  for (const { kind, startSec, endSec } of audio.segments) {
    seconds.set(kind, (seconds.get(kind) ?? 0) + endSec - startSec);
  }
  const enough = Math.min(3, audio.durationSec / 10);
  return [...seconds].filter(([kind, each]) => kind !== 'silence' && each >= enough).map(([kind]) => kind);
}
