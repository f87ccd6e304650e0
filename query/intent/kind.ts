/** What sort of thing is asked for. Rules, each of which can be read off the answer's explanation. */
import type { Language } from '../../shared/contracts/common.ts';
import { plain } from '../../shared/text/normalise.ts';
import type { Constraint } from './constraints.ts';
import type { LinkedEntity } from './entities.ts';

/** `navigational`: a known work by its name. `person`: somebody. `quote`: words said or shown. `scene`: what is to be seen. */
export type QueryKind = 'navigational' | 'person' | 'quote' | 'scene' | 'topic';

export interface KindEvidence {
  text: string;
  language: Language;
  quoted: readonly string[];
  entities: readonly LinkedEntity[];
  constraints: readonly Constraint[];
}

/** A mention this large a part of the query is what the query is about. */
const MOST_OF_IT = 0.6;
const SPEECH_EN = /\b(i|i'm|i'll|you|you're|we|let's|don't|can't|my|your|our)\b/i;
const SPEECH_ZH = /[我你您咱]|吗$|呢$|吧$|啊$/;
const SAID = /\b(says?|said|saying|quote|line|lyrics?)\b|台词|说过|说的|说“|歌词/i;
const SCENE_EN =
  /\b(an?|two|three|some|several)\b.*\b(in|on|at|with|under|over|near|by|from|of|wearing|\w+ing)\b|^(an?|two|three|someone|somebody|people)\s|\b\w{3,}ing\b.*\b(in|on|at|with|from|into|to)\b/i;
const SCENE_ZH = /[着在].*的|的.{1,8}(男人|女人|男孩|女孩|人|孩子|狗|猫|车)|里的|上的|中的|正在|[着里上]/;

/** @returns the kind, and the rule that chose it */
export function kindOf({ text, language, quoted, entities, constraints }: KindEvidence): {
  kind: QueryKind;
  because: string;
} {
  const length = [...plain(text)].length || 1;
  const share = (kinds: readonly string[]) =>
    entities
      .filter(({ entity }) => kinds.includes(entity.kind))
      .reduce((sum, { mention }) => Math.max(sum, [...plain(mention)].length), 0) / length;
  const placed = constraints.some(({ kind }) => kind === 'season' || kind === 'episode');
  if (quoted.length > 0) return { kind: 'quote', because: 'stands in quotation marks' };
  if (SAID.test(text)) return { kind: 'quote', because: 'asks for what is said' };
  if (share(['work', 'series']) >= MOST_OF_IT)
    return { kind: 'navigational', because: 'is the name of a work' };
  if (placed) return { kind: 'navigational', because: 'names a season or an episode' };
  if (share(['person', 'character']) >= MOST_OF_IT)
    return { kind: 'person', because: 'is the name of somebody' };
  const words = plain(text).split(' ').length;
  if (language === 'zh') {
    if (SPEECH_ZH.test(text) && [...text].length >= 6)
      return { kind: 'quote', because: 'speaks to somebody' };
    if (SCENE_ZH.test(text)) return { kind: 'scene', because: 'describes what is to be seen' };
  } else {
    if (SPEECH_EN.test(text) && words >= 4) return { kind: 'quote', because: 'speaks to somebody' };
    if (SCENE_EN.test(text)) return { kind: 'scene', because: 'describes what is to be seen' };
    if (words >= 8) return { kind: 'quote', because: 'is a sentence' };
  }
  if (share(['person']) > 0) return { kind: 'person', because: 'names somebody' };
  return { kind: 'topic', because: 'none of the others' };
}
