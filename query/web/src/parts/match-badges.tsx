import type { Match } from '../api/types.ts';
import { useWords } from '../words/words.ts';
import { Icon } from './icon.tsx';

/** How something answers: said, on screen, seen, … */
export function MatchBadges({ matched }: { matched: readonly Match[] }) {
  const { matches } = useWords();
  return (
    <ul class="badges">
      {matched.map((match) => (
        <li key={match} class="badge">
          <Icon name={match} />
          {matches[match] ?? match}
        </li>
      ))}
    </ul>
  );
}
