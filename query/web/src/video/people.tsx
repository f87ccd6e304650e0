import type { VideoDetails } from '../api/types.ts';
import { clock } from '../format.ts';
import { Picture } from '../parts/picture.tsx';
import { useWords } from '../words/words.ts';
import { peopleOf } from './tracks.ts';

export function People({ video, seek }: { video: VideoDetails; seek: (seconds: number) => void }) {
  const words = useWords();
  const people = peopleOf(video, words);
  if (people.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="people-title">
      <h2 id="people-title">{words.video.people}</h2>
      <ul class="people">
        {people.map(({ identity, label, spans, thumbnail }) => (
          <li key={identity}>
            <button
              type="button"
              class="person"
              aria-label={words.video.seek(clock(spans[0]?.[0] ?? 0), label)}
              onClick={() => seek(spans[0]?.[0] ?? 0)}
            >
              <Picture url={thumbnail} />
              <span>{label}</span>
              <span class="quiet">{words.video.appears(spans.length)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
