/** What is asked: the words of a query, its language, and the people it names. */
import type { Language } from '../shared/contracts/common.ts';
import type { Identity, IdentityStore } from '../shared/ports/identity-store.ts';
import { analyse } from '../shared/text/analyse.ts';
import { containsPhrase, plain, tidy } from '../shared/text/normalise.ts';
import { detectLanguage, hasHan } from '../shared/text/script.ts';

export interface Question {
  text: string;
  language: Language;
  /** For BM25. */
  tokens: string[];
  /** Content words, each with the share of the question's meaning that it stands for (they add up to 1). */
  words: { token: string; weight: number }[];
  /** Identities named in it. */
  people: Identity[];
}

export async function understand(
  text: string,
  tenant: string,
  identities: Pick<IdentityStore, 'list'> | null,
): Promise<Question> {
  const clean = tidy(text);
  const tokens = analyse(clean, 'query');
  const people = identities ? (await identities.list(tenant)).filter((each) => isNamed(clean, each)) : [];
  return { text: clean, language: detectLanguage(clean), tokens, words: contentWords(clean), people };
}

/** Distinct content words; a longer word says more than a short one, up to a point. */
function contentWords(text: string): Question['words'] {
  const lengths = new Map(
    analyse(text, 'words').map((token) => {
      const length = [...token].length;
      return [token, hasHan(token) ? Math.min(length, 4) : Math.min(length, 8)];
    }),
  );
  const sum = [...lengths.values()].reduce((total, each) => total + each, 0);
  return [...lengths].map(([token, length]) => ({ token, weight: length / sum }));
}

function isNamed(text: string, { name, aliases }: Identity): boolean {
  return [name, ...aliases].some(
    (each) => each !== null && plain(each).length > 1 && containsPhrase(text, each),
  );
}
