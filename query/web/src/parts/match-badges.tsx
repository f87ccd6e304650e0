import { useWords } from '../words/words.ts';
import { Icon, type IconName } from './icon.tsx';

const ICONS: Record<string, IconName> = {
  said: 'said',
  shown: 'shown',
  seen: 'seen',
  who: 'who',
  about: 'about',
  heard: 'heard',
  clicked: 'clicked',
};

/** How something answers: said, on screen, seen, … */
export function MatchBadges({ matched }: { matched: readonly string[] }) {
  const { matches } = useWords();
  return (
    <ul class="badges">
      {matched.map((match) => (
        <li key={match} class="badge">
          <Icon name={ICONS[match] ?? 'note'} />
          {matches[match] ?? match}
        </li>
      ))}
    </ul>
  );
}
