/** Names for what the server calls by short words. Pure. */
import type { ApiError } from '../api/client.ts';
import type { Constraint } from '../api/types.ts';
import { clock } from '../format.ts';
import type { Words } from './en.ts';

/** `moments.speech~` as a person reads it: the field, what it is of, and how it compares. */
export function channelName(channel: string, { explain }: Words): { name: string; of: string } {
  const meaning = channel.endsWith('~');
  const [collection = '', field = ''] = channel.replace(/~$/, '').split('.');
  const places: Record<string, string> = {
    videos: explain.videos,
    moments: explain.moments,
    faces: explain.faces,
    audio: explain.audio,
  };
  const how = meaning ? explain.meaning : explain.wording;
  return { name: explain.fields[field] ?? channel, of: `${places[collection] ?? collection}, ${how}` };
}

/** Conditions of a kind that the page does not know are told by their own words. */
export function constraintName(constraint: Constraint, { constraint: words }: Words): string {
  const { kind, phrase, value, days, least, most } = constraint;
  const time = (seconds: unknown) => (typeof seconds === 'number' ? clock(seconds) : null);
  if (kind === 'duration') return words.duration(time(least), time(most));
  if (kind === 'recent' && typeof days === 'number') return words.recent(days);
  if (typeof value === 'number' && isCounted(kind)) return words[kind](value);
  return phrase;
}

const COUNTED = ['season', 'episode', 'year', 'resolution'] as const;

function isCounted(kind: string): kind is (typeof COUNTED)[number] {
  return COUNTED.some((each) => each === kind);
}

/** What to tell of a failure, in the page's language where it has words for it. */
export function failureWords(error: ApiError, words: Words): { detail: string; hint: string | null } {
  if (error.code === 'EXAMPLE_GONE') return { detail: words.failed.gone, hint: null };
  return words.errors[error.code] ?? { detail: error.message, hint: error.hint };
}
