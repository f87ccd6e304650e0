import type { Moment } from '../api/types.ts';
import { clock } from '../format.ts';
import { Picture } from '../parts/picture.tsx';
import { useWords } from '../words/words.ts';

interface MomentStripProps {
  moments: readonly Moment[];
  current: Moment | null;
  /** For the preview. */
  onChoose: (moment: Moment) => void;
  onOpen: () => void;
  /** Attributes that say where a link was followed from. */
  origin: Record<string, string | number>;
}

export function MomentStrip({ moments, current, onChoose, onOpen, origin }: MomentStripProps) {
  const { results } = useWords();
  // A single one is the picture itself.
  if (moments.length < 2) return null;
  return (
    <ul class="moments" aria-label={results.moments}>
      {moments.map((moment) => (
        <li key={moment.id}>
          <a
            href={moment.link}
            class={moment.id === current?.id ? 'moment moment-current' : 'moment'}
            aria-label={results.playFrom(clock(moment.atSec))}
            onPointerEnter={() => onChoose(moment)}
            onFocus={() => onChoose(moment)}
            onClick={onOpen}
            {...origin}
          >
            <Picture url={moment.thumbnail} />
            <span>{clock(moment.atSec)}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
