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

export function constraintName(constraint: Constraint, { constraint: words }: Words): string {
  switch (constraint.kind) {
    case 'duration': {
      const { least, most } = constraint;
      return words.duration(least === null ? null : clock(least), most === null ? null : clock(most));
    }
    case 'recent':
      return words.recent(constraint.days);
    default:
      return words[constraint.kind](constraint.value);
  }
}

/** What to tell of a failure, in the page's language where it has words for it. */
export function failureWords(error: ApiError, words: Words): { detail: string; hint: string | null } {
  if (error.code === 'EXAMPLE_GONE') return { detail: words.failed.gone, hint: null };
  return words.errors[error.code] ?? { detail: error.message, hint: error.hint };
}
