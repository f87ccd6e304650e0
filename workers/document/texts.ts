/** The texts of a video, joined into the fields of its document. */
import type { Keyword } from '../../shared/contracts/artifacts.ts';
import type { VideoMetadata } from '../../shared/contracts/events.ts';
import { keywords } from '../../shared/text/keywords.ts';
import { tidy } from '../../shared/text/normalise.ts';
import { distinct, type Moment } from './moments.ts';
import type { PersonSeen } from './people.ts';

export interface DocumentTexts {
  /** What it is called: title, series, episode. */
  title: string;
  /** What was written about it: description, tags, channel. */
  about: string;
  /** What stands in its pictures, each wording once. */
  screen: string;
  speech: string;
  /** Names and aliases of cast and people seen, and of characters. */
  people: string;
  /** What is seen, without times. */
  labels: string;
}

export function joinTexts(
  metadata: VideoMetadata,
  moments: readonly Moment[],
  people: readonly PersonSeen[],
): DocumentTexts {
  const cues = moments.flatMap((moment) => moment.cues);
  const words = (kind: 'said' | 'shown') =>
    distinct(cues.filter((cue) => cue.kind === kind).map(({ text }) => text)).join('\n');
  const { title, series, season, episode, description, tags, channel, uploader, cast } = metadata;
  const lines = (parts: (string | undefined)[]) =>
    distinct(parts.filter((part) => part !== undefined).map(tidy)).join('\n');
  return {
    title: lines([
      title,
      series,
      season !== undefined ? `S${season}` : undefined,
      episode !== undefined ? `E${episode}` : undefined,
    ]),
    about: lines([description, ...(tags ?? []), channel?.name, uploader?.name]),
    screen: words('shown'),
    speech: words('said'),
    people: lines([
      ...(cast ?? []).flatMap(({ name, character, aliases }) => [name, character, ...(aliases ?? [])]),
      ...people.flatMap(({ name, aliases }) => (name ? [name, ...aliases] : [])),
    ]),
    labels: distinct(moments.flatMap((moment) => moment.labels.map(({ label }) => label))).join('\n'),
  };
}

/** Words of the title count most: somebody chose them to say what the video is about. */
export function documentKeywords(texts: DocumentTexts, limit: number): Keyword[] {
  return keywords(
    [
      { text: texts.title, weight: 3 },
      { text: texts.about, weight: 2 },
      { text: texts.screen, weight: 1 },
      { text: texts.speech, weight: 1 },
    ],
    limit,
  );
}

/** Names by which a video or moment can be filtered. */
export function namesOf(metadata: VideoMetadata, people: readonly PersonSeen[]): string[] {
  const cast = (metadata.cast ?? []).flatMap(({ name, aliases }) => [name, ...(aliases ?? [])]);
  return distinct([...cast, ...people.flatMap(({ name }) => name ?? [])]);
}
