/** What is asked: from a text to words, language, names, conditions and kind. Pure. */
import type { Language } from '../../shared/contracts/common.ts';
import { analyse, stem } from '../../shared/text/analyse.ts';
import { fold, tidy } from '../../shared/text/normalise.ts';
import { detectLanguage, hasHan, scriptRuns } from '../../shared/text/script.ts';
import { segmenter } from '../../shared/text/segmenter.ts';
import { type Constraint, parseConstraints } from './constraints.ts';
import type { Dictionary } from './dictionary.ts';
import type { LinkedEntity } from './entities.ts';
import { kindOf, type QueryKind } from './kind.ts';
import { blur, soundKey } from './sounds.ts';
import { simplified } from './traditional.ts';

export interface Correction {
  from: string;
  to: string;
  by: 'spelling' | 'sound';
}

export interface ContentWord {
  token: string;
  /** Share of the query's meaning; all add up to 1. */
  weight: number;
  /** Tokens that count as this one: what it was probably meant to be. */
  instead: string[];
}

export interface Intent {
  /** As it was asked. */
  raw: string;
  /** Half-width, simplified, without the phrases that became conditions: what is looked for. */
  text: string;
  language: Language;
  /** For BM25; misspelt words beside what they were probably meant to be. */
  tokens: string[];
  words: ContentWord[];
  /** What stood in quotation marks. */
  quoted: string[];
  corrections: Correction[];
  entities: LinkedEntity[];
  constraints: Constraint[];
  kind: QueryKind;
  because: string;
}

const LONGEST_JOINED = 4;
const QUOTED = /["“”「『《]([^"“”「」『』《》]{2,})["“”」』》]/g;

export function understand(raw: string, dictionary: Dictionary): Intent {
  const tidied = tidy(raw);
  const plainText = simplified(tidied);
  const titled = plainText.includes('《');
  const quoted = titled ? [] : [...plainText.matchAll(QUOTED)].map(([, words]) => words!.trim());
  const { constraints, rest } = parseConstraints(plainText);
  const language = detectLanguage(rest);
  const entities = dictionary.entities.link(rest);
  const corrections = correct(rest, entities, dictionary);
  const { kind, because } = kindOf({ text: rest, language, quoted, entities, constraints });
  return {
    raw,
    text: rest,
    language,
    tokens: queryTokens(rest, tidied, corrections, constraints),
    words: contentWords(rest, corrections),
    ...{ quoted, corrections, entities, constraints, kind, because },
  };
}

/** Words that nothing in the index is called, where something that is looks or sounds like them. */
function correct(
  text: string,
  entities: readonly LinkedEntity[],
  { words, bySound }: Dictionary,
): Correction[] {
  const named = new Set(entities.flatMap(({ mention }) => analyse(mention, 'words')));
  const found = new Map<string, Correction>();
  for (const { script, text: run } of scriptRuns(fold(text))) {
    if (script === 'latin') {
      if (named.has(stem(run))) continue;
      const near = words.nearest(run);
      // One stem in two forms is no misspelling.
      if (near && stem(near.word) !== stem(run)) found.set(run, { from: run, to: near.word, by: 'spelling' });
      else if (!near && !words.has(run) && run.length >= 4) {
        for (const word of bySound.get(blur(run)) ?? []) found.set(run, { from: run, to: word, by: 'sound' });
      }
    } else if (script === 'han') {
      for (const word of doubtful(run)) {
        if (named.has(word) || [...found.keys()].some((each) => each.includes(word))) continue;
        const alike = bySound.get(soundKey(word));
        if (!alike || alike.has(word)) continue;
        for (const other of alike) found.set(word, { from: word, to: other, by: 'sound' });
      }
    }
  }
  for (const { entity, mention, how } of entities) {
    if (how === 'sound' || how === 'spelling')
      found.set(mention, { from: mention, to: entity.name, by: how });
  }
  return [...found.values()];
}

/**
 * What of a run of Han characters may be typed wrongly: words, and neighbours that are no word together, for that is what
 * jieba makes of a wrong one. Longest first.
 */
function doubtful(run: string): string[] {
  const words = segmenter().cut(run, true);
  const found = words.filter((word) => [...word].length > 1);
  for (let first = 0; first < words.length; first++) {
    let joined = '';
    for (let last = first; last < words.length && [...words[last]!].length === 1; last++) {
      joined += words[last];
      if (last > first && last - first < LONGEST_JOINED) found.push(joined);
    }
  }
  return found.sort((a, b) => b.length - a.length);
}

function queryTokens(
  text: string,
  asTyped: string,
  corrections: readonly Correction[],
  constraints: readonly Constraint[],
): string[] {
  const tokens = new Set(analyse(text, 'query'));
  // A document in traditional characters is indexed as it stands.
  if (hasHan(asTyped) && simplified(asTyped) !== asTyped)
    for (const token of analyse(asTyped, 'query')) tokens.add(token);
  for (const { to } of corrections) for (const token of analyse(to, 'query')) tokens.add(token);
  for (const constraint of constraints) {
    if (constraint.kind === 'season') tokens.add(`s${constraint.value}`);
    if (constraint.kind === 'episode') tokens.add(`e${constraint.value}`);
  }
  return [...tokens];
}

/** Distinct content words; a longer word says more than a short one, up to a point. */
function contentWords(text: string, corrections: readonly Correction[]): ContentWord[] {
  const lengths = new Map(
    analyse(text, 'words').map((token) => {
      const length = [...token].length;
      return [token, hasHan(token) ? Math.min(length, 4) : Math.min(length, 8)];
    }),
  );
  const sum = [...lengths.values()].reduce((total, each) => total + each, 0);
  return [...lengths].map(([token, length]) => ({
    token,
    weight: length / sum,
    instead: corrections
      .filter(({ from }) => from.includes(token) || analyse(from, 'words').includes(token))
      .flatMap(({ to }) => analyse(to, 'words')),
  }));
}
