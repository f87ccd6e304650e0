import { useState } from 'preact/hooks';
import { Icon } from '../parts/icon.tsx';
import { Picture } from '../parts/picture.tsx';
import { useWords } from '../words/words.ts';

interface PreviewProps {
  media: string;
  poster: string | null;
  /** What is played, again and again, seconds. */
  span: { atSec: number; endSec: number };
  playing: boolean;
}

/** A moment that is too short to be seen is played a little longer. */
const LEAST_SEC = 1.5;

/** The picture of a moment, or the moment itself, without sound. Nothing of the video is loaded before it plays. */
export function Preview({ media, poster, span, playing }: PreviewProps) {
  const { results } = useWords();
  const [running, setRunning] = useState(false);
  const [broken, setBroken] = useState(false);
  const { atSec } = span;
  const endSec = Math.max(span.endSec, atSec + LEAST_SEC);
  return (
    <>
      <Picture url={poster} />
      {playing && !broken && (
        <video
          key={`${media} ${atSec}`}
          class={running ? 'running' : undefined}
          src={media}
          muted
          playsInline
          preload="auto"
          tabIndex={-1}
          onLoadedMetadata={(event) => {
            const { currentTarget } = event;
            currentTarget.currentTime = atSec;
            // Refused where it may not play by itself, or is gone again; the picture stays then.
            currentTarget.play().catch((error: unknown) => console.info('no preview:', error));
          }}
          onPlaying={() => setRunning(true)}
          onTimeUpdate={(event) => {
            if (event.currentTarget.currentTime >= endSec) event.currentTarget.currentTime = atSec;
          }}
          onEnded={(event) => {
            event.currentTarget.currentTime = atSec;
            event.currentTarget.play().catch((error: unknown) => console.info('no preview:', error));
          }}
          onError={() => setBroken(true)}
        />
      )}
      {!playing && (
        <span class="hit-play">
          <Icon name="play" />
        </span>
      )}
      {playing && broken && <span class="hit-broken">{results.cannotPlay}</span>}
    </>
  );
}
