import type { TargetedKeyboardEvent } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { clock } from '../format.ts';
import { Picture } from '../parts/picture.tsx';
import { useWords } from '../words/words.ts';
import { placesAt, type Track } from './tracks.ts';

interface TrackRowProps {
  track: Track;
  /** Seconds. */
  at: number;
  seek: (seconds: number) => void;
  /** Of the video, seconds. */
  duration: number;
}

/** One stop of the tabulator; the arrows go from thing to thing. */
export function TrackRow({ track, at, seek, duration }: TrackRowProps) {
  const { video: names } = useWords();
  const [focused, setFocused] = useState(0);
  const stop = Math.min(focused, track.items.length - 1);
  const now = placesAt(track.items, at);

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>) => {
    const last = track.items.length - 1;
    const goal: Record<string, number> = {
      ArrowLeft: Math.max(0, stop - 1),
      ArrowRight: Math.min(last, stop + 1),
      Home: 0,
      End: last,
    };
    const next = goal[event.key];
    if (next === undefined) return;
    event.preventDefault();
    setFocused(next);
    event.currentTarget.querySelectorAll('button')[next]?.focus();
  };
  // A film has thousands of things in a track, and the player moves four times a second.
  const items = useMemo(() => {
    const current = new Set(now);
    const share = (seconds: number) => `${(Math.min(seconds, duration) / duration) * 100}%`;
    return track.items.map((item, i) => (
      <button
        key={item.key}
        type="button"
        class={item.kind ? `item item-${item.kind}` : 'item'}
        tabIndex={i === stop ? 0 : -1}
        aria-current={current.has(i) ? 'true' : undefined}
        aria-label={names.seek(clock(item.startSec), item.label)}
        title={`${clock(item.startSec)}  ${item.label}`}
        style={{
          left: share(item.startSec),
          width: share(Math.min(item.endSec, duration) - item.startSec),
          '--lane': item.lane,
        }}
        onFocus={() => setFocused(i)}
        onClick={() => seek(item.startSec)}
      >
        {item.thumbnail !== undefined ? <Picture url={item.thumbnail} /> : <span>{item.label}</span>}
      </button>
    ));
  }, [track, stop, now.join(), duration, seek, names]);
  return (
    <div
      class={`track track-${track.kind}`}
      role="toolbar"
      aria-label={track.label}
      style={{ '--lanes': track.lanes }}
      onKeyDown={onKeyDown}
    >
      {items}
    </div>
  );
}
