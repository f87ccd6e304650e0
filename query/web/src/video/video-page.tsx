import { useEffect } from 'preact/hooks';
import type { VideoDetails } from '../api/types.ts';
import { Failure } from '../parts/failure.tsx';
import { Icon } from '../parts/icon.tsx';
import { useKeys } from '../state/keys.ts';
import { originOfPage } from '../state/navigation.ts';
import type { VideoRoute } from '../state/route.ts';
import { useVideo } from '../state/use-video.ts';
import { useWords } from '../words/words.ts';
import { CopyLink } from './copy-link.tsx';
import { Details } from './details.tsx';
import { People } from './people.tsx';
import { Similar } from './similar.tsx';
import { Stages } from './stages.tsx';
import { Timeline } from './timeline.tsx';
import { placesAt } from './tracks.ts';
import { Transcript } from './transcript.tsx';
import { usePlayer } from './use-player.ts';

export function VideoPage({ route }: { route: VideoRoute }) {
  const words = useWords();
  const [state, again] = useVideo(route.video);
  const title = state.status === 'known' ? state.video.title : '';
  useEffect(() => {
    document.title = `${title || words.video.untitled} · ${words.name}`;
  }, [title, words]);
  return (
    <div class="video-page">
      {originOfPage() && (
        <button type="button" class="way back" onClick={() => history.back()}>
          <Icon name="back" />
          {words.video.back}
        </button>
      )}
      {state.status === 'asking' && (
        <div class="video-loading">
          <p class="unseen" role="status">
            {words.video.loading}
          </p>
          <i class="skeleton-screen" aria-hidden="true" />
          <i class="skeleton-title" aria-hidden="true" />
        </div>
      )}
      {state.status === 'failed' && <Failure error={state.error} onAgain={again} />}
      {state.status === 'known' && <Watch video={state.video} from={route.at ?? 0} />}
    </div>
  );
}

const STEP_SEC = 5;

function Watch({ video, from }: { video: VideoDetails; from: number }) {
  const words = useWords();
  const player = usePlayer(video.video, from);
  const { at, seek, handlers } = player;
  const missing = video.missing.map((stage) => words.video.stageNames[stage] ?? stage);
  const shot = placesAt(video.shots, at).at(-1) ?? -1;
  const toShot = (index: number) => {
    const wanted = video.shots[index];
    if (wanted) seek(wanted.startSec);
  };
  const move = (event: KeyboardEvent, by: number) => {
    // Tracks have the arrows for themselves.
    if (event.target instanceof Element && event.target.closest('.track')) return;
    event.preventDefault();
    seek(Math.min(video.durationSec ?? 0, Math.max(0, at + by)));
  };
  useKeys({
    ' ': (event) => {
      event.preventDefault();
      player.toggle();
    },
    j: () => toShot(shot + 1),
    k: () => toShot(Math.max(0, shot - 1)),
    ArrowLeft: (event) => move(event, -STEP_SEC),
    ArrowRight: (event) => move(event, STEP_SEC),
  });
  return (
    <>
      <div class="stage">
        <div class="screen">
          {/* What is said is listed under it, with times: there are no caption files. */}
          <video
            ref={player.element}
            src={video.media}
            poster={video.poster ?? undefined}
            controls
            playsInline
            preload="metadata"
            aria-label={`${words.video.player}: ${video.title}`}
            {...handlers}
          >
            <track kind="captions" />
          </video>
          {player.broken && (
            <p class="screen-broken" role="alert">
              {words.results.cannotPlay}
            </p>
          )}
        </div>
        <Timeline {...{ video, at, seek }} playing={player.playing} />
      </div>
      <div class="video-head">
        <h1>{video.title || words.video.untitled}</h1>
        <CopyLink video={video.video} at={at} />
      </div>
      {!video.complete && (
        <div class="notice notice-warn">
          <Icon name="warn" />
          <p>
            {words.video.incomplete} {missing.length > 0 && words.video.lacks(missing.join(words.comma))}
          </p>
        </div>
      )}
      <div class="video-columns">
        <div class="video-side">
          <Transcript {...{ video, at, seek }} playing={player.playing} />
          {video.stages && video.stages.length > 0 && <Stages stages={video.stages} />}
        </div>
        <div class="video-side">
          <People {...{ video, seek }} />
          <Details video={video} />
          <Similar videos={video.similar} />
        </div>
      </div>
    </>
  );
}
