import type { VideoDetails } from '../api/types.ts';
import { Picture } from '../parts/picture.tsx';
import { useWords } from '../words/words.ts';

export function Similar({ videos }: { videos: VideoDetails['similar'] }) {
  const { video: words } = useWords();
  if (videos.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="similar-title">
      <h2 id="similar-title">{words.similar}</h2>
      <ul class="similar">
        {videos.map(({ video, title, poster }) => (
          <li key={video}>
            <a href={`/videos/${encodeURIComponent(video)}`}>
              <Picture url={poster} />
              <span>{title || words.untitled}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
