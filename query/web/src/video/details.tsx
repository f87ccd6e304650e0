import type { VideoDetails } from '../api/types.ts';
import { clock, day, languageName } from '../format.ts';
import { formatRoute, HOME } from '../state/route.ts';
import { useWords } from '../words/words.ts';

export function Details({ video }: { video: VideoDetails }) {
  const { video: names, filters, language, comma } = useWords();
  const { width, height, season, episode } = video;
  const rows: [name: string, what: string | null | readonly string[]][] = [
    [names.length, video.durationSec === null ? null : clock(video.durationSec)],
    [filters.facets.source!, filters.sources[video.source] ?? video.source],
    [filters.published, day(video.publishedAt, language)],
    [filters.facets.series!, video.series],
    [names.season, season === null ? null : String(season)],
    [names.episode, episode === null ? null : String(episode)],
    [filters.facets.channel!, video.channel && (video.channel.name ?? video.channel.id)],
    [names.uploader, video.uploader && (video.uploader.name ?? video.uploader.id)],
    [filters.facets.language!, video.language && languageName(video.language, language)],
    [names.size, width && height ? `${width} × ${height}` : null],
    [names.seen, video.labels],
    [names.heard, video.sounds.map((kind) => names.soundKinds[kind] ?? kind).join(comma)],
    [names.keywords, video.keywords],
    [filters.facets.tags!, video.tags],
  ];
  return (
    <section class="panel" aria-labelledby="details-title">
      <h2 id="details-title">{names.details}</h2>
      {video.description && <p class="description">{video.description}</p>}
      <dl class="facts">
        {rows
          .filter(([, what]) => what !== null && what.length > 0)
          .map(([name, what]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{typeof what === 'string' ? what : <Terms terms={what ?? []} />}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

/** Each of them a search. */
function Terms({ terms }: { terms: readonly string[] }) {
  return (
    <ul class="terms">
      {terms.map((term) => (
        <li key={term}>
          <a class="term" href={formatRoute({ ...HOME, text: term })}>
            {term}
          </a>
        </li>
      ))}
    </ul>
  );
}
